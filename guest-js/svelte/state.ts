import { createSubscriber } from 'svelte/reactivity';
import type { ReadonlyTopicStore, TopicStatus, TopicStore } from '../core/topic-store.js';
import { inContext } from './in-context.js';

/**
 * A topic for runes: what is read of it in an effect, a `$derived` or markup is kept up. `S` is the store that
 * it is of: one that writes, or one that only reads.
 */
export interface TopicState<T, A = never, S = TopicStore<T, A>> {
  /**
   * The state; undefined before the first snapshot. The store's own copy, of which parts that did
   * not change stay `===`, and not to be changed: write with `store`.
   */
  readonly current: T | undefined;
  /** What the store is doing. */
  readonly status: TopicStatus;
  /** How many of this window's optimistic writes are not confirmed yet. */
  readonly pending: number;
  /** The store in force, to write to: the one given, unless the context replaces it. */
  readonly store: S;
}

/**
 * A topic's state, status and count of pending writes for runes. It listens while an effect reads it, and may be made
 * anywhere: in a component, or once in a module. The store itself is never closed by it.
 *
 * Made while a component is set up, it takes the store that the context holds under the given one,
 * if any: for tests, which have no Tauri.
 *
 * For a part of the state, `$derived(state.current?.part)` changes only when the part does.
 *
 * @example
 * const now = topicState(settings);
 * const dark = () => now.current?.dark ?? false;
 *
 * @example
 * mount(Form, { target, context: new Map([[settings, fake]]) });
 */
export function topicState<T, A = never>(given: TopicStore<T, A>): TopicState<T, A>;
export function topicState<T>(
  given: ReadonlyTopicStore<T>,
): TopicState<T, never, ReadonlyTopicStore<T>>;
export function topicState<T>(
  given: ReadonlyTopicStore<T>,
): TopicState<T, never, ReadonlyTopicStore<T>> {
  const store = inContext(given);
  const readState = createSubscriber((update) => store.subscribe(update));
  const readStatus = createSubscriber((update) => store.onStatus(update));
  const readPending = createSubscriber((update) => store.onPending(update));
  return {
    get current() {
      readState();
      return store.get();
    },
    get status() {
      readStatus();
      return store.status;
    },
    get pending() {
      readPending();
      return store.pending;
    },
    store,
  };
}
