import type { PageOptions } from './configure.js';
import type { Revision } from './revision.js';
import type { Role } from './role.js';
import type { Transport, WriteOperation } from './transport.js';
import type { SyncErrorContext, Topic, Unsubscribe } from './types.js';

/**
 * What all handles of one page share, kept on `globalThis` (or a transport's `scope`) under a
 * symbol: so that a hot reload, and two bundled copies of this package, are one session with
 * one sequence of writes and one listener per topic.
 *
 * The copies may be of different versions, so shapes are only ever extended: a field that is
 * missing is filled in by whoever needs it first, and no field changes its meaning.
 */
export interface Page {
  version: number;
  session: string;
  topics: Map<Topic, PageTopic>;
  /** I14: topics that are listened to for nobody, the one that has been so longest first. */
  idle?: Set<Topic>;
  /** I11: the highest number that a topic had which is forgotten: where new ones begin. */
  seq?: number;
  /** Told of what no handler of a store's own is. */
  errorHandlers?: Set<(context: SyncErrorContext) => void>;
  /** The page's part in the role: a page is one candidate, whoever asks. */
  role?: Role;
  /** What its stores do that do not say otherwise. */
  options?: PageOptions;
  /** Who takes the deliveries, and of which session. */
  receiving?: { session: string; stop: Unsubscribe } | undefined;
  /** What takes the place of Tauri's transport. */
  transport?: Transport | undefined;
}

/** A write in the queue. Each copy of the package makes its own; the one whose turn it is sends. */
export interface QueuedWrite {
  operation: WriteOperation;
  store: QueueingStore;
  /** What it was sent in failed as a whole. */
  reject(error: unknown): void;
}

/** A store, as the sender of a batch sees it: perhaps another copy's. */
export interface QueueingStore {
  /** What it has, or undefined where that is nothing. */
  since(): Revision | undefined;
  /**
   * Takes the answer to a batch, and what it says of each of this store's writes in it. Settles
   * when these have; never rejects.
   */
  took(answer: unknown, ended: EndedWrite[]): Promise<void>;
}

/** A write, and what the backend says of it: `{ revision }` or `{ error }`. */
export interface EndedWrite {
  write: QueuedWrite;
  result: unknown;
}

/** Writes that wait for their turn together. */
export interface WaitingBatch {
  writes: QueuedWrite[];
  /** The queue's end when it joined: where that has moved on, something else stands behind it. */
  tail: Promise<unknown>;
}

/** What the handles of one topic share. */
export interface PageTopic {
  /** I11: the last sequence number given out. */
  seq: number;
  /** I11: settles when the last queued write has ended; never rejects. */
  tail: Promise<unknown>;
  /** I11: the batch that joined the queue last, until its turn comes. */
  batch?: WaitingBatch | undefined;
  handlers: Set<(payload: unknown) => void>;
  /** The page's one listener: kept for a while once made, since Tauri's `unlisten` leaves its entry behind. */
  listening?: Promise<Unsubscribe> | undefined;
  /** The same handles, as takers of deliveries. */
  takers: Set<Taker>;
  /** Those of them that rest: nothing need be delivered to them now. */
  resting: Set<Taker>;
  /** The backend was told last that all of them rest. */
  rests?: boolean;
  /** The session to which the backend delivers the topic: nothing has to be listened to then. */
  delivered?: string | undefined;
  /** The backend may deliver nothing to that session by now: the page slept, or a call came late. */
  inDoubt?: boolean;
  /** How many handles want the backend to know that this page reads the topic. */
  readers: number;
  /** Keeps subscribe and unsubscribe in order: invokes may overtake one another. */
  link: Promise<unknown>;
  /** The backend will be told, and has not been yet. */
  telling?: boolean;
  /** The last call that told it was refused: it is told again when a pull succeeds. */
  refused?: boolean;
  /** How many calls that tell it have failed in a row, and what makes the next. */
  failures: number;
  retry?: ReturnType<typeof setTimeout> | undefined;
  /** While it is set, the backend was told a moment ago; `again`: it is to be told after that. */
  told?: { again?: boolean } | undefined;
}

/** Takes what is delivered of its topic; undefined: it is to pull. Never throws. */
export type Taker = (answer: unknown) => void;

// What one request may carry.
const MAX_BATCH = 256;

const KEY = Symbol.for('tauri-plugin-lockstep');

/** The registry of a transport's page; made on first use. */
export function pageOf({ scope = globalThis }: Pick<Transport, 'scope'>): Page {
  const holder = scope as { [KEY]?: Partial<Page> };
  holder[KEY] ??= {};
  const page = holder[KEY];
  page.version ??= 1;
  page.session ??= mintId(16);
  page.topics ??= new Map();
  return page as Page;
}

/**
 * The page's session after it came out of the back/forward cache: a new one, since the backend
 * never takes a page that was navigated away from for alive again. `held` is the session that the
 * caller knew: of all who share the page, the first mints it. **I11** A write keeps the session
 * it was first sent with, however often it is repeated.
 */
export function renew(transport: Pick<Transport, 'scope'>, held: string): string {
  const page = pageOf(transport);
  if (page.session === held) page.session = mintId(16);
  return page.session;
}

/** The shared part of one topic. */
export function pageTopicOf(page: Page, topic: Topic): PageTopic {
  const entry: Partial<PageTopic> = page.topics.get(topic) ?? {};
  entry.seq ??= page.seq ?? 0;
  entry.tail ??= Promise.resolve();
  entry.handlers ??= new Set();
  entry.takers ??= new Set();
  entry.resting ??= new Set();
  entry.readers ??= 0;
  entry.link ??= Promise.resolve();
  entry.failures ??= 0;
  page.topics.set(topic, entry as PageTopic);
  return entry as PageTopic;
}

/** An id that nobody else has: two hexadecimal digits for each byte. */
export function mintId(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

/**
 * Runs `job` when every earlier one of the topic has ended, in whichever copy of this package
 * it was queued: one write per topic and page is under way. **I11**
 */
export function enqueue<R>(entry: PageTopic, job: () => Promise<R>): Promise<R> {
  const turn = entry.tail.then(job);
  entry.tail = turn.catch(() => {});
  return turn;
}

/**
 * Queues a write with those that wait already, of whichever copy of this package: what was called
 * for while a batch is under way goes out together in the next. `send` must not reject. **I11**
 */
export function enqueueWrite(
  entry: PageTopic,
  write: QueuedWrite,
  send: (writes: QueuedWrite[]) => Promise<void>,
): void {
  const { batch } = entry;
  // What stands behind the batch by now, such as an update, comes before this write.
  if (batch && batch.tail === entry.tail && batch.writes.length < MAX_BATCH) {
    batch.writes.push(write);
    return;
  }
  const writes = [write];
  enqueue(entry, () => {
    if (entry.batch?.writes === writes) entry.batch = undefined;
    return send(writes);
  });
  entry.batch = { writes, tail: entry.tail };
}
