import { patchSharing } from './json-patch.js';
import { createListeners } from './listeners.js';
import { copySharing } from './own.js';
import { changedPaths, partAt } from './path.js';
import { createTopicBase, freezes } from './topic-base.js';
import type { ChangeMeta, Selection, TopicStore, TopicStoreOptions } from './topic-store.js';
import type { Transport } from './transport.js';
import type { Unsubscribe } from './types.js';

/**
 * The everyday store of one topic over any transport. In a Tauri app, `defineTopic` is this
 * with Tauri's.
 *
 * - **I7** Its copy moves forward only, and is its own: no listener, transport or other handle
 *   holds a part of it that could be changed.
 * - **I10** An optimistic write that is refused is taken back, and no other.
 * - **I12** A write resolves when this copy is at the write's revision or newer.
 *
 * @example
 * const counter = createTopicStore<number>('counter', transport);
 */
export function createTopicStore<T, A = never>(
  topic: string,
  transport: Transport,
  options: TopicStoreOptions = {},
): TopicStore<T, A> {
  const freeze = freezes(options);
  // What the backend has confirmed, and that with what is pending on top of it.
  let base: T | undefined;
  let shown: T | undefined;
  let taken = false;

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
    show(writtenBy, added) {
      const before = shown;
      const state = added ? overlay.through(before, added) : overlay.over(base);
      // What was just taken in shares its parts with what was shown.
      const sharing = taken && !overlay.size();
      taken = false;
      const next = (sharing ? state : copySharing(before, state, freeze)) as T;
      shown = next;
      if (!overlay.size()) base = next;
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
    },
    clear: () => changes.clear(),
  });
  const { engine, writer, overlay, use, open } = store;
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

  // In this order: its accessors stay accessors.
  return Object.assign(store.members, {
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
    set: (next, write) => open(() => writer.write({ set: next }, write)),
    merge: (patch, write) => open(() => writer.write({ merge: patch }, write)),
    patch: (operations, write) => open(() => writer.write({ patch: operations }, write)),
    dispatch: (action, write) => open(() => writer.write({ action }, write)),
    update: (change) => open(() => writer.update(() => ({ set: change(base as T) }))),
  } satisfies Omit<TopicStore<T, A>, keyof typeof store.members>);
}
