import { defaultLogger } from './logger.js';
import { backOff } from './retry.js';
import type { ReadonlyTopicStore } from './topic-store.js';
import type { SnapshotApplier, SyncErrorContext, Unsubscribe } from './types.js';

/** How an applier is connected. */
export interface ConnectApplierOptions {
  /** Told of what the applier throws or rejects with. Default: it is logged on the console. */
  onError?: (context: SyncErrorContext) => void;
}

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;

/**
 * Feeds an applier from a topic's store, so that an app's own store shows what that one shows, its
 * optimistic writes included, and the window pulls once for both. It starts the store. Applies what is
 * there at once, and then each change within the same turn, so that a write's promise resolves when the
 * app's store has it; where the applier returns a promise, one after another, and what comes meanwhile
 * as one. What fails is tried again after 0.5 s, 1 s and so on, up to 30 s, or with the next change.
 *
 * A snapshot's `data` is the store's own and not to be changed; the appliers of this package copy it.
 * Its `revision` is that of the confirmed state, so several snapshots may have the same.
 *
 * @returns what ends it. The store is not closed by it.
 *
 * @example
 * const stop = connectApplier(settings, createPiniaSnapshotApplier(useSettings()));
 */
export function connectApplier<T>(
  store: ReadonlyTopicStore<T>,
  applier: SnapshotApplier<T>,
  { onError = log }: ConnectApplierOptions = {},
): Unsubscribe {
  let ended = false;
  let feeding = false;
  let due = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function feed(): Promise<void> {
    due = true;
    if (feeding) return;
    feeding = true;
    clearTimeout(timer);
    const { topic } = store;
    try {
      while (due && !ended) {
        due = false;
        const data = store.get();
        // Not awaited without need: what an applier does at once is done within the change.
        const applying =
          data !== undefined && applier.apply({ revision: store.revision, data: data as T });
        if (applying) await applying;
      }
      failures = 0;
    } catch (error) {
      if (ended) return;
      const nextDelayMs = backOff(++failures, RETRY_FIRST_MS, RETRY_LONGEST_MS);
      timer = setTimeout(feed, nextDelayMs);
      onError({ phase: 'apply', topic, error, attempt: failures, willRetry: true, nextDelayMs });
    } finally {
      feeding = false;
    }
  }

  const stop = store.subscribe(() => {
    feed();
  });
  feed();
  return () => {
    ended = true;
    clearTimeout(timer);
    stop();
  };
}

function log(context: SyncErrorContext): void {
  defaultLogger.error('apply failed', context);
}
