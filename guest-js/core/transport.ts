import type { Revision } from './revision.js';
import type { Topic, Unsubscribe } from './types.js';

/** What one write asks for: exactly one of `set`, `merge`, `patch` and `action`. */
export interface WriteOperation {
  /** Apply only if the topic is at exactly this revision. */
  expectedRevision?: Revision;
  /** The whole new value. */
  set?: unknown;
  /** A JSON Merge Patch (RFC 7396). */
  merge?: unknown;
  /** A JSON Patch (RFC 6902). */
  patch?: unknown;
  /** For the reducer that the topic was declared with. */
  action?: unknown;
}

/** A write as it travels: one operation, or `writes`, a batch of 1 to 256. */
export interface WriteRequest extends WriteOperation {
  topic: Topic;
  /** One page life of one webview. */
  session: string;
  /** Rises with each write or batch of one session to one topic; from 1. */
  seq: number;
  /** What this window has: the answer may be what changed since. */
  since?: Revision;
  /** A batch: each is applied or refused for itself, in this order. */
  writes?: WriteOperation[];
}

/** How a page reads a topic. */
export interface SubscribeOptions {
  /** It wants deliveries. */
  deliver?: boolean;
  /** It wants none for now: to be told what it has missed when it subscribes without. */
  rest?: boolean;
}

/** What is to be created: `topic`, or one of a `family`, which the backend names. */
export interface CreateTopicRequest {
  topic?: Topic;
  family?: string;
  session: string;
  /** What it begins with. Without: what the family says in Rust. */
  initial?: unknown;
}

/** Why a window should ask again. */
export interface Wake {
  /**
   * The page came back from the back/forward cache: the backend has dropped its session for good,
   * and it needs a new one.
   */
  restored: boolean;
}

/** Why a window should rest. */
export interface Hide {
  /** The page is navigated away from, or closed, rather than only hidden. */
  leaving: boolean;
}

/**
 * All that the everyday store needs of the outside. What the promises bring is checked by the
 * store; a rejection may be anything (see `toLockstepError`).
 *
 * Tauri's is `createTauriTransport()`; a test hosts many windows over a fake one.
 */
export interface Transport {
  /** The window's label. */
  readonly label: string;
  /**
   * Where the page's shared registry is kept. Default: `globalThis`. A test that hosts several
   * windows in one process gives each its own.
   */
  readonly scope?: object;
  /** Resolves when every later invalidation of the topic will reach `handler`. */
  listen(topic: Topic, handler: (payload: unknown) => void): Promise<Unsubscribe>;
  /** `session`: that of a page which gets deliveries, so that it is not told this again. */
  getSnapshot(topic: Topic, since?: Revision, session?: string): Promise<unknown>;
  write(request: WriteRequest): Promise<unknown>;
  /** Where the answer is not `{ delivers: true }`, the page listens. */
  subscribe(topic: Topic, session: string, how?: SubscribeOptions): Promise<unknown>;
  unsubscribe(topic: Topic, session: string): Promise<unknown>;
  /**
   * From here on, calls `handler` with what is delivered to this session: a list of answers, each
   * with its `topic`, as `PROTOCOL.md` has it. Without it, pages listen.
   */
  receive?(session: string, handler: (payload: unknown) => void): Unsubscribe;
  /**
   * The topic's state at once, as the answer to `getSnapshot`. Throws where that cannot be had, or not
   * in a fraction of a second. Without it, no store has a state before its first pull.
   */
  getSnapshotNow?(topic: Topic): unknown;
  /** Calls `handler` when the page is focused, shown, restored, or on-line again. */
  onWake?(handler: (wake: Wake) => void): Unsubscribe;
  /** Calls `handler` when the page is hidden or left. Only who rests or yields then listens to that. */
  onHide?(handler: (hide: Hide) => void): Unsubscribe;
  /** Whether the page is hidden now. Without: it never is. */
  hidden?(): boolean;
}

/**
 * What a family needs beside that, and whoever lists and removes topics. Tauri's is
 * `createTauriAdminTransport()`.
 */
export interface AdminTransport extends Transport {
  createTopic(request: CreateTopicRequest): Promise<unknown>;
  removeTopic(topic: Topic): Promise<unknown>;
  listTopics(prefix?: string): Promise<unknown>;
}

/** What a role needs beside that. Tauri's is `createTauriRoleTransport()`. */
export interface RoleTransport extends Transport {
  joinRole(session: string): Promise<unknown>;
  leaveRole(session: string): Promise<unknown>;
}

/** What it needs to wait until a topic is on disk. */
export interface FlushTransport extends Transport {
  flush(topic: Topic): Promise<unknown>;
}
