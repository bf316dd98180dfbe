// `tsc` never deletes: what a renamed file left behind would be published.
import { rmSync } from 'node:fs';

rmSync(new URL('../../dist-js', import.meta.url), { recursive: true, force: true });
