import { deferred } from './deferred.js';
import { createDeliveries } from './deliveries.js';
import { createEngine, type Engine, type Passage } from './engine.js';
import { LockstepError } from './errors.js';
import { type ErrorContext, toLockstepError } from './explain.js';
import {
  attach,
  fallBack,
  isDelivered,
  type OnLinkError,
  relink,
  rewake,
  setResting,
  share,
} from './link.js';
import { createListeners } from './listeners.js';
import { defaultLogger } from './logger.js';
import { tellPage } from './on-error.js';
import { pageOf, pageTopicOf, renew, type Taker } from './page.js';
import type { StoreMembers, TopicStatus, TopicStoreOptions } from './topic-store.js';
import type { Transport } from './transport.js';
import type { InvalidationEvent, Unsubscribe } from './types.js';
import { type Answer, parseAnswer } from './wire.js';

// How long an announcement may wait for the answer to a write that is under way, in ms.
const ECHO_MS = 250;

/** What a store makes of the answers: its copy, in whatever form it keeps that. */
export interface Model {
  /** Takes an answer in. Where it throws, it has taken in nothing. */
  take(answer: Answer): void;
  /** Shows what has been taken in, and tells of what is new. Called once there is something. */
  show(writtenBy: string | undefined): void;
  /** Nobody listens any more. */
  clear(): void;
}

/** The writes of a store, so far as its life has to know of them. */
export interface Pending {
  size(): number;
  /** Whether one is under way: its answer will bring whatever was announced. */
  busy(): boolean;
  /** The confirmed state has moved, and is not shown yet. */
  landed(): void;
  /** Tells how many there are, once what is shown is in keeping with that. */
  count(): void;
  close(): void;
}

/** What every store of a topic is made of, beside its copy. */
export interface TopicBase {
  engine: Engine;
  /** What a store puts in that writes. */
  pending?: Pending;
  explained(error: unknown, action: ErrorContext['action']): LockstepError;
  /** No write is under way any more. */
  onIdle(): void;
  /** Whatever is used first starts the store. */
  use(): void;
  /** Runs what makes a promise, unless the store is closed. */
  open<R>(work: () => Promise<R>): Promise<R>;
  /** A listener, or the like, threw. */
  failed(error: unknown): void;
  /** The window that made the state that is shown now, so far as it is known. */
  sourceOf(writtenBy: string | undefined): string | null;
  /** The members that every store has. */
  members: StoreMembers;
}

/**
 * The life of a store: when it starts, what it is doing, what it asks for, how it ends.
 *
 * - **I8** It goes on trying for as long as it lives. When the page wakes it asks again, and tells
 *   the backend that it reads, which may have dropped the session of a page that slept. Where the
 *   topic is removed it goes on asking, and it subscribes anew when the topic is back. Where it is to
 *   rest while the page is hidden, it is behind until then.
 * - **I9** Nothing is called back after `close()`, except that the status is `closed`, and that nothing
 *   is pending.
 */
