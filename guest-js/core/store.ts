import { deferred } from './deferred.js';
import { createEngine } from './engine.js';
import { LockstepError } from './errors.js';
import { type ErrorContext, toLockstepError } from './explain.js';
import { applyJsonPatch } from './json-patch.js';
import { attach, isDelivered, type OnLinkError, relink, rewake, share } from './link.js';
import { createListeners } from './listeners.js';
import { createConsoleLogger } from './logger.js';
import { tellPage } from './on-error.js';
import { createOverlay, earlyChange } from './optimistic.js';
import { copySharing } from './own.js';
import { pageOf, pageTopicOf, renew, type Taker } from './page.js';
import { changedPaths, partAt } from './path.js';
import type {
  ChangeMeta,
  Selection,
  TopicStatus,
  TopicStore,
  TopicStoreOptions,
} from './topic-store.js';
import type { Transport } from './transport.js';
import type { InvalidationEvent, Unsubscribe } from './types.js';
import { createWriter } from './writer.js';

// How long an announcement may wait for the answer to a write that is under way, in ms.
const ECHO_MS = 250;

declare const process: { env: { NODE_ENV?: string } };

/**
 * The everyday store of one topic over any transport. In a Tauri app, `defineTopic` is this
 * with Tauri's.
 *
 * - **I7** Its copy moves forward only, and is its own: no listener, transport or other handle
 *   holds a part of it that could be changed.
 * - **I8** It goes on trying for as long as it lives. When the page wakes it asks again, and tells
 *   the backend that it reads, which may have dropped the session of a page that slept. Where the
 *   topic is removed it goes on asking, and it subscribes anew when the topic is back.
 * - **I10** An optimistic write that is refused is taken back, and no other.
 * - **I9** Nothing is called back after `close()`, except that the status is `closed`, and that nothing
 *   is pending.
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
  const {
    freeze = !isProduction(),
    pullTimeoutMs = 10_000,
    writeTimeoutMs = 30_000,
    logger = createConsoleLogger(),
    onError = (context) => tellPage(transport, context),
  } = options;

  // What the backend has confirmed, and that with what is pending on top of it.
  let base: T | undefined;
  let shown: T | undefined;
  let announced: InvalidationEvent | undefined;
  let status: TopicStatus = 'idle';
  // Why the backend has no subscription of this page: it has no such topic, or does not let it in.
  let unlinked: unknown;
  let sleepless: Unsubscribe | undefined;
  let release = (): void => {};
  let take: Taker | undefined;
  const ready = deferred<void>();
  // Who does not wait for it must not crash on it.
  ready.promise.catch(() => {});

  const failed = (error: unknown): void => engine.report({ phase: 'apply', error });
  const changes = createListeners<[next: T, previous: T | undefined, meta: ChangeMeta]>(failed);
  const news: [next: T, previous: T | undefined, meta: ChangeMeta][] = [];
  const overlay = createOverlay((error) => {
    if (status !== 'closed') failed(error);
  });
  const named = new Map<string, Unsubscribe>();
  const statuses = createListeners<[next: TopicStatus, previous: TopicStatus]>(failed);
  const counts = createListeners<[next: number, previous: number]>(failed);
  let counted = 0;

  const explained = (error: unknown, action: ErrorContext['action']): LockstepError =>
    toLockstepError(error, { topic, window: transport.label, action });

  const rejecting =
    (action: ErrorContext['action']) =>
    (error: unknown): never => {
      throw explained(error, action);
    };

  const linkFailed: OnLinkError = (error, retry) =>
    engine.report({ phase: 'subscribe', error: explained(error, 'read'), ...retry });

  const engine = createEngine({
    topic,
    pullTimeoutMs,
    persistent: true,
    logger,
    onError,
    subscribe(handler, taker) {
      take = (answer) => {
        if (answer === undefined) engine.refresh();
        else taker(answer);
      };
      return attach(transport, topic, handler, take, linkFailed).catch(rejecting('listen'));
    },
    async pull(since) {
      const page = pageOf(transport);
      const session = isDelivered(page, pageTopicOf(page, topic)) ? page.session : undefined;
      const answer = await transport.getSnapshot(topic, since, session).catch(rejecting('read'));
      share(transport, topic, answer, take);
      return answer;
    },
    apply({ data, patch }) {
      let next = data;
      if (next === undefined) {
        try {
          next = applyJsonPatch(base, patch);
        } catch (error) {
          logger.warn('the patch cannot be applied', { topic, error });
          return 'rebase';
        }
      }
      base = copySharing(shown, next, freeze) as T;
      return undefined;
    },
    onApplied({ sourceId }) {
      ready.resolve();
      overlay.landed(engine.gate.revision());
      show(overlay.over(base), sourceId, !overlay.size());
      count();
    },
    shouldRefresh(event) {
      announced = event;
      return true;
    },
    // While a write is under way, its answer is: and that brings whatever was announced. Only
    // where it is slow is there a need to ask.
    throttle(fire) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      release = fire;
      const due = (): void => {
        timer = undefined;
        fire();
      };
      return {
        trigger() {
          // Never put off by the next: a stream of them must not keep the window from asking.
          if (writer.busy()) timer ??= setTimeout(due, ECHO_MS);
          else fire();
        },
        dispose: () => clearTimeout(timer),
      };
    },
    onState(state, error) {
      const { kind } = Object(error);
      const denied = kind === 'denied';
      if (denied || kind === 'unknownTopic') unlinked = kind;
      else if (unlinked && !error) {
        unlinked = undefined;
        relink(transport, topic, linkFailed);
      }
      turn(denied ? kind : unlinked === 'unknownTopic' && engine.gate.since() ? 'removed' : state);
    },
  });

  const writer = createWriter<T>({
    topic,
    transport,
    engine,
    writeTimeoutMs,
    get: () => base as T,
    early: {
      add(operation, optimistic) {
        const early = overlay.add(earlyChange(operation, optimistic));
        if (base !== undefined) show(overlay.through(shown, early), transport.label);
        count();
        return early;
      },
      drop: overlay.drop,
      replay() {
        if (base === undefined || status === 'closed') return count();
        show(overlay.over(base), transport.label);
        count();
      },
    },
    explained,
    onIdle: () => release(),
  });

  function turn(to: TopicStatus): void {
    const from = status;
    if (from === to || from === 'closed') return;
    status = to;
    statuses.tell(to, from);
  }

  /** Tells how many optimistic writes are pending, once what is shown is in keeping with that. */
  function count(): void {
    const before = counted;
    counted = overlay.size();
    if (counted !== before) counts.tell(counted, before);
  }

  /** Shows a state, which may share its parts with what was shown, and tells of what is new. */
  function show(state: unknown, writtenBy: string | undefined, sharing = false): void {
    const before = shown;
    const next = (sharing ? state : copySharing(before, state, freeze)) as T;
    shown = next;
    if (!overlay.size()) base = next;
    if (next === before) return;
    const revision = engine.gate.revision();
    const heardOf = announced?.revision === revision ? announced.sourceId : undefined;
    let paths: string[] | undefined;
    news.push([
      next,
      before,
      {
        revision,
        sourceId: (writtenBy ?? heardOf) || null,
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

  /** Whatever is used first starts the store. */
  function use(): void {
    if (status !== 'idle') return;
    status = 'connecting';
    let { session } = pageOf(transport);
    sleepless = transport.onWake?.(({ restored }) => {
      // A page out of the cache is a stranger to the backend, however short it was there.
      if (restored) session = renew(transport, session);
      const tell = restored ? relink : rewake;
      tell(transport, topic, linkFailed);
      engine.refresh();
    });
    engine.start();
  }

  const closed = (): LockstepError =>
    new LockstepError('closed', `The store of "${topic}" was closed`, { topic });

  /** Runs what makes a promise, unless the store is closed. */
  function open<R>(work: () => Promise<R>): Promise<R> {
    if (status === 'closed') return Promise.reject(closed());
    use();
    return work();
  }

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

  return {
    topic,
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
    update: (change) => open(() => writer.update(change)),
    get status() {
      return status;
    },
    onStatus(listener) {
      use();
      return statuses.add(listener);
    },
    get pending() {
      return overlay.size();
    },
    onPending(listener) {
      use();
      return counts.add(listener);
    },
    get revision() {
      use();
      return engine.gate.revision();
    },
    get ready() {
      use();
      return ready.promise;
    },
    refresh() {
      use();
      return engine.refresh();
    },
    close() {
      if (status === 'closed') return;
      sleepless?.();
      // An answer that was on its way to this store is nobody's now.
      share(transport, topic, undefined, take);
      changes.clear();
      overlay.clear();
      count();
      counts.clear();
      turn('closed');
      statuses.clear();
      // Last: what a listener of the status throws is told yet.
      engine.stop();
      ready.reject(closed());
    },
  };
}

function isProduction(): boolean {
  try {
    return process.env.NODE_ENV === 'production';
  } catch {
    // A browser without a bundler has no `process`.
    return false;
  }
}
