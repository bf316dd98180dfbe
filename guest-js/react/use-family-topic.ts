import { useEffect } from 'react';
import type { TopicFamily } from '../core/family.js';
import type { TopicStore } from '../core/topic-store.js';

/** How many components use a store. */
const users = new WeakMap<object, number>();

/**
 * The store of one topic of a family, for as long as a component uses it: it is closed when the last
 * component that got it by this hook is gone, so that a window does not go on listening to what it
 * showed once. For a store that is to live longer, give `family.topic(id)` to `useTopic` instead: it is
 * the same store, so do not use both for one topic.
 *
 * @example
 * function Download({ id }: { id: string }) {
 *   const store = useFamilyTopic(downloads, id);
 *   return useTopic(store)?.percent;
 * }
 */
export function useFamilyTopic<T, A = never>(
  family: TopicFamily<T, A>,
  id: string,
): TopicStore<T, A> {
  const store = family.topic(id);
  useEffect(() => {
    users.set(store, (users.get(store) ?? 0) + 1);
    return () => {
      users.set(store, (users.get(store) ?? 1) - 1);
      // Not at once: a component may only be moved, and strict mode takes it away and puts it back.
      setTimeout(() => {
        if (!users.get(store)) store.close();
      });
    };
  }, [store]);
  return store;
}
