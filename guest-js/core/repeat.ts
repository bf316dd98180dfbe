import { LockstepError } from './errors.js';
import { LONGEST_MS } from './limited.js';
import { backOff } from './retry.js';

/** How often a write is sent at most, the first time included. */
export const WRITE_ATTEMPTS = 4;

/** After so many ms nothing is repeated: the backend may have forgotten. */
export const REPEAT_MS = 50_000;

const PAUSE_FIRST_MS = 100;
const PAUSE_LONGEST_MS = 5000;
const PAUSE_FACTOR = 5;

export interface Repetition {
  /** For all attempts together. */
  budgetMs: number;
  /** What a rejection with kind `timeout` says. */
  message: string;
  /** Whether a rejection leaves open what became of the call, so that it may be repeated. */
  isOpen(error: unknown): boolean;
  /** Handed what comes after the promise has settled. */
  late(result: unknown): void;
}

/**
 * Calls until there is an answer: again after 0.1 s, 0.5 s and 2.5 s where a call fails on its
 * way, and after a quarter of the budget where one hangs. The first answer counts, whichever
 * call it is to. Rejects with the last failure, or with `timeout` when the budget is over.
 *
 * Only for a call that may arrive more than once, as a write may. **I11** Every attempt carries
 * the same session, number and content: the backend applies the first that arrives, answers the
 * others from memory, and remembers for longer than they are sent: 60 s after the session's end,
 * which a page that sleeps may miss. So nothing is repeated after {@link REPEAT_MS} by the clock,
 * however little of that the timers saw. One that arrives after a later write is refused.
 */
export function repeated(
  call: () => Promise<unknown>,
  { budgetMs, message, isOpen, late }: Repetition,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const began = Date.now();
    let failure: unknown;
    let settled = false;
    let sent = 0;
    let open = 0;
    let next: ReturnType<typeof setTimeout> | undefined;
    const budget = Math.min(budgetMs, LONGEST_MS);
    const deadline = setTimeout(
      () => settle(() => reject(new LockstepError('timeout', message))),
      budget,
    );

    function settle(how: () => void): void {
      settled = true;
      clearTimeout(next);
      clearTimeout(deadline);
      how();
    }

    function again(ms: number): void {
      clearTimeout(next);
      if (sent < WRITE_ATTEMPTS) next = setTimeout(attempt, ms);
    }

    function attempt(): void {
      if (sent && Date.now() - began > REPEAT_MS) {
        sent = WRITE_ATTEMPTS;
        if (!open) settle(() => reject(failure));
        return;
      }
      sent++;
      open++;
      again(budget / WRITE_ATTEMPTS);
      // An async arrow, so that a synchronous throw is a rejection like any other.
      (async () => call())().then(
        (result) => {
          if (settled) late(result);
          else settle(() => resolve(result));
        },
        (error: unknown) => {
          open--;
          failure = error;
          if (settled) return;
          if (!isOpen(error) || (sent >= WRITE_ATTEMPTS && !open)) settle(() => reject(error));
          else again(backOff(sent, PAUSE_FIRST_MS, PAUSE_LONGEST_MS, PAUSE_FACTOR));
        },
      );
    }

    attempt();
  });
}
