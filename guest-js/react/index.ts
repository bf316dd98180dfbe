/**
 * Lockstep for React 19: a topic's state in a component.
 *
 * However many components use a topic, the window subscribes once and pulls once: the store that
 * they are given is one. None of them ends it, but for `useFamilyTopic`.
 *
 * @module tauri-plugin-lockstep-api/react
 */
export {
  TopicProvider,
  type TopicProviderProps,
  useCollectionStore,
  useTopicStore,
} from './provider.js';
export { useCollection, useEntity, useEntityKeys } from './use-entity.js';
export { useFamilyTopic } from './use-family-topic.js';
export {
  type UseTopicOptions,
  useTopic,
  useTopicPending,
  useTopicSelector,
  useTopicStatus,
} from './use-topic.js';
