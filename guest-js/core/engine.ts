import { LockstepError } from './errors.js';
import { createGate, type Verdict } from './gate.js';
import { limited } from './limited.js';
import { backOff } from './retry.js';
import { compareRevisions, type Revision, ZERO_REVISION } from './revision.js';
import type { ThrottledHandler } from './throttle.js';
import type {
  InvalidationEvent,
  Logger,
  SyncErrorContext,
  SyncPhase,
  Topic,
  Unsubscribe,
} from './types.js';
import { type Patch, parseAnswer, parseInvalidation, protocolError } from './wire.js';

/** What the engine is doing, for a status. */
export type EngineState = 'connecting' | 'syncing' | 'synchronized' | 'stale' | 'denied';

export interface EngineOptions {
  topic: Topic;
  subscribe(handler: (payload: unknown) => void): Promise<Unsubscribe>;
  pull(since: Revision | undefined, signal: AbortSignal): Promise<unknown>;
  apply(snapshot: { revision: Revision; data: unknown }): void | Promise<void>;
  /** The applier has succeeded, and the revision has moved. */
  onApplied?(): void;
  /** Makes the new data from a patch on what is applied now. Without it, patches are not used. */
  patched?(patch: unknown[]): unknown;
  pullTimeoutMs: number;
  /** Whether a failure before the first snapshot is tried again, too, rather than ending it. */
  persistent: boolean;
  shouldRefresh?: ((event: InvalidationEvent) => boolean) | undefined;
  /** Whether to keep an announcement in mind, without a pull, until {@link Engine.release}. */
  holds?(event: InvalidationEvent): boolean;
  throttle?(fire: () => void): ThrottledHandler;
  onState?(state: EngineState): void;
  onError?: ((context: SyncErrorContext) => void) | undefined;
  logger?: Logger | undefined;
}

/** What became of an answer; `gone`: it came after the end. */
export type Offered = { verdict: Verdict | 'gone' } | Failure;

export interface Failure {
  phase: SyncPhase;
  error: unknown;
  /** The answer's, where it had one. */
  revision?: Revision;
}

export interface Engine {
  start(): Promise<void>;
  stop(): void;
  /** Resolves after a successful pull that began after this call. */
  refresh(): Promise<void>;
  /** Ask again: the page was shown, focused, restored, or is on-line again. */
  wake(): void;
  /** Acts on the announcements that were held back. */
  release(): void;
  /** The one door for every answer. Never rejects. */
  offer(answer: unknown): Promise<Offered>;
  report(context: SyncErrorContext): void;
  revision(): Revision;
  fresh(): boolean;
}

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;
const FOLLOW_UP_FIRST_MS = 100;

const noop = (): void => {};

/**
 * The handle's loop: subscribes, pulls, applies, tries again.
 *
 * - **I9** It is subscribed before the pull that counts as the first. `start()` is one promise
 *   for every caller, and resolves when that pull's answer has passed the gate. `stop()` is
 *   final: it ends a subscribe that is still under way as soon as that resolves, and nothing is
 *   called after it.
 * - **I8** One pull at a time. `refresh()` is never answered by a pull that had already begun. A
 *   failed pull is followed by another after a back-off, for as long as the handle lives; only
 *   a failure before the first snapshot ends a handle that is not `persistent`.
 * - **I7** Answers pass the gate one after another, whoever brings them; the revision moves
 *   after the applier has succeeded.
 * - **I6** What an event says is checked, reported where it is nonsense, and never thrown into
 *   the transport.
 *
 * ```
 *            start()                         refresh(), wake, newer announced
 *   (idle) ─────────► subscribing ──► pulling ◄───────────────────────────┐
 *                         │              │ ├─ ok, asked meanwhile ────────┤
 *                         │ failed       │ ├─ ok, nothing newer ─► resting┤
 *                         ▼              │ └─ ok, still behind ─┐         │
 *                      waiting ◄─failed──┘                      ▼         │
 *                         │                          waiting (bounded) ───┤
 *                         └──────────── back-off is over ─────────────────┘
 *   every state ── stop() ──► stopped
 * ```
 */
