import { LockstepError } from './errors.js';
import { createGate, type Gate, type Verdict } from './gate.js';
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
import { type Answer, parseAnswer, parseInvalidation, protocolError } from './wire.js';

/** What the engine is doing, for a status. */
export type EngineState = 'connecting' | 'syncing' | 'synchronized' | 'stale';

export interface EngineOptions {
  topic: Topic;
  /** `handler` hears invalidations; `signal` is aborted when what was subscribed has ended. */
  subscribe(handler: (payload: unknown) => void, signal: AbortSignal): Promise<Unsubscribe>;
  pull(since: Revision | undefined, signal: AbortSignal): Promise<unknown>;
  /** Puts an answer into local state, or says `rebase` where it needs the whole instead. */
  apply(answer: Answer): Promise<unknown> | 'rebase' | undefined;
  /** The applier has succeeded, and the revision has moved. */
  onApplied?(passage: Passage): void;
  /** After so many ms, a subscribe or pull counts as failed. */
  pullTimeoutMs: number;
  /** Whether a failure before the first snapshot is tried again, too, rather than ending it. */
  persistent: boolean;
  shouldRefresh?: (event: InvalidationEvent) => boolean;
  /** Decides when what was announced is acted upon. */
  throttle(fire: () => void): ThrottledHandler;
  /** What has to be used before what was announced is acted upon, if anything. Never rejects. */
  beforehand?(): Promise<unknown> | undefined;
  /** `error`: what made it stale. */
  onState?(state: EngineState, error?: unknown): void;
  onError?: ((context: SyncErrorContext) => void) | undefined;
  logger?: Logger;
}

/** What goes with an answer; `offer` fills in the first two as it goes, for a report. */
export interface Passage {
  phase: SyncPhase;
  snapshotRevision?: Revision;
  /** Who made the change, where whoever offers the answer knows. */
  sourceId?: string;
}

/** What became of an answer; `gone`: it came after the end. */
export type Passed = Verdict | 'gone';

