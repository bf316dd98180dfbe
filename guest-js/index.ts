/**
 * Every window of a Tauri app, showing the same state.
 *
 * Start with {@link defineTopic}. {@link createTauriRevisionSync} is the smaller building block
 * for a store of your own; `tauri-plugin-lockstep-api/core` is all of it without Tauri.
 *
 * @module tauri-plugin-lockstep-api
 */
export * from './core/index.js';
export {
  createTauriAdminTransport,
  createTauriFlushTransport,
  createTauriInvalidationSubscriber,
  createTauriRevisionSync,
  createTauriRoleTransport,
  createTauriSnapshotProvider,
  createTauriTransport,
  defineCollection,
  defineReadonlyTopic,
  defineRole,
  defineTopic,
  defineTopicFamily,
  flush,
  listTopics,
  removeTopic,
  type TauriInvalidationSubscriberOptions,
  type TauriInvoke,
  type TauriListen,
  type TauriRevisionSyncOptions,
  type TauriSnapshotProviderOptions,
} from './tauri.js';
