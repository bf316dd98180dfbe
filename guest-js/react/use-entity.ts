import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { CollectionStore } from '../core/collection-store.js';
import type { Selection } from '../core/topic-store.js';
import { useCollectionStore } from './provider.js';

/**
 * One entity of a collection, and a new rendering only when that entity came, changed or went;
 * undefined where there is none, and before the first snapshot.
 *
 * @example
 * function Row({ id }: { id: string }) {
 *   const task = useEntity(tasks, id);
 *   return task?.title;
 * }
 */
export function useEntity<V, A = never>(given: CollectionStore<V, A>, key: string): V | undefined {
  const store = useCollectionStore(given);
  return useSelection(useMemo(() => store.key(key), [store, key]));
}

/**
 * The keys of a collection, and a new rendering only when an entity came or went; undefined before
 * the first snapshot. With {@link useEntity} in each row, a change renders one row.
 *
 * @example
 * const rows = useEntityKeys(tasks)?.map((id) => createElement(Row, { key: id, id }));
 */
export function useEntityKeys<V, A = never>(
  given: CollectionStore<V, A>,
): readonly string[] | undefined {
  return useSelection(useCollectionStore(given).keys);
}

/**
 * A whole collection, and a new rendering at every change; undefined before the first snapshot. For
 * what is made of all entities, such as a sum.
 *
 * @example
 * const all = useCollection(tasks);
 * const open = [...(all?.values() ?? [])].filter((task) => !task.done).length;
 */
export function useCollection<V, A = never>(
  given: CollectionStore<V, A>,
): ReadonlyMap<string, V> | undefined {
  const store = useCollectionStore(given);
  return useSyncExternalStore(
    useCallback((onChange) => store.subscribe(onChange), [store]),
    () => store.get(),
    nothing,
  );
}

function useSelection<S>(selection: Selection<S>): S | undefined {
  return useSyncExternalStore(
    useCallback((onChange) => selection.subscribe(onChange), [selection]),
    () => selection.get(),
    nothing,
  );
}

const nothing = (): undefined => undefined;
