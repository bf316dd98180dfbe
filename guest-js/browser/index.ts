/**
 * Lockstep without Tauri: the same stores in a plain browser, between tabs.
 *
 * Start with {@link installBrowserTransport}, with which the app's own bindings work as they are.
 * {@link createPersistenceApplier} and {@link createLocalStorageBackend} are building blocks.
 *
 * @module tauri-plugin-lockstep-api/browser
 */
export { installBrowserTransport } from './install.js';
export {
  createLocalStorageBackend,
  type LocalStorageBackendOptions,
  type PersistenceBackend,
} from './local-storage.js';
export type {
  BrowserTopic,
  BrowserTransport,
  BrowserTransportOptions,
  TabRole,
} from './options.js';
export {
  type CrossTabSyncOptions,
  createPersistenceApplier,
  type PersistenceApplier,
  type PersistenceApplierOptions,
} from './persistence.js';
export type { ChannelLike, LocksLike, PlatformOptions, StorageLike } from './platform.js';
export { createBrowserTransport } from './transport.js';
