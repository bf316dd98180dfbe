import { patchSharing } from './json-patch.js';
import { createListeners } from './listeners.js';
import type { Early, Overlay } from './optimistic.js';
import { copySharing } from './own.js';
import { changedPaths, partAt } from './path.js';
import { createTopicBase, freezes, type TopicBase } from './topic-base.js';
import type {
  ChangeMeta,
  ReadonlyTopicStore,
  ReadonlyTopicStoreOptions,
  Selection,
  TopicStore,
} from './topic-store.js';
import type { Transport } from './transport.js';
import type { Unsubscribe } from './types.js';

/** A topic's copy in this window, and who listens to it. */
export interface Reader<T> {
  base: TopicBase;
  members: TopicBase['members'] & Pick<TopicStore<T>, 'get' | 'subscribe' | 'select'>;
  /** What the backend has confirmed. */
  confirmed(): T | undefined;
  /** Shows that, with the overlay's writes on top. `added`: of these, only this one is new. */
  show(writtenBy: string | undefined, added?: Early): void;
  /** The writes that are shown before they are confirmed. */
  overlay?: Overlay;
}

/**
 * The part of a topic's store that reads, which is all of one that cannot write.
 *
 * - **I7** Its copy moves forward only, and is its own: no listener, transport or other handle
 *   holds a part of it that could be changed.
 */
export function createReader<T>(
  topic: string,
  transport: Transport,
  options: ReadonlyTopicStoreOptions,
): Reader<T> {
  const freeze = freezes(options);
  // What the backend has confirmed, and that with what is pending on top of it.
  let base: T | undefined;
  let shown: T | undefined;
  let taken = false;

  function show(writtenBy: string | undefined, added?: Early): void {
    const { overlay } = reader;
    const before = shown;
    const pending = overlay?.size();
    const state = overlay ? overlay.over(base, before, added) : base;
    // What was just taken in shares its parts with what was shown.
    const sharing = taken && !pending;
    taken = false;
    const next = (sharing ? state : copySharing(before, state, freeze)) as T;
    shown = next;
    if (!pending) base = next;
    if (next === before) return;
    let paths: string[] | undefined;
    news.push([
      next,
      before,
      {
        revision: engine.gate.revision(),
        sourceId: store.sourceOf(writtenBy),
        get changedPaths() {
          paths ??= changedPaths(before, next);
          return paths;
        },
      },
    ]);
    // A listener that writes optimistically makes news of its own: everybody hears it after this.
    if (news.length > 1) return;
    for (const item of news) changes.tell(...item);
    news.length = 0;
  }

  const store = createTopicBase(topic, transport, options, {
    take({ data, patch }) {
      const keep = (next: unknown, before?: unknown) => copySharing(before, next, freeze);
      // With nothing pending a patch shares all that stays, also where that stands elsewhere now.
      const sharing = data !== undefined || shown === base;
      const next =
        data === undefined
          ? patchSharing(base, patch, keep, freeze ? Object.freeze : undefined)
          : keep(data, shown);
      base = next as T;
      taken = sharing;
    },
    show,
    clear: () => changes.clear(),
  });
  const { engine, use } = store;
  const changes = createListeners<[next: T, previous: T | undefined, meta: ChangeMeta]>(
    store.failed,
  );
  const news: [next: T, previous: T | undefined, meta: ChangeMeta][] = [];
  const named = new Map<string, Unsubscribe>();

  function select<S>(
    pick: (state: T) => S,
    equal: (a: S, b: S) => boolean = Object.is,
  ): Selection<S> {
    return {
      get() {
        use();
        return shown === undefined ? undefined : pick(shown);
      },
      subscribe(listener) {
        use();
        let last = shown === undefined ? undefined : { part: pick(shown) };
        return changes.add((next, _, meta) => {
          const part = pick(next);
          if (last && equal(last.part, part)) return;
          const before = last?.part;
          last = { part };
          listener(part, before, meta);
        });
      },
    };
  }

  const reader: Reader<T> = {
    base: store,
    // In this order: its accessors stay accessors.
    members: Object.assign(store.members, {
      get() {
        use();
        return shown;
      },
      subscribe(listener, { path, id } = {}) {
        const part = path && partAt(path);
        use();
        const remove = changes.add(
          part
            ? (next, before, meta) => {
                if (part(next) !== part(before)) listener(next, before, meta);
              }
            : listener,
        );
        if (id === undefined) return remove;
        named.get(id)?.();
        const stop = (): void => {
          remove();
          if (named.get(id) === stop) named.delete(id);
        };
        named.set(id, stop);
        return stop;
      },
      select,
    } satisfies Pick<TopicStore<T>, 'get' | 'subscribe' | 'select'>),
    confirmed: () => base,
    show,
  };
  return reader;
}

/**
 * The store of one topic over any transport, for a window that only reads it. In a Tauri app,
 * `defineReadonlyTopic` is this with Tauri's.
 *
 * @example
 * const counter = createReadonlyTopicStore<number>('counter', transport);
 */
export function createReadonlyTopicStore<T>(
  topic: string,
  transport: Transport,
  options: ReadonlyTopicStoreOptions = {},
): ReadonlyTopicStore<T> {
  return createReader<T>(topic, transport, options).members;
}
