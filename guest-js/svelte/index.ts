/**
 * Lockstep for Svelte 5: a topic's state for runes and as a Svelte store, and an applier for state
 * that you have already.
 *
 * However many components use a topic, the window subscribes once and pulls once: the store that
 * they are given is one. None of them ends it.
 *
 * @module tauri-plugin-lockstep-api/svelte
 */
export type {
  ApplierOptions,
  KeysOptions,
  ToStateContext,
} from '../appliers/options.js';
export { createSvelteSnapshotApplier } from '../appliers/svelte.js';
export {
  type CollectionState,
  collectionState,
  type EntityState,
  entityState,
} from './entity.js';
export { topicPending, topicReadable, topicStatus } from './readable.js';
export { type TopicState, topicState } from './state.js';
