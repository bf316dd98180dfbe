import type { Revision } from './revision.js';

/** The name of one piece of state: 1 to 128 of `A-Z a-z 0-9 - _ / :`. */
export type Topic = string;

/** "Your copy may be older than this": a hint that carries no state. */
export interface InvalidationEvent {
  topic: Topic;
  revision: Revision;
  /** The label of the window that wrote; absent when the backend wrote, or several did. */
  sourceId?: string;
  /** The backend's wall clock, in ms since 1970. */
  timestampMs?: number;
}

/** A topic's state and what orders it, read as one pair. */
export interface SnapshotEnvelope<T> {
  revision: Revision;
  data: T;
}

/** Ends what returned it. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** Where invalidations come from. */
export interface InvalidationSubscriber {
  /**
   * Calls `handler` with every invalidation from the moment on when the promise resolves.
   * The payload is checked by the caller: pass on whatever arrives.
   */
  subscribe(handler: (event: InvalidationEvent) => void): Promise<Unsubscribe>;
}

/** Where snapshots come from. */
export interface SnapshotProvider<T> {
  /**
   * Reads the newest snapshot. Both arguments may be left alone. `since` is the revision that
   * the handle has: a provider that understands it may answer `{ revision, unchanged: true }`.
   * `signal` is aborted when the handle has no more use for the answer.
   */
  getSnapshot(since?: Revision, signal?: AbortSignal): Promise<SnapshotEnvelope<T> | Unchanged>;
}

/** The answer of a provider that has nothing newer than what was asked about. */
export interface Unchanged {
  revision: Revision;
  unchanged: true;
}

/** What puts a snapshot into local state. The handle's revision moves once it has succeeded. */
export interface SnapshotApplier<T> {
  apply(snapshot: SnapshotEnvelope<T>): void | Promise<void>;
}

/** Where log lines go. What a method throws is swallowed. */
export interface Logger {
  debug(msg: string, extra?: unknown): void;
  warn(msg: string, extra?: unknown): void;
  error(msg: string, extra?: unknown): void;
}

/**
 * What was being done when an error happened.
 *
 * | phase | what failed |
 * |---|---|
 * | `subscribe` | listening, or telling the backend that this page reads |
 * | `invalidation` | `shouldRefresh` |
 * | `getSnapshot` | a pull |
 * | `refresh` | the pull of a handle that is refreshed without being started: nothing tries again |
 * | `protocol` | what arrived is not of the protocol |
 * | `apply` | showing a state: an applier, a listener, an optimistic change |
 */
export type SyncPhase =
  | 'subscribe'
  | 'invalidation'
  | 'getSnapshot'
  | 'refresh'
  | 'protocol'
  | 'apply';

/** What `onError` is told. */
export interface SyncErrorContext {
  phase: SyncPhase;
  topic?: Topic;
  error: unknown;
  /** The payload as it arrived, where an event is at fault. */
  sourceEvent?: unknown;
  localRevision?: Revision;
  /** What was announced, where `shouldRefresh` threw. */
  eventRevision?: Revision | undefined;
  snapshotRevision?: Revision;
  /** Who made the change, where that is known. */
  sourceId?: string | undefined;
  /** How many attempts have failed in a row, this one included. */
  attempt?: number;
  willRetry?: boolean;
  /** Until the next attempt, in ms. */
  nextDelayMs?: number;
}