export function createTopicBase(
  topic: string,
  transport: Transport,
  {
    pullTimeoutMs = 10_000,
    logger = defaultLogger,
    onError = (context) => tellPage(transport, context),
    ...pageOptions
  }: TopicStoreOptions,
  model: Model,
): TopicBase {
  let announced: InvalidationEvent | undefined;
  let status: TopicStatus = 'idle';
  // Why the backend has no subscription of this page: it has no such topic, or does not let it in.
  let unlinked: unknown;
  let sleepless: Unsubscribe | undefined;
  let seen: Unsubscribe | undefined;
  let release = (): void => {};
  let resting = false;
  let taker: Taker | undefined;
  const ready = deferred<void>();
  // Who does not wait for it must not crash on it.
  ready.promise.catch(() => {});

  const failed = (error: unknown): void => engine.report({ phase: 'apply', error });
  const statuses = createListeners<[next: TopicStatus, previous: TopicStatus]>(failed);

  const explained = (error: unknown, action: ErrorContext['action']): LockstepError =>
    toLockstepError(error, { topic, window: transport.label, action });

  const rejecting =
    (action: ErrorContext['action']) =>
    (error: unknown): never => {
      throw explained(error, action);
    };

  const isRefused = () => pageTopicOf(pageOf(transport), topic).refused;

  const linkFailed: OnLinkError = (error, retry) =>
    engine.report({ phase: 'subscribe', error: explained(error, 'read'), ...retry });

  const engine = createEngine({
    topic,
    pullTimeoutMs,
    persistent: true,
    logger,
    onError,
    subscribe(handler, signal) {
      // Its own at each attempt: the end of one that was given up must not be that of the next.
      taker = (answer) => {
        if (signal.aborted) return;
        if (answer === undefined) engine.refresh();
        else deliveries.take(answer);
      };
      if (resting) setResting(transport, topic, taker, resting, linkFailed);
      return attach(transport, topic, handler, taker, linkFailed).catch(rejecting('listen'));
    },
    async pull(since) {
      const page = pageOf(transport);
      const session = isDelivered(page, pageTopicOf(page, topic)) ? page.session : undefined;
      const answer = await transport.getSnapshot(topic, since, session).catch(rejecting('read'));
      share(transport, topic, answer, taker);
      return answer;
    },
    apply(answer) {
      try {
        model.take(answer);
      } catch (error) {
        if (answer.data !== undefined) throw error;
        logger.warn('the patch cannot be applied', { topic, error });
        return 'rebase';
      }
      return undefined;
    },
    onApplied({ sourceId }) {
      ready.resolve();
      base.pending?.landed();
      model.show(sourceId);
      base.pending?.count();
    },
    shouldRefresh(event) {
      announced = event;
      return !resting;
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
          if (base.pending?.busy()) timer ??= setTimeout(due, ECHO_MS);
          else fire();
        },
        dispose: () => clearTimeout(timer),
      };
    },
    beforehand: () => deliveries.use(),
    onState(state, error) {
      const { kind } = Object(error);
      const denied = kind === 'denied';
      // Whom the app refuses is delivered nothing, and is to hear that it is let in again.
      if (denied) fallBack(transport, topic, linkFailed);
      if (denied || kind === 'unknownTopic') unlinked = kind;
      else if (!error && (unlinked || (state === 'synchronized' && isRefused()))) {
        unlinked = undefined;
        relink(transport, topic, linkFailed);
      }
      turn(denied ? kind : unlinked === 'unknownTopic' && engine.gate.since() ? 'removed' : state);
    },
  });

  const deliveries = createDeliveries(engine);

  function turn(to: TopicStatus): void {
    const from = status;
    if (from === to || from === 'closed') return;
    status = to;
    statuses.tell(to, from);
  }

  function look(): void {
    resting = transport.hidden?.() === true;
    if (taker) setResting(transport, topic, taker, resting, linkFailed);
  }

  function use(): void {
    if (status !== 'idle') return;
    status = 'connecting';
    const { firstPaint, whenHidden } = { ...pageOf(transport).options, ...pageOptions };
    const rests = whenHidden === 'rest';
    if (rests) {
      seen = transport.onHide?.(look);
      look();
    }
    let { session } = pageOf(transport);
    sleepless = transport.onWake?.(({ restored }) => {
      // A page out of the cache is a stranger to the backend, however short it was there.
      if (rests) look();
      if (restored) session = renew(transport, session);
      const tell = restored ? relink : rewake;
      tell(transport, topic, linkFailed);
      engine.refresh();
    });
    if (firstPaint) {
      try {
        const answer = transport.getSnapshotNow?.(topic);
        parseAnswer(answer);
        const passage: Passage = { phase: 'getSnapshot' };
        engine.enter(answer, passage).catch((error) => engine.report({ ...passage, error }));
      } catch (error) {
        logger.debug('no state at once', { topic, error });
      }
    }
    engine.start();
  }

  const closed = (): LockstepError =>
    new LockstepError('closed', `The store of "${topic}" was closed`, { topic });

  const base: TopicBase = {
    engine,
    explained,
    onIdle: () => release(),
    use,
    open(work) {
      if (status === 'closed') return Promise.reject(closed());
      use();
      return work();
    },
    failed,
    sourceOf(writtenBy) {
      const heardOf = announced?.revision === engine.gate.revision() ? announced.sourceId : '';
      return (writtenBy ?? heardOf) || null;
    },
    members: {
      topic,
      get status() {
        return status;
      },
      onStatus(listener) {
        use();
        return statuses.add(listener);
      },
      get pending() {
        return base.pending?.size() ?? 0;
      },
      // Of a store that only reads. One that writes has its own.
      onPending: () => () => {},
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
        seen?.();
        // An answer that was on its way to this store is nobody's now.
        share(transport, topic, undefined, taker);
        model.clear();
        base.pending?.close();
        turn('closed');
        statuses.clear();
        // Last: what a listener of the status throws is told yet.
        engine.stop();
        ready.reject(closed());
      },
    },
  };
  return base;
}

declare const process: { env: { NODE_ENV?: string } };

/** Whether a store freezes its copy, where its options do not say. */
export function freezes({ freeze = !isProduction() }: TopicStoreOptions): boolean {
  return freeze;
}

function isProduction(): boolean {
  try {
    return process.env.NODE_ENV === 'production';
  } catch {
    // A browser without a bundler has no `process`.
    return false;
  }
}
