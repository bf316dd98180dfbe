import { getContext } from 'svelte';
import type { TopicStore } from '../core/topic-store.js';

/** The store that the component's context has under the given store as its key, or that one. */
export function inContext<T, A>(store: TopicStore<T, A>): TopicStore<T, A> {
  try {
    return getContext<TopicStore<T, A> | undefined>(store) ?? store;
  } catch {
    // Outside of a component's first run there is no context.
    return store;
  }
}
