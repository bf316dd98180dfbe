import type { SnapshotProvider } from './types.js';

/** How to try again: exponential, with a cap. */
export interface RetryPolicy {
  /** How often to try at most, the first time included. Default: 3. */
  maxAttempts?: number;
  /** The first pause, in ms. Default: 500. */
  initialDelayMs?: number;
  /** What each further pause is multiplied by. Default: 2. */
  backoffMultiplier?: number;
  /** The longest pause, in ms. Default: 10 000. */
  maxDelayMs?: number;
}

/** What is told before each further attempt. */
export interface RetryInfo {
  /** How many attempts have failed. */
  attempt: number;
  error: unknown;
  nextDelayMs: number;
}

/** The pause after so many failures in a row (1 or more), in ms. */
export function backOff(failures: number, initialMs: number, maxMs: number, factor = 2): number {
  return Math.min(initialMs * factor ** (failures - 1), maxMs);
}

/**
 * Wraps a provider so that a failed read is tried again before it counts as failed. The
 * handle itself tries again, too, but only after it has started: this makes the *first* read
 * of a bare `createRevisionSync` patient.
 *
 * Rejects with the provider's last error when `maxAttempts` have failed. What `onRetry`
 * throws is ignored. Once the handle has stopped, nothing is tried again.
 *
 * @example
 * const provider = withRetry(createTauriSnapshotProvider({ topic: 'settings' }), {
 *   maxAttempts: 5,
 * });
 */
export function withRetry<T>(
  provider: SnapshotProvider<T>,
  policy: RetryPolicy = {},
  onRetry?: (info: RetryInfo) => void,
): SnapshotProvider<T> {
  const {
    maxAttempts = 3,
    initialDelayMs = 500,
    backoffMultiplier = 2,
    maxDelayMs = 10_000,
  } = policy;
  return {
    async getSnapshot(since, signal) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await provider.getSnapshot(since, signal);
        } catch (error) {
          if (attempt >= maxAttempts || signal?.aborted) throw error;
          const nextDelayMs = backOff(attempt, initialDelayMs, maxDelayMs, backoffMultiplier);
          try {
            onRetry?.({ attempt, error, nextDelayMs });
          } catch {
            // A broken observer must not cost the read.
          }
          await pause(nextDelayMs, signal);
          if (signal?.aborted) throw error;
        }
      }
    },
  };
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
