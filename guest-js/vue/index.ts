/**
 * Lockstep for Vue 3: a topic's state as a ref, and an applier for state that you have already.
 *
 * However many components use a topic, the window subscribes once and pulls once: the store that
 * they are given is one. None of them ends it.
 *
 * @module tauri-plugin-lockstep-api/vue
 */
export type {
  ApplierOptions,
  KeysOptions,
  ToStateContext,
} from '../appliers/options.js';
export { createVueSnapshotApplier } from '../appliers/vue.js';
export { type UseCollectionReturn, useCollection, useEntity } from './use-entity.js';
export { topicKey, type UseTopicReturn, useTopic } from './use-topic.js';
