import { pageOf } from './page.js';
import type { Transport } from './transport.js';

/**
 * Gives the page a transport in the place of Tauri's: what `defineTopic`, `defineReadonlyTopic`,
 * `defineCollection`, `defineTopicFamily`, `defineRole`, `listTopics`, `removeTopic` and `flush` work
 * over then, in every bundled copy of this package.
 * Call it before any of them is used; it does not matter whether they were called before. Without an
 * argument, Tauri's is in force again.
 *
 * A family needs a transport that can create topics (`AdminTransport`), a role one that can
 * join it (`RoleTransport`), and `flush` one that can save (`FlushTransport`).
 *
 * @example
 * if (!isTauri()) setDefaultTransport(createBrowserTransport({ topics }));
 */
export function setDefaultTransport(transport?: Transport): void {
  pageOf({}).transport = transport;
}