export interface Engine {
  gate: Gate;
  start(): Promise<void>;
  stop(): void;
  /** Resolves after a successful pull that began after this call. Rejects when stopped. */
  refresh(): Promise<void>;
  /** The one door for every answer. Rejects with `protocol`, or with the applier's own error. */
  offer(answer: unknown, passage: Passage): Promise<Passed>;
  /** The same at once, for an answer that was had before `start()`. */
  enter(answer: unknown, passage: Passage): Promise<Passed>;
  /** Somebody says that there is `revision`. */
  heard(revision: Revision): void;
  /** Pulls at once where the last pull failed. */
  again(): void;
  log(level: keyof Logger, message: string, extra: object): void;
  report(context: SyncErrorContext): void;
  /** Logs a step that took a while, unless stopped. `began`: by `performance.now()`. */
  done(step: string, began: number, answer?: unknown): void;
}

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;
const FOLLOW_UP_FIRST_MS = 100;
// How long an announcement waits at most where those before it led to pulls that failed.
const HEED_LONGEST_MS = 5000;

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
 *   a failure before the first snapshot ends a handle that is not `persistent`. What is announced
 *   cuts the back-off short: at once, and then, as long as pulls fail (**I14**), ever more rarely.
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
  const { topic, shouldRefresh, logger, onError, onState, pullTimeoutMs } = options;
  const gate = createGate();
  // One life ends with stop(), or with a failed start(): whatever belongs to it stays silent then.
  let life = new AbortController();
  let started: Promise<void> | undefined;
  let begun = false;
  let patient = options.persistent;
  let running = false;
  let failures = 0;
  // An announcement asked for the next pull; how many such have failed in a row, and when the last did.
  let heeding = false;
  let vain = 0;
  let vainAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe: Unsubscribe | undefined;
  let door: Promise<unknown> = Promise.resolve();
  let latest = ZERO_REVISION;
  let waiting: [ticket: number, resolve: () => void, reject: (error: unknown) => void][] = [];

  function log(level: keyof Logger, message: string, extra: object): void {
    try {
      logger?.[level](message, { topic, ...extra });
    } catch {
      // A broken logger must not stop the loop.
    }
  }

  /** **I9** Tells nobody once it is stopped. */
  function report(context: SyncErrorContext): void {
    if (life.signal.aborted) return;
    const full = { topic, localRevision: gate.revision(), ...context };
    // The first of a row is an error; that it goes on is not news.
    log((context.attempt ?? 0) > 1 ? 'warn' : 'error', `${context.phase} failed`, full);
    try {
      onError?.(full);
    } catch (error) {
      log('error', 'onError failed', { error });
    }
  }

  /** Logs a step that took a while. **I9** Not once it is stopped. */
  function done(step: string, began: number, answer?: unknown): void {
    if (life.signal.aborted) return;
    log('debug', step, { revision: Object(answer).revision, ms: (performance.now() - began) | 0 });
  }

  const closed = (why: string): LockstepError => new LockstepError('closed', why, { topic });

  /** Answers everybody whose ticket a pull carries: 1 resolves, 2 rejects. */
  function settle(ticket: number, how: 1 | 2, error?: unknown): void {
    waiting = waiting.filter((waiter) => waiter[0] > ticket || waiter[how](error));
  }

  // Tauri's `unlisten` is typed as returning nothing, and returns a promise that may reject.
  const undo = (end: Unsubscribe): Promise<void> => (async () => end())().catch(noop);

  function end(error: unknown): void {
    life.abort();
    clearTimeout(timer);
    throttled.dispose();
    if (unsubscribe) undo(unsubscribe);
    unsubscribe = started = undefined;
    begun = false;
    settle(Number.POSITIVE_INFINITY, 2, error);
  }

  const throttled = options.throttle(() => {
    const announced = latest;
    latest = ZERO_REVISION;
    const act = (): void => {
      if (begun && gate.announce(announced)) heed();
    };
    const before = options.beforehand?.();
    if (before) before.then(act);
    else act();
  });

  function heard(revision: Revision): void {
    if (compareRevisions(revision, latest) > 0) latest = revision;
    throttled.trigger();
  }

  /** Pulls for what was announced. */
  function heed(): void {
    // What is announced during a pull is looked at when that has ended.
    if (running) return;
    heeding = true;
    clearTimeout(timer);
    // One in vain is how a removal is heard of: the next may be that the topic is back.
    const pause = vain > 1 ? backOff(vain - 1, RETRY_FIRST_MS, HEED_LONGEST_MS) : 0;
    const wait = vainAt + pause - performance.now();
    if (wait > 0) timer = setTimeout(run, wait);
    else run();
  }

  function hear(sourceEvent: unknown): void {
    let phase: SyncPhase = 'protocol';
    let event: InvalidationEvent | undefined;
    try {
      event = parseInvalidation(sourceEvent);
      phase = 'invalidation';
      if (event.topic !== topic || !gate.newer(event.revision)) return;
      log('debug', phase, event);
      if (shouldRefresh && !shouldRefresh(event)) return;
    } catch (error) {
      report({
        phase,
        error,
        sourceEvent,
        eventRevision: event?.revision,
        sourceId: event?.sourceId,
      });
    }
    // Where shouldRefresh threw: asking once too often is safe, missing a change is not.
    if (event) heard(event.revision);
  }

  const timed = <R>(work: () => Promise<R>, late: (result: R) => void): Promise<R> =>
    limited(work, pullTimeoutMs, `No answer for "${topic}" within ${pullTimeoutMs} ms`, late);

  function ask(who: string): Promise<void> {
    const promise = new Promise<void>((resolve, reject) => {
      if (life.signal.aborted) reject(closed(`${who}() called after stop()`));
      else waiting.push([gate.demand(), resolve, reject]);
    });
    // Who does not wait for it has onError; an unhandled rejection would tell nobody more.
    promise.catch(noop);
    run();
    return promise;
  }

  async function run(): Promise<void> {
    const { signal } = life;
    if (running || signal.aborted) return;
    running = true;
    clearTimeout(timer);
    const handle = begun;
    const passage: Passage = { phase: 'subscribe' };
    let ticket = gate.now();
    let began = performance.now();
    try {
      if (handle && !unsubscribe) {
        onState?.('connecting');
        const subscription = await timed(
          () =>
            options.subscribe((payload) => {
              if (!signal.aborted) hear(payload);
            }, signal),
          undo,
        );
        if (signal.aborted) undo(subscription);
        else unsubscribe = subscription;
        done(passage.phase, began);
      }
      if (!failures && !gate.followUps()) onState?.('syncing');
      for (let since = gate.since(); !signal.aborted; ) {
        passage.phase = handle ? 'getSnapshot' : 'refresh';
        ticket = gate.now();
        began = performance.now();
        const base = since;
        const answer = await timed(
          () => options.pull(base, signal),
          (late) => offer(late, { phase: 'protocol' }, signal).catch(noop),
        );
        done(passage.phase, began, answer);
        if ((await offer(answer, passage, signal)) !== 'rebase') break;
        if (!since) throw protocolError('Not a whole snapshot');
        since = undefined;
      }
      running = false;
      if (!signal.aborted) succeeded(ticket, handle);
    } catch (error) {
      running = false;
      if (!signal.aborted) failed(ticket, handle, { ...passage, error });
    }
  }

  function succeeded(ticket: number, handle: boolean): void {
    failures = vain = 0;
    heeding = false;
    patient ||= handle;
    settle(ticket, 1);
    const next = gate.next(ticket);
    if (next === 'now') run();
    else if (next === 'later') {
      timer = setTimeout(run, backOff(gate.followUps(), FOLLOW_UP_FIRST_MS, RETRY_LONGEST_MS));
      onState?.('stale');
    } else onState?.('synchronized');
  }

  function failed(ticket: number, handle: boolean, context: SyncErrorContext): void {
    const { error } = context;
    const attempt = ++failures;
    if (heeding) {
      heeding = false;
      vain++;
      vainAt = performance.now();
    }
    const nextDelayMs = backOff(attempt, RETRY_FIRST_MS, RETRY_LONGEST_MS);
    const willRetry = handle && patient;
    if (willRetry) {
      timer = setTimeout(run, nextDelayMs);
      onState?.('stale', error);
    } else {
      failures = 0;
      if (handle) {
        end(error);
        life = new AbortController();
      }
    }
    settle(ticket, 2, error);
    report({ ...context, attempt, willRetry, ...(willRetry && { nextDelayMs }) });
    // Whoever asked while this was failing is owed a pull of their own, at once. So is what was
    // announced, such as that a removed topic is back, unless that was in vain before.
    if (waiting.length) run();
    else if (willRetry && gate.asked(ticket)) heed();
  }

  function offer(answer: unknown, passage: Passage, signal = life.signal): Promise<Passed> {
    const entered = door.then(() => enter(answer, passage, signal));
    door = entered.catch(noop);
    return entered;
  }

  async function enter(payload: unknown, passage: Passage, signal = life.signal): Promise<Passed> {
    if (signal.aborted) return 'gone';
    passage.phase = 'protocol';
    const answer = parseAnswer(payload);
    const { revision } = answer;
    passage.snapshotRevision = revision;
    const verdict = gate.judge(answer);
    if (verdict !== 'apply') return verdict;
    passage.phase = 'apply';
    const applying = options.apply(answer);
    if (applying === 'rebase') return applying;
    if (applying) await applying;
    if (signal.aborted) return 'gone';
    gate.moved(revision);
    log('debug', passage.phase, { revision });
    options.onApplied?.(passage);
    return verdict;
  }

  return {
    gate,
    start() {
      // Set before anything runs: only a handle that has begun subscribes.
      begun = true;
      started ??= ask('start');
      return started;
    },
    stop: () => end(closed('stop() called')),
    refresh: () => ask('refresh'),
    offer,
    enter,
    heard,
    again() {
      if (failures) run();
    },
    log,
    report,
    done,
  };
}
