import type { JsonPatchOperation } from './json-patch.js';
import type { Revision } from './revision.js';
import type {
  ChangeMeta,
  MergePatch,
  OptimisticOptions,
  Selection,
  StoreMembers,
  TopicStore,
  WriteOptions,
} from './topic-store.js';
import type { Unsubscribe } from './types.js';

/** What a listener of a collection is told of a change. */
export interface CollectionMeta extends ChangeMeta {
  /** The keys of the entities that came, changed or went. */
  readonly changedKeys: ReadonlySet<string>;
}

/**
 * One entity of a collection: what is said of the {@link CollectionStore}'s methods of the same
 * names goes for these. Its listeners are called only when this entity came, changed or went; the
 * entity is undefined while there is none.
 */
export interface EntityStore<V> extends Selection<V | undefined> {
  readonly key: string;
  subscribe(
    listener: (next: V | undefined, previous: V | undefined, meta: CollectionMeta) => void,
  ): Unsubscribe;
  upsert(value: V, options?: OptimisticOptions): Promise<Revision>;
  merge(patch: MergePatch<V>, options?: OptimisticOptions): Promise<Revision>;
  remove(options?: OptimisticOptions): Promise<Revision>;
  update(change: (current: V | undefined) => V | undefined): Promise<Revision>;
}

/**
 * One collection in one window: keys, each with an entity. `V` is the entity, `A` the actions that
 * the collection's reducer takes.
 *
 * It is like a {@link TopicStore} in how it starts, in what its writes promise, and in how they
 * fail. What differs is the cost: a change travels, is applied, and is told of, by key, however
 * many entities there are. The order of the entities is none to rely on.
 *
 * With `expectedRevision`, a write that names entities (`upsert`, `merge`, `remove`, `patch`) is a
 * `conflict` only if one of *those* has changed since that revision.
 */
export interface CollectionStore<V, A = never> extends StoreMembers {
  /**
   * The entities, with the optimistic writes that are pending; undefined before the first snapshot.
   * Another object after each change, which costs nothing: each is a view of what is there *now*, an
   * earlier one, too. For what was there before, listen by key.
   */
  get(): ReadonlyMap<string, V> | undefined;

  /**
   * Calls `listener` after each change, until the returned function is called. What it throws goes
   * to `onError`.
   *
   * @example
   * tasks.subscribe((all, { changedKeys }) => {
   *   for (const key of changedKeys) draw(key, all.get(key));
   * });
   */
  subscribe(
    listener: (entities: ReadonlyMap<string, V>, meta: CollectionMeta) => void,
  ): Unsubscribe;

  /**
   * One entity, to read, write and listen to.
   *
   * @example
   * tasks.key('42').subscribe((task) => draw(task));
   * await tasks.key('42').merge({ done: true });
   */
  key(key: string): EntityStore<V>;

  /** The keys; its listeners are called only when an entity came or went. */
  readonly keys: Selection<readonly string[]>;

  /** Adds the entity, or puts it in the place of the one that has the key. */
  upsert(key: string, value: V, options?: OptimisticOptions): Promise<Revision>;

  /**
   * Changes only what the patch names of the entity (RFC 7396), whatever the rest is by now. Where
   * there is none, the patch has to be a whole one.
   */
  merge(key: string, patch: MergePatch<V>, options?: OptimisticOptions): Promise<Revision>;

  /** Removes the entity; nothing happens where there is none. */
  remove(key: string, options?: OptimisticOptions): Promise<Revision>;

  /**
   * Makes the next entity from the confirmed one; undefined, in both places, is none. Where that
   * entity, and not just any, was changed by another window meanwhile, `change` is called again, as
   * of {@link TopicStore.update}.
   *
   * @example
   * await tasks.update('42', (task) => task && { ...task, count: task.count + 1 });
   */
  update(key: string, change: (current: V | undefined) => V | undefined): Promise<Revision>;

  /**
   * Applies a JSON Patch (RFC 6902): all of its operations, or none; for several entities in one
   * step. Its paths begin with a key: `/42/done`.
   */
  patch(operations: readonly JsonPatchOperation[], options?: OptimisticOptions): Promise<Revision>;

  /** Sends an action to the reducer that the collection was declared with. */
  dispatch(action: A, options?: WriteOptions): Promise<Revision>;
}
