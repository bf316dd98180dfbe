import { createEngine } from './engine.js';
import type { Revision } from './revision.js';
import { createThrottledHandler, type InvalidationThrottlingOptions } from './throttle.js';
import type {
  InvalidationEvent,
  InvalidationSubscriber,
  Logger,
  SnapshotApplier,
  SnapshotProvider,
  SyncErrorContext,
  Topic,
  Unsubscribe,
} from './types.js';

/** The parts that make a handle. */
export interface RevisionSyncOptions<T> {
  topic: Topic;
  subscriber: InvalidationSubscriber;
  provider: SnapshotProvider<T>;
  applier: SnapshotApplier<T>;
  /**
   * Whether an announcement of something newer is a reason to pull; for one that is not, the
   * handle stays as it is until the next. If it throws, the handle pulls. Default: always.
   */
  shouldRefresh?: (event: InvalidationEvent) => boolean;
  logger?: Logger;
  /** Told of every error, also of those that are tried again. What it throws is logged. */
  onError?: (context: SyncErrorContext) => void;
  /** Thins out pulls under a burst of announcements. Default: not at all. */
  throttling?: InvalidationThrottlingOptions;
  /**
   * Calls its handler when the page wakes up (it is focused, shown, on-line again), until the function
   * that it returns is called: the handle asks again then, since what was announced meanwhile may be lost.
   * Default: never; over Tauri, by the page's own events (and never where `undefined` is given).
   */
  onWake?: ((handler: () => void) => Unsubscribe) | undefined;
  /**
   * After how many ms a pull, or a subscribe, counts as failed; an answer to a pull that comes
   * later is still used.
   * `Infinity`: never. Default: 30 000.
   */
  pullTimeoutMs?: number;
}

/** Keeps local state at the owner's. See {@link createRevisionSync}. */
export interface RevisionSyncHandle {
  /**
   * Subscribes, pulls, and resolves once the first snapshot is applied: for every caller, also
   * for one who calls while it is under way.
   *
   * Rejects with the subscriber's, provider's or applier's own error, and has then cleaned up,
   * so that it may be called again; with kind `protocol` for an answer that is none; `timeout`
   * if none came in time; `closed` if `stop()` was called before it resolved, or earlier.
   */
  start(): Promise<void>;
  /** Ends the handle for good. Nothing is called back after it. */
  stop(): void;
  /**
   * Resolves after a pull that began after this call. May be called before `start()`. Rejects
   * as `start()` does; a started handle goes on trying all the same. After `stop()` it does
   * nothing.
   */
  refresh(): Promise<void>;
  /** The revision that the applier took last; `0` before the first. */
  getLocalRevision(): Revision;
}

/**
 * Keeps local state in step with its owner: listens for invalidations, pulls snapshots, and
 * hands strictly newer ones to the applier.
 *
 * Once started it never gives up: a failed pull is tried again after 0.5 s, 1 s, 2 s and so on,
 * up to 30 s, and each failure is told to `onError`. When the page wakes up, it asks again. An applier that returns a promise which
 * never settles holds everything up, since the revision may not move before it.
 *
 * @throws {TypeError} for an empty topic.
 *
 * @example
 * const sync = createRevisionSync({ topic: 'settings', subscriber, provider, applier });
 * await sync.start();
 * // later
 * sync.stop();
 */
export function createRevisionSync<T>(options: RevisionSyncOptions<T>): RevisionSyncHandle {
  const { topic, subscriber, provider, applier, onWake, throttling } = options;
  const { pullTimeoutMs = 30_000 } = options;
  if (!topic?.trim()) throw new TypeError('No topic');
  let stopped = false;
  const engine = createEngine({
    ...options,
    pullTimeoutMs,
    persistent: false,
    async subscribe(handler) {
      const unsubscribe = await subscriber.subscribe(handler);
      // I8: for as long as it listens.
      const sleepless = onWake?.(() => engine.refresh());
      return () => {
        sleepless?.();
        return unsubscribe();
      };
    },
    pull: (since, signal) => provider.getSnapshot(since, signal),
    // Whoever keeps no copy cannot use a patch: it asks for the whole instead.
    apply: ({ revision, data }) =>
      data === undefined ? 'rebase' : applier.apply({ revision, data: data as T }) || undefined,
    // I8: without a trailing edge, the last change of a burst would never be asked for.
    throttle: (fire) => createThrottledHandler(fire, { ...throttling, trailing: true }),
  });
  return {
    start: engine.start,
    stop() {
      stopped = true;
      engine.stop();
    },
    refresh: () => (stopped ? Promise.resolve() : engine.refresh()),
    getLocalRevision: engine.gate.revision,
  };
}
