// What a window pays, minified and gzipped, without @tauri-apps/api and the frameworks. Fails over
// a limit. A limit is what was reached, rounded up: it is raised only with what a store can do, and
// said so in the commit; the goal is where it should come to.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What is imported from where; without names, everything. `beyond`: what the app has already. */
const LIMITS = [
  { entry: './index.js', names: ['createTauriRevisionSync'], limit: 2800, goal: 1900 },
  { entry: './index.js', names: ['defineTopic'], limit: 9000, goal: 6000 },
  {
    entry: './browser/index.js',
    names: ['installBrowserTransport'],
    beyond: "export { defineTopic } from './index.js';",
    limit: 5120,
    goal: 4500,
  },
  {
    entry: './browser/index.js',
    names: ['createPersistenceApplier', 'createLocalStorageBackend'],
    limit: 1250,
    goal: 1000,
  },
  { entry: './react/index.js', limit: 800, goal: 700 },
  { entry: './vue/index.js', names: ['useTopic', 'topicKey'], limit: 800, goal: 400 },
  { entry: './svelte/index.js', names: ['topicState'], limit: 800, goal: 300 },
  { entry: './svelte/index.js', names: ['topicReadable', 'topicStatus'], limit: 800, goal: 300 },
  { entry: './appliers/pinia.js', limit: 800, goal: 600 },
  { entry: './appliers/zustand.js', limit: 800, goal: 600 },
  { entry: './appliers/valtio.js', limit: 750, goal: 600 },
  { entry: './vue/index.js', names: ['createVueSnapshotApplier'], limit: 900, goal: 600 },
  { entry: './svelte/index.js', names: ['createSvelteSnapshotApplier'], limit: 900, goal: 600 },
];

const resolveDir = fileURLToPath(new URL('..', import.meta.url));
let failed = false;

async function sizeOf(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: ['@tauri-apps/api', 'react', 'svelte', 'vue'],
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

for (const { entry, names, beyond = '', limit, goal } of LIMITS) {
  const what = names ? `{ ${names.join(', ')} }` : '*';
  const all = await sizeOf(`${beyond} export ${what} from '${entry}';`);
  const size = beyond ? all - (await sizeOf(beyond)) : all;
  const over = size > limit;
  failed ||= over;
  const name = names?.join(', ') ?? `all of ${entry}`;
  console.log(
    `${over ? 'OVER' : 'ok  '} ${name}: ${size} B of ${limit} B, goal ${goal} B (min+gzip)`,
  );
}

if (failed) process.exit(1);
