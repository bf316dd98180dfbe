import { LockstepError } from './errors.js';

// Timers take 31 bits, some 24 days; what is longer would fire at once.
export const LONGEST_MS = 2 ** 31 - 1;

/**
 * Gives `work` so many ms, then rejects with kind `timeout`. What comes after that is handed
 * to `late`: an answer is never thrown away only because it was slow.
 */
export function limited<R>(
  work: () => R | Promise<R>,
  ms: number,
  message: string,
  late: (result: R) => void,
): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    let expired = false;
    const timer = setTimeout(
      () => {
        expired = true;
        reject(new LockstepError('timeout', message));
      },
      Math.min(ms, LONGEST_MS),
    );
    // An async arrow, so that a synchronous throw of `work` is a rejection like any other.
    (async () => work())().then(
      (result) => {
        clearTimeout(timer);
        if (expired) late(result);
        else resolve(result);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
