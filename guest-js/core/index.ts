/**
 * The core, which knows nothing of Tauri: revision-gated copies over any transport.
 *
 * @module tauri-plugin-lockstep-api/core
 */
export type { ListTopicsOptions } from './admin.js';
export { createCollectionStore } from './collection.js';
export type { CollectionMeta, CollectionStore, EntityStore } from './collection-store.js';
export { configure, type PageOptions } from './configure.js';
export { type ConnectApplierOptions, connectApplier } from './connect-applier.js';
export { setDefaultTransport } from './default-transport.js';
export {
  LockstepError,
  type LockstepErrorFields,
  type LockstepErrorKind,
} from './errors.js';
export { type ErrorContext, toLockstepError } from './explain.js';
export { type CreateOptions, createTopicFamily, type TopicFamily } from './family.js';
export { applyJsonPatch, type JsonPatchOperation } from './json-patch.js';
export { type ConsoleLoggerOptions, createConsoleLogger, noopLogger, tagLogger } from './logger.js';
export { onError } from './on-error.js';
export type { PathOf } from './path.js';
export { createReadonlyTopicStore } from './reader.js';
export { type RetryInfo, type RetryPolicy, withRetry } from './retry.js';
export { type RetryReportingOptions, withRetryReporting } from './retry-reporting.js';
export { compareRevisions, isCanonicalRevision, type Revision, ZERO_REVISION } from './revision.js';
export {
  createRole,
  type Role,
  type RoleHolder,
  type RoleName,
  type RoleNews,
  type RoleOptions,
} from './role.js';
export { createTopicStore } from './store.js';
export {
  createRevisionSync,
  type RevisionSyncHandle,
  type RevisionSyncOptions,
} from './sync.js';
export {
  createThrottledHandler,
  type InvalidationThrottlingOptions,
  type ThrottledHandler,
} from './throttle.js';
export type {
  ChangeMeta,
  DispatchOptions,
  MergePatch,
  OptimisticOptions,
  ReadonlyTopicStore,
  ReadonlyTopicStoreOptions,
  Selection,
  SubscribeOptions,
  TopicStatus,
  TopicStore,
  TopicStoreOptions,
  WriteOptions,
} from './topic-store.js';
export type {
  AdminTransport,
  CreateTopicRequest,
  FlushTransport,
  Hide,
  RoleTransport,
  Transport,
  Wake,
  WriteOperation,
  WriteRequest,
} from './transport.js';
export type {
  InvalidationEvent,
  InvalidationSubscriber,
  Logger,
  SnapshotApplier,
  SnapshotEnvelope,
  SnapshotProvider,
  SyncErrorContext,
  SyncPhase,
  Topic,
  Unchanged,
  Unsubscribe,
} from './types.js';
