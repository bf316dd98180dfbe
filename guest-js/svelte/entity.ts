import { createSubscriber } from 'svelte/reactivity';
import type { CollectionStore } from '../core/collection-store.js';
import { inContext } from './in-context.js';

/** One entity for runes. */
export interface EntityState<V> {
  /** The entity; undefined where there is none, and before the first snapshot. */
  readonly current: V | undefined;
}

/** A collection for runes: what is read of it in an effect, a `$derived` or markup is kept up. */
export interface CollectionState<V, A = never> {
  /** The entities; undefined before the first snapshot. Another object after each change. */
  readonly current: ReadonlyMap<string, V> | undefined;
  /** The keys, which change only when an entity came or went. */
  readonly keys: readonly string[] | undefined;
  /** The store in force, to write to: the one given, unless the context replaces it. */
  readonly store: CollectionStore<V, A>;
}

/**
 * One entity of a collection for runes, which changes only when that entity came, changed or went:
 * see `topicState`. `key` may be a function, for a property that changes.
 *
 * @example
 * const task = entityState(tasks, () => id);
 */
export function entityState<V, A = never>(
  given: CollectionStore<V, A>,
  key: string | (() => string),
): EntityState<V> {
  const store = inContext(given);
  let last: { key: string; read(): void } | undefined;
  return {
    get current() {
      const entity = store.key(typeof key === 'string' ? key : key());
      // Those who read the same key share one.
      if (last?.key !== entity.key) {
        const read = createSubscriber((update) => entity.subscribe(update));
        last = { key: entity.key, read };
      }
      last.read();
      return entity.get();
    },
  };
}

/**
 * A collection for runes: see `topicState`.
 *
 * @example
 * const all = collectionState(tasks);
 * const count = () => all.keys?.length;
 */
export function collectionState<V, A = never>(given: CollectionStore<V, A>): CollectionState<V, A> {
  const store = inContext(given);
  const readAll = createSubscriber((update) => store.subscribe(update));
  const readKeys = createSubscriber((update) => store.keys.subscribe(update));
  return {
    get current() {
      readAll();
      return store.get();
    },
    get keys() {
      readKeys();
      return store.keys.get();
    },
    store,
  };
}
