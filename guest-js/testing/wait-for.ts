import type { TopicStore } from '../core/topic-store.js';
import type { FakeBackend } from './fake-backend.js';

/** For how long to wait. */
export interface WaitOptions {
  /**
   * After so many ms of the clock in force, faked or not, it is an error. Of the time in which the
   * process was not let run, on a machine that others use too, 20 ms at most count at once.
   * Default: 1000.
   */
  timeoutMs?: number;
  /** What was waited for, in the error's message. */
  message?: string | (() => string);
}

/** As much of a store as is needed, of whatever type. */
type Resting = Pick<TopicStore<unknown>, 'topic' | 'get' | 'status' | 'pending'>;

/** As much of the clock of `@sinonjs/fake-timers` as is needed: Vitest, Jest and Sinon use it. */
interface FakeClock {
  now: number;
  countTimers(): number;
  nextAsync(): Promise<number>;
  tickAsync(ms: number): Promise<number>;
}

// Where the faked clock has no timer left, only the outside, such as a socket, can still do something.
const IDLE_TURNS = 100;

/** How much of what a turn of the event loop takes counts, in ms. */
const LONGEST_TURN_MS = 20;

const fakeClock = (): FakeClock | undefined =>
  (setTimeout as unknown as { clock?: FakeClock }).clock;

/** Lets everything run that needs no time. */
async function turn(): Promise<void> {
  const clock = fakeClock();
  if (clock) await clock.tickAsync(0);
  else await new Promise((resolve) => setTimeout(resolve));
}

/**
 * Resolves with what `condition` returns, as soon as that is truthy. A condition that throws does
 * not hold yet.
 *
 * With the fake timers of Vitest, Jest or Sinon it moves their clock from one timer to the next,
 * but only where nothing is left to run without: so what takes half an hour takes no time.
 *
 * @throws {Error} when the time is over; what the condition threw last is its `cause`.
 *
 * @example
 * await waitFor(() => store.get()?.theme === 'dark');
 *
 * @example
 * const written = await waitFor(() => backend.calls.last({ command: 'write' }));
 * expect(written.args).toMatchObject({ set: 7 });
 */
export async function waitFor<T>(
  condition: () => T,
  { timeoutMs = 1000, message = 'the condition' }: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  type Met = Exclude<T, false | null | undefined | 0 | ''>;
  const now = (): number => fakeClock()?.now ?? performance.now();
  let last = now();
  let waited = 0;
  let cause: unknown;
  let idleTurns = 0;
  const met = (): T | undefined => {
    try {
      cause = undefined;
      return condition();
    } catch (error) {
      cause = error;
      return undefined;
    }
  };
  for (;;) {
    const before = met();
    if (before) return before as Met;
    await turn();
    const after = met();
    if (after) return after as Met;
    const clock = fakeClock();
    const time = now();
    waited += clock ? time - last : Math.min(time - last, LONGEST_TURN_MS);
    last = time;
    if (waited >= timeoutMs) break;
    if (clock?.countTimers()) await clock.nextAsync();
    else if (clock && ++idleTurns > IDLE_TURNS) break;
  }
  const what = typeof message === 'string' ? message : message();
  throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause });
}

/**
 * Resolves when nothing moves any more.
 *
 * - A backend: everything that was called is answered, and every announcement has arrived, but
 *   for what a rule holds or has dropped. What waits for a timer, such as a retry, is not on its
 *   way yet.
 * - A store: it shows what the backend has, or cannot, and none of its optimistic writes is
 *   pending. One that was not used yet is started.
 *
 * @throws {Error} as {@link waitFor}; it says how things are.
 *
 * @example
 * backend.set('settings', { theme: 'dark' });
 * await settled(backend);
 * expect(store.get()).toEqual({ theme: 'dark' });
 */
export async function settled(
  target: Pick<FakeBackend, 'underWay'> | Resting,
  options?: WaitOptions,
): Promise<void> {
  if ('underWay' in target) {
    await turn();
    await waitFor(() => target.underWay() === 0, {
      message: () => `${target.underWay()} crossings to arrive`,
      ...options,
    });
    await turn();
    return;
  }
  target.get();
  await turn();
  await waitFor(() => AT_REST.has(target.status) && target.pending === 0, {
    message: () =>
      `the store of "${target.topic}" to come to rest: it is ${target.status}, ${target.pending} pending`,
    ...options,
  });
}

const AT_REST = new Set(['synchronized', 'removed', 'denied', 'closed']);
