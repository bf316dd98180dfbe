import { type RetryPolicy, withRetry } from './retry.js';
import type { Logger, SnapshotProvider, SyncErrorContext, Topic } from './types.js';

/** Who is told of attempts that failed. */
export interface RetryReportingOptions {
  topic?: Topic;
  /** Told as a handle's own `onError` is. What it throws is ignored. */
  onError?: (context: SyncErrorContext) => void;
  /** Gets a line for each. */
  logger?: Logger;
}

/**
 * {@link withRetry} that reports each failed attempt that another follows: with phase
 * `getSnapshot`, the attempt, and the delay until the next. The last failure is what `getSnapshot`
 * rejects with, which the handle reports itself.
 *
 * @example
 * const onError = ({ topic, attempt, nextDelayMs }: SyncErrorContext) =>
 *   console.warn(`${topic}: attempt ${attempt} failed, the next is in ${nextDelayMs} ms`);
 * const provider = withRetryReporting(
 *   createTauriSnapshotProvider({ topic: 'settings' }),
 *   { maxAttempts: 5 },
 *   { topic: 'settings', onError },
 * );
 */
export function withRetryReporting<T>(
  provider: SnapshotProvider<T>,
  policy: RetryPolicy,
  { topic, onError, logger }: RetryReportingOptions,
): SnapshotProvider<T> {
  return withRetry(provider, policy, (info) => {
    const context: SyncErrorContext = {
      phase: 'getSnapshot',
      ...(topic !== undefined && { topic }),
      ...info,
      willRetry: true,
    };
    try {
      logger?.warn('getSnapshot failed', context);
    } finally {
      onError?.(context);
    }
  });
}
