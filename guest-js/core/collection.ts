import type { CollectionMeta, CollectionStore } from './collection-store.js';
import { createEntityMap } from './entities.js';
import { createListeners, type Listeners } from './listeners.js';
import { define } from './own.js';
import { MOST_PATHS } from './path.js';
import { createTopicBase, freezes } from './topic-base.js';
import type { TopicStoreOptions } from './topic-store.js';
import type { Transport } from './transport.js';
import { createWriter } from './writer.js';

/**
 * The store of one collection over any transport. In a Tauri app, `defineCollection` is this with
 * Tauri's.
 *
 * - **I7** Its copy moves forward only, and is its own.
 * - **I10** An optimistic write that is refused is taken back, and no other.
 * - **I12** A write resolves when this copy is at the write's revision or newer.
 * - **I14** What a change costs does not grow with the collection, but for a whole snapshot.
 *
 * @example
 * const tasks = createCollectionStore<Task>('tasks', transport);
 */
export function createCollectionStore<V, A = never>(
  topic: string,
  transport: Transport,
  options: TopicStoreOptions = {},
): CollectionStore<V, A> {
  type OfAll = [entities: ReadonlyMap<string, V>, meta: CollectionMeta];
  type OfOne = [next: V | undefined, previous: V | undefined, meta: CollectionMeta];
  const entities = createEntityMap(freezes(options));
  const shown = entities.shown as Map<string, V>;
  const byKey = new Map<string, Listeners<OfOne>>();
  const news: (() => void)[] = [];
  let fresh = true;
  let view: ReadonlyMap<string, V> | undefined;
  let list: readonly string[] | undefined;

  const store = createTopicBase(topic, transport, options, {
    take({ data, patch }) {
      if (data === undefined) entities.patch(patch);
      else entities.replace(data);
    },
    show,
    clear() {
      changes.clear();
      moves.clear();
      for (const listeners of byKey.values()) listeners.clear();
    },
  });
  const { engine, use } = store;
  const { overlay, write, update, onPending } = createWriter(store, transport, options, show);
  const changes = createListeners<OfAll>(store.failed);
  const moves = createListeners<[meta: CollectionMeta]>(store.failed);

  /** Shows what is pending on top of what is confirmed, and tells of what is new. */
  function show(writtenBy: string | undefined): void {
    entities.replay(overlay);
    const { before, moved } = entities.taken();
    if (!before.size && !fresh) return;
    fresh = false;
    view = undefined;
    if (moved) list = undefined;
    const meta: CollectionMeta = {
      revision: engine.gate.revision(),
      sourceId: store.sourceOf(writtenBy),
      changedKeys: new Set(before.keys()),
      get changedPaths() {
        return before.size > MOST_PATHS ? [''] : [...before.keys()].map(pathOf);
      },
    };
    const now = new Map([...before.keys()].map((key) => [key, shown.get(key)]));
    news.push(() => {
      for (const [key, previous] of before) {
        byKey.get(key)?.tell(now.get(key), previous as V | undefined, meta);
      }
      if (moved) moves.tell(meta);
      changes.tell(current(), meta);
    });
    // A listener that writes optimistically makes news of its own: everybody hears it after this.
    if (news.length > 1) return;
    for (const item of news) item();
    news.length = 0;
  }

  function current(): ReadonlyMap<string, V> {
    view ??= viewOf(shown);
    return view;
  }

  function keysNow(): readonly string[] | undefined {
    use();
    if (!fresh) list ??= [...shown.keys()];
    return list;
  }

  /** Only this entity, as a member. */
  function only(key: string, value: unknown): object {
    const object = {};
    define(object, key, value);
    return object;
  }

  const pathOf = (key: string): string => `/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`;
  const adding = (key: string, value: unknown) => ({
    patch: [{ op: 'add', path: pathOf(key), value }],
  });

  const own: Omit<CollectionStore<V, A>, Exclude<keyof typeof store.members, 'onPending'>> = {
    onPending,
    get() {
      use();
      return fresh ? undefined : current();
    },
    subscribe(listener) {
      use();
      return changes.add(listener);
    },
    key: (key) => ({
      key,
      get() {
        use();
        return shown.get(key);
      },
      subscribe(listener) {
        use();
        const listeners = byKey.get(key) ?? createListeners<OfOne>(store.failed);
        byKey.set(key, listeners);
        const remove = listeners.add(listener);
        return () => {
          remove();
          if (!listeners.size()) byKey.delete(key);
        };
      },
      upsert: (value, how) => own.upsert(key, value, how),
      merge: (patch, how) => own.merge(key, patch, how),
      remove: (how) => own.remove(key, how),
      update: (change) => own.update(key, change),
    }),
    keys: {
      get: keysNow,
      subscribe(listener) {
        use();
        let last = keysNow();
        return moves.add((meta) => {
          const before = last;
          last = keysNow() as readonly string[];
          listener(last, before, meta);
        });
      },
    },
    upsert: (key, value, how) => write(adding(key, value), how),
    merge: (key, patch, how) => write({ merge: only(key, patch) }, how),
    remove: (key, how) => write({ merge: only(key, null) }, how),
    update: (key, change) =>
      update(() => {
        const next = change(entities.confirmed(key) as V | undefined);
        return next === undefined ? { merge: only(key, null) } : adding(key, next);
      }),
    patch: (operations, how) => write({ patch: operations }, how),
    dispatch: (action, how) => write({ action }, how),
  };
  // In this order: its accessors stay accessors.
  return Object.assign(store.members, own);
}

/** What is in a map now, to read only. */
function viewOf<V>(map: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  const view: ReadonlyMap<string, V> = {
    get size() {
      return map.size;
    },
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    keys: () => map.keys(),
    values: () => map.values(),
    entries: () => map.entries(),
    forEach(each, self) {
      for (const [key, value] of map) each.call(self, value, key, view);
    },
    [Symbol.iterator]: () => map.entries(),
  };
  return view;
}