export function createEngine(options: EngineOptions): Engine {
  const { topic, apply, patched, persistent, shouldRefresh, logger } = options;
  const gate = createGate();
  let life = new AbortController();
  let started: Promise<void> | undefined;
  let synchronized = false;
  let stopped = false;
  let running = false;
  let behind = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe: Unsubscribe | undefined;
  let door: Promise<unknown> = Promise.resolve();
  let heard = ZERO_REVISION;
  let waiting: { ticket: number; resolve(): void; reject(error: unknown): void }[] = [];

  function log(level: keyof Logger, message: string, extra: object): void {
    try {
      logger?.[level](message, { topic, ...extra });
    } catch {
      // A broken logger must not stop the loop.
    }
  }

  function report(context: SyncErrorContext): void {
    const full = { topic, localRevision: gate.revision(), ...context };
    log((context.attempt ?? 1) > 1 ? 'warn' : 'error', `${context.phase} failed`, full);
    try {
      options.onError?.(full);
    } catch (error) {
      log('error', 'onError threw', { error });
    }
  }

  function state(to: EngineState): void {
    if (!stopped) options.onState?.(to);
  }

  const closed = (why: string): LockstepError => new LockstepError('closed', why, { topic });

  function settle(ticket: number, error?: { error: unknown }): void {
    const due = waiting.filter((waiter) => waiter.ticket <= ticket);
    waiting = waiting.filter((waiter) => waiter.ticket > ticket);
    for (const waiter of due) error ? waiter.reject(error.error) : waiter.resolve();
  }

  function undo(subscription: Unsubscribe): void {
    const failed = (error: unknown): void => log('warn', 'unsubscribe failed', { error });
    try {
      // Tauri's `unlisten` is typed as returning nothing, and returns a promise that may reject.
      Promise.resolve(subscription()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Ends this life: what is under way finds its signal aborted and stays silent. */
  function end(error: unknown): void {
    life.abort();
    clearTimeout(timer);
    throttled.dispose();
    if (unsubscribe) undo(unsubscribe);
    unsubscribe = started = undefined;
    settle(Number.POSITIVE_INFINITY, { error });
  }

  // --- hearing -----------------------------------------------------------------------------

  function release(): void {
    const latest = heard;
    heard = ZERO_REVISION;
    if (started && gate.announce(latest)) void run();
  }

  const throttled = options.throttle?.(release) ?? { trigger: release, dispose: noop };

  function hear(payload: unknown, { signal }: AbortController): void {
    if (signal.aborted) return;
    let event: InvalidationEvent;
    try {
      event = parseInvalidation(payload);
    } catch (error) {
      report({ phase: 'protocol', error, sourceEvent: payload });
      return;
    }
    const { revision } = event;
    if (event.topic !== topic || compareRevisions(revision, gate.revision()) <= 0) return;
    try {
      if (shouldRefresh && !shouldRefresh(event)) return;
    } catch (error) {
      // Asking once too often is safe; missing a change is not.
      report({ phase: 'invalidation', error, sourceEvent: payload, eventRevision: revision });
    }
    if (compareRevisions(revision, heard) > 0) heard = revision;
    if (!options.holds?.(event)) throttled.trigger();
  }

  // --- pulling -----------------------------------------------------------------------------

  function later(ms: number): void {
    behind = true;
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  }

  function ask(): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      waiting.push({ ticket: gate.demand(), resolve, reject });
    });
    // Who does not wait for it has `onError`; an unhandled rejection would tell nobody more.
    promise.catch(noop);
    void run();
    return promise;
  }

  async function run(): Promise<void> {
    if (running || stopped) return;
    running = true;
    clearTimeout(timer);
    const mine = life;
    const { signal } = mine;
    const begun = !!started;
    let ticket = gate.now();
    let failure: Failure | undefined;
    let phase: SyncPhase = 'subscribe';
    try {
      if (begun && !unsubscribe) {
        state('connecting');
        const subscription = await options.subscribe((payload) => hear(payload, mine));
        if (signal.aborted) {
          undo(subscription);
          return;
        }
        unsubscribe = subscription;
      }
      phase = 'getSnapshot';
      if (!behind) state('syncing');
      let since = gate.fresh() ? undefined : gate.revision();
      for (;;) {
        ticket = gate.now();
        const base = since;
        const answer = await limited(
          () => options.pull(base, signal),
          options.pullTimeoutMs,
          `No snapshot of "${topic}" came within ${options.pullTimeoutMs} ms`,
          (late) => void offer(late, signal),
        );
        const offered = await offer(answer, signal);
        if (signal.aborted) return;
        if ('error' in offered) failure = offered;
        else if (offered.verdict === 'rebase') {
          if (base !== undefined) {
            since = undefined;
            continue;
          }
          failure = {
            phase: 'protocol',
            error: protocolError('Asked for the whole snapshot, and got something else'),
          };
        }
        break;
      }
    } catch (error) {
      failure = { phase, error };
    } finally {
      running = false;
    }
    if (signal.aborted) return;
    if (failure) failed(ticket, failure, begun);
    else succeeded(ticket, begun);
  }

  function succeeded(ticket: number, begun: boolean): void {
    failures = 0;
    if (begun) synchronized = true;
    settle(ticket);
    const next = gate.next(ticket);
    if (next === 'later') {
      later(backOff(gate.followUps(), FOLLOW_UP_FIRST_MS, RETRY_LONGEST_MS));
      state('stale');
    } else {
      behind = false;
      if (next === 'now') void run();
      else state('synchronized');
    }
  }

  function failed(ticket: number, { error, phase, revision }: Failure, begun: boolean): void {
    failures++;
    const denied = error instanceof LockstepError && error.kind === 'denied';
    const nextDelayMs = denied
      ? RETRY_LONGEST_MS
      : backOff(failures, RETRY_FIRST_MS, RETRY_LONGEST_MS);
    const willRetry = begun && (persistent || synchronized);
    if (willRetry) {
      later(nextDelayMs);
      state(denied ? 'denied' : 'stale');
    } else if (begun) {
      end(error);
      life = new AbortController();
      failures = 0;
    }
    settle(ticket, { error });
    report({
      phase,
      error,
      attempt: failures || 1,
      willRetry,
      ...(willRetry && { nextDelayMs }),
      ...(revision !== undefined && { snapshotRevision: revision }),
    });
    // Somebody who asked while this was failing is owed a pull of their own, at once.
    if (!stopped && waiting.length) void run();
  }

  // --- the door ----------------------------------------------------------------------------

  function offer(answer: unknown, signal = life.signal): Promise<Offered> {
    const entered = door.then(() => enter(answer, signal));
    door = entered;
    return entered;
  }

  async function enter(payload: unknown, signal: AbortSignal): Promise<Offered> {
    if (signal.aborted) return { verdict: 'gone' };
    let phase: SyncPhase = 'protocol';
    let revision: Revision | undefined;
    try {
      const answer = parseAnswer(payload);
      revision = answer.revision;
      const verdict = gate.judge(answer);
      if (verdict !== 'apply') return { verdict };
      const data = 'data' in answer ? answer.data : rebuilt(answer as Patch);
      if (data === undefined) return { verdict: 'rebase' };
      phase = 'apply';
      const applying = apply({ revision, data });
      if (applying) await applying;
      if (signal.aborted) return { verdict: 'gone' };
      gate.moved(revision);
      log('debug', 'snapshot applied', { revision });
      options.onApplied?.();
      return { verdict };
    } catch (error) {
      return { phase, error, ...(revision !== undefined && { revision }) };
    }
  }

  /** The data that a patch makes, or undefined where it makes none: JSON has no undefined. */
  function rebuilt({ patch, revision }: Patch): unknown {
    try {
      return patched?.(patch);
    } catch (error) {
      log('warn', 'the patch does not apply, pulling the whole', { error, revision });
      return undefined;
    }
  }

  return {
    start() {
      if (stopped) return Promise.reject(closed('start() called after stop()'));
      if (!started) {
        synchronized = false;
        // Set before anything runs, since the loop subscribes only for a started handle.
        let resolve: (asked: Promise<void>) => void = noop;
        started = new Promise<void>((done) => {
          resolve = done;
        });
        started.catch(noop);
        resolve(ask());
      }
      return started;
    },
    stop() {
      if (stopped) return;
      stopped = true;
      end(closed('stop() was called'));
    },
    refresh: () => (stopped ? Promise.resolve() : ask()),
    wake() {
      if (started) {
        gate.demand();
        void run();
      }
    },
    release,
    offer: (answer) => offer(answer),
    report,
    revision: gate.revision,
    fresh: gate.fresh,
  };
}
