import type { Readable } from 'svelte/store';
import type { ReadonlyTopicStore, TopicStatus } from '../core/topic-store.js';
import { inContext } from './in-context.js';

/**
 * A topic's state as a Svelte store: calls its subscribers at once, with undefined before the
 * first snapshot, and after each change. The values are the store's own and not to be changed.
 * For runes, `topicState` does the same.
 *
 * Made while a component is set up, it takes the store that the context holds under the given one,
 * if any.
 *
 * @example
 * const now = topicReadable(settings);
 * const stop = now.subscribe((state) => console.log(state?.dark));
 */
export function topicReadable<T>(given: ReadonlyTopicStore<T>): Readable<T | undefined> {
  const store = inContext(given);
  return {
    subscribe(run) {
      // Before the first call, so that what it changes is heard.
      const stop = store.subscribe((next) => run(next));
      run(store.get());
      return stop;
    },
  };
}

/**
 * What a topic's store is doing, as a Svelte store.
 *
 * @example
 * const stop = topicStatus(settings).subscribe((status) => console.log(status));
 */
export function topicStatus<T>(given: ReadonlyTopicStore<T>): Readable<TopicStatus> {
  const store = inContext(given);
  return {
    subscribe(run) {
      const stop = store.onStatus((next) => run(next));
      run(store.status);
      return stop;
    },
  };
}

/**
 * How many of this window's optimistic writes to a topic are not confirmed yet, as a Svelte store.
 *
 * @example
 * const stop = topicPending(settings).subscribe((pending) => console.log(pending));
 */
export function topicPending<T>(given: ReadonlyTopicStore<T>): Readable<number> {
  const store = inContext(given);
  return {
    subscribe(run) {
      const stop = store.onPending((next) => run(next));
      run(store.pending);
      return stop;
    },
  };
}
