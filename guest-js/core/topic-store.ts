import type { JsonPatchOperation } from './json-patch.js';
import type { PathOf } from './path.js';
import type { Revision } from './revision.js';
import type { Logger, SyncErrorContext, Topic, Unsubscribe } from './types.js';

/**
 * What a store is doing, for a user interface.
 *
 * | status | meaning |
 * |---|---|
 * | `idle` | nobody has used it yet |
 * | `connecting` | it is making sure that it will hear of changes |
 * | `syncing` | a pull is under way |
 * | `synchronized` | it shows what the backend has, as far as it has heard |
 * | `stale` | something newer is known, or the last pull failed: another is pending |
 * | `denied` | a capability is missing; it asks again after a back-off, and when the window wakes |
 * | `removed` | the topic is there no more: `get()` keeps its last state, writes reject with `unknownTopic`; the store goes on by itself when the topic is created again |
 * | `closed` | `close()` was called |
 */
export type TopicStatus =
  | 'idle'
  | 'connecting'
  | 'syncing'
  | 'synchronized'
  | 'stale'
  | 'denied'
  | 'removed'
  | 'closed';

/**
 * A JSON Merge Patch (RFC 7396) of `T`: members replace, objects merge, `null` removes. Arrays
 * are replaced as a whole. `null` is allowed only where the member may be missing or null.
 *
 * @example
 * const patch: MergePatch<{ theme: string; window: { width: number; title?: string } }> = {
 *   window: { width: 800, title: null },
 * };
 */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: MergePatch<T[K]> | Removal<T, K> }
    : T;

type Removal<T, K extends keyof T> = string extends K
  ? null
  : undefined extends T[K]
    ? null
    : null extends T[K]
      ? null
      : never;

/** How one write is to be made. */
export interface WriteOptions {
  /** Write only if the topic is at exactly this revision; else reject with `conflict`. */
  expectedRevision?: Revision;
}

/** How a write is to be made whose result a window can foresee. */
export interface OptimisticOptions extends WriteOptions {
  /**
   * Shows the result at once, before the backend has answered. What others change meanwhile is
   * shown beneath it. Where the write is refused, it alone is taken back.
   */
  optimistic?: boolean;
}

/** How an action is to be dispatched. */
export interface DispatchOptions<T, A> extends WriteOptions {
  /**
   * What the backend's reducer is expected to make of the state: shown at once, and made again
   * on every newer state until the backend has answered. It must be free of side effects, and
   * must not alter its arguments. Where it throws, nothing is shown early, and `onError` is told.
   *
   * Where the answer is lost, or late by more than a quarter of a second, the state that already
   * holds the action may come first: then its effect is shown twice until the answer is here,
   * unless doing it twice is the same as doing it once.
   */
  optimistic?: (state: T, action: A) => T;
}

/** What a listener is told of a change, beside the states before and after it. */
export interface ChangeMeta {
  /** The revision that the state is at now. */
  readonly revision: Revision;
  /**
   * The label of the window that made the latest change, as far as it is known: this one's for
   * its own write; another's where its announcement named it. Null where the backend wrote,
   * several did, or it is not known. A hint, like every announcement: never decide on rights by
   * it.
   */
  readonly sourceId: string | null;
  /**
   * JSON Pointers (RFC 6901) of what has changed, at most 100; where there would be more, those of
   * the parts that hold them. `['']`, the whole, with the first snapshot. Worked out when it is
   * read first.
   */
  readonly changedPaths: readonly string[];
}

/** How to listen. */
export interface SubscribeOptions<T> {
  /**
   * Call only when this part has changed: a JSON Pointer, or a list of keys. The listener is given
   * the whole state all the same. For the part itself, see {@link TopicStore.select}.
   */
  path?: string | PathOf<T>;
  /**
   * Takes the place of the listener that was added under the same id, if any: for code that may
   * run again, such as a module that is reloaded.
   */
  id?: string;
}

/** A part of a store's state. See {@link TopicStore.select}. */
export interface Selection<S> {
  /** The part now; undefined before the first snapshot. */
  get(): S | undefined;
  /** Calls `listener` when the part has changed, until the returned function is called. */
  subscribe(listener: (next: S, previous: S | undefined, meta: ChangeMeta) => void): Unsubscribe;
}

/** How a store behaves. */
export interface TopicStoreOptions {
  /**
   * Whether the store's copy is deep-frozen, so that changing it by mistake throws at once
   * rather than drifting away from the other windows. Default: yes, unless
   * `process.env.NODE_ENV` is `production`, which bundlers fill in; in the global script: no.
   */
  freeze?: boolean;
  /** After how many ms a pull counts as failed and is tried again. Default: 10 000. */
  pullTimeoutMs?: number;
  /**
   * After how many ms under way a write rejects with `timeout`. Until then it is sent up to four
   * times: again after 0.1 s, 0.5 s and 2.5 s where the call fails on its way, and after a quarter
   * of this time where it hangs. That is safe, since each time it carries the same number, and the
   * backend applies a number once. Nothing is repeated after 50 s by the clock, so a page that slept
   * repeats nothing that the backend may have forgotten. Default: 30 000.
   */
  writeTimeoutMs?: number;
  /**
   * What the store does while its page is hidden. `rest`: it is told nothing until the page is shown,
   * and then what it has missed, at once; until then it may be behind though its `status` says
   * `synchronized`. Where several stores of a page are of one topic, all of them have to rest for
   * that. A platform that does not report a hiding, as WebView2, has it followed all the same.
   * Default: `follow`.
   */
  whenHidden?: 'follow' | 'rest';
  /**
   * Whether the store has its state at once: its first use, such as `get()`, waits for the backend, so
   * that the first frame shows what is. That takes about a millisecond for a small state, in which the
   * page does nothing else, and 0.2 s at most, beside what the app's main thread is busy: where no answer
   * comes by then, and where this is not possible (a content security policy without the plugin's
   * scheme, a denied topic), the store begins as any other. So do those that are first used in the
   * second after one that had no answer in time. Default: `false`.
   */
  firstPaint?: boolean;
  /** Default: warnings and errors, on the console. */
  logger?: Logger;
  /**
   * Told of every failed pull and listen, those that a `refresh()` rejects with included, and of
   * what listeners throw. Not of failed writes: their promises tell. Default: whoever called the
   * app-wide `onError(handler)`.
   */
  onError?: (context: SyncErrorContext) => void;
}

/**
 * One topic in one window: the everyday store. `T` is the state, `A` the actions that its reducer
 * takes; without one, there is nothing to `dispatch`.
 *
 * It starts by itself on first use of any member but `topic`, `status`, `pending`, `select` (its
 * `get` and `subscribe` do) and `close`, so that a
 * window pays only for the topics it uses. It never gives up: failures show in `status`, and go
 * to `onError`.
 *
 * `set`, `merge`, `patch`, `dispatch` and `update` resolve with the write's revision, or a newer one, as soon as this
 * store shows it; `get()` right after holds the result. (In a window that may write the topic
 * but not read it, they resolve when the backend has applied the write.) Writes of one page to
 * one topic are applied in the order of the calls, awaited or not; those that are called for
 * while others are under way go out together. What is written is what the argument holds when
 * the call is made. A write that may have been lost is sent again, and applied once: see
 * {@link TopicStoreOptions.writeTimeoutMs}. Each rejects with a {@link LockstepError} of one of
 * these kinds, and changes nothing, except where it says so:
 *
 * - `invalidRequest`: what was given cannot be turned into JSON, or the backend's.
 * - `denied`, `unknownTopic`, `invalidTopic`, `invalidData`, `tooLarge`,
 *   `panicked`, `exhausted`, `outOfOrder`: the backend's; see
 *   {@link LockstepErrorKind}.
 * - `conflict`: the topic is not at `expectedRevision`; `error.revision` is where it is, and
 *   `error.data` what it holds, where the window may read it.
 * - `rejected`: the app's own rules refuse; `error.code` and `error.reason` say why.
 * - `applied`: the write **was applied**, at `error.revision`, but could not be shown here yet.
 * - `notSaved`: the topic is one whose writes wait for the disk, and the disk failed. The write
 *   **was applied**, at `error.revision`; saving it is tried again.
 * - `timeout`: no answer came within `writeTimeoutMs`. **Whether it was applied is unknown**;
 *   later writes go on.
 * - `transport`: the call failed on its way, each time. **Whether it was applied is unknown.**
 * - `protocol`: the answer is none. **Whether it was applied is unknown.**
 * - `closed`: the store was closed before the call.
 */
export interface TopicStore<T, A = never> {
  readonly topic: Topic;

  /**
   * The state, with the optimistic writes that are pending; undefined before the first snapshot.
   * The store's own: not to be changed.
   */
  get(): T | undefined;

  /**
   * Calls `listener` after each change, with the state before it (undefined before the first)
   * and what is known of the change, until the returned function is called. What it throws goes
   * to `onError`.
   *
   * @throws {TypeError} for a `path` that is neither a JSON Pointer nor a list of keys.
   *
   * @example
   * const stop = settings.subscribe((next) => document.body.dataset.theme = next.theme);
   *
   * @example
   * settings.subscribe((next, previous, { sourceId }) => log(`${sourceId} resized`), {
   *   path: ['window', 'width'],
   *   id: 'resize-log',
   * });
   */
  subscribe(
    listener: (next: T, previous: T | undefined, meta: ChangeMeta) => void,
    options?: SubscribeOptions<T>,
  ): Unsubscribe;

  /**
   * A part of the state, whose listeners are called only when it has changed. Parts of the
   * state that did not change stay `===`, so the default `equal`, `Object.is`, is right for any
   * part that is picked; give your own where `select` makes something new each time.
   *
   * @example
   * settings.select((s) => s.theme).subscribe((theme) => paint(theme));
   */
  select<S>(select: (state: T) => S, equal?: (a: S, b: S) => boolean): Selection<S>;

  /**
   * Replaces the whole state. Another window's change that this one has not seen is lost: say
   * which revision you expect, or use `merge` or `update`.
   *
   * @example
   * await settings.set({ theme: 'dark', fontSize: 14 });
   */
  set(value: T, options?: OptimisticOptions): Promise<Revision>;

  /**
   * Changes only what the patch names (RFC 7396), whatever the rest is by now.
   *
   * @example
   * await settings.merge({ theme: 'dark' });
   *
   * @example
   * slider.oninput = () => settings.merge({ volume: slider.value }, { optimistic: true });
   */
  merge(patch: MergePatch<T>, options?: OptimisticOptions): Promise<Revision>;

  /**
   * Applies a JSON Patch (RFC 6902) to whatever the state is by now: all of its operations, or
   * none. A `test` that fails, or a path that is not there, rejects with `invalidData`.
   *
   * @example
   * await todos.patch([{ op: 'add', path: '/items/-', value: { title: 'Milk' } }]);
   */
  patch(operations: readonly JsonPatchOperation[], options?: OptimisticOptions): Promise<Revision>;

  /**
   * Sends an action to the reducer that the topic was declared with, which applies it to
   * whatever the state is by now. What the reducer refuses rejects with `rejected`, and the
   * app's own `code` and `reason`.
   *
   * @example
   * await todos.dispatch({ type: 'toggle', id: 7 });
   *
   * @example
   * todos.dispatch(action, { optimistic: reduce }).catch(({ reason }) => toast(reason));
   */
  dispatch(action: A, options?: DispatchOptions<T, A>): Promise<Revision>;

  /**
   * Makes the next state from the current one (the confirmed one, without optimistic writes), and
   * loses nobody's change: where another window was faster, `change` is called again with what
   * that one wrote. `change` must therefore be
   * free of side effects, and must not alter its argument. Pulls first where nothing was pulled
   * yet, and rejects if that fails. After 100 conflicts in a row it rejects with `conflict`. What
   * `change` throws, `update` rejects with.
   *
   * @example
   * await counter.update((count) => count + 1);
   */
  update(change: (current: T) => T): Promise<Revision>;

  /** What the store is doing. Reading it starts nothing. */
  readonly status: TopicStatus;
  /** Calls `listener` after each change of `status`, until the returned function is called. */
  onStatus(listener: (next: TopicStatus, previous: TopicStatus) => void): Unsubscribe;

  /** The revision of the confirmed state beneath `get()`; `0` before the first snapshot. */
  readonly revision: Revision;

  /** How many of this store's optimistic writes are not confirmed yet. Reading it starts nothing. */
  readonly pending: number;
  /**
   * Calls `listener` after each change of `pending`, when `get()` shows what came of it, until the
   * returned function is called.
   *
   * @example
   * settings.onPending((pending) => spinner.hidden = pending === 0);
   */
  onPending(listener: (next: number, previous: number) => void): Unsubscribe;

  /**
   * Resolves when the first snapshot is here. Rejects with `closed` if the store is closed
   * before that, and in no other case: meanwhile, `status` tells.
   */
  readonly ready: Promise<void>;

  /**
   * Resolves after a pull that began after this call. Rejects with what made it fail (the store
   * goes on trying all the same), or with `closed`.
   */
  refresh(): Promise<void>;

  /**
   * Ends the store for good: no listener is called after it (but status listeners, with
   * `closed`, and those of `pending`, with 0). Writes asked for before are still sent, and settle. `get()` keeps the last state.
   */
  close(): void;
}

/** What the store of a topic has in common with that of a collection. */
export type StoreMembers = Pick<
  TopicStore<unknown>,
  | 'topic'
  | 'status'
  | 'onStatus'
  | 'pending'
  | 'onPending'
  | 'revision'
  | 'ready'
  | 'refresh'
  | 'close'
>;

/** How a store behaves that only reads. */
export type ReadonlyTopicStoreOptions = Omit<TopicStoreOptions, 'writeTimeoutMs'>;

/**
 * One topic in a window that only reads it: a {@link TopicStore} without what writes, of which
 * nothing is ever pending. Every {@link TopicStore} is one.
 */
export interface ReadonlyTopicStore<T>
  extends Omit<TopicStore<T>, 'set' | 'merge' | 'patch' | 'dispatch' | 'update'> {}
