import { limited } from './limited.js';
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
  /** Told of what no handler of a store's own is. */
  errorHandlers?: Set<(context: SyncErrorContext) => void>;
  /** The page's part in the role: a page is one candidate, whoever asks. */
  role?: Role;
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
  /** The page's one listener: kept while it is needed, since Tauri's `unlisten` leaves its entry behind. */
  listening?: Promise<Unsubscribe> | undefined;
  /** The same handles, as takers of deliveries. */
  takers: Set<Taker>;
  /** The session to which the backend delivers the topic: nothing has to be listened to then. */
  delivered?: string | undefined;
  /** How many handles want the backend to know that this page reads the topic. */
  readers: number;
  /** Keeps subscribe and unsubscribe in order: invokes may overtake one another. */
  link: Promise<unknown>;
  /** The backend will be told, and has not been yet. */
  telling?: boolean;
  /** While it is set, the backend was told a moment ago; `again`: it is to be told after that. */
  told?: { again?: boolean } | undefined;
}

/** Takes what is delivered of its topic; undefined: it is to pull. Never throws. */
export type Taker = (answer: unknown) => void;

// A call that hangs must not hold up the page for ever.
const CALL_MS = 10_000;

/** How often a page that wakes tells the backend of a topic at most. */
export const WAKE_MS = 3000;

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
  entry.seq ??= 0;
  entry.tail ??= Promise.resolve();
  entry.handlers ??= new Set();
  entry.takers ??= new Set();
  entry.readers ??= 0;
  entry.link ??= Promise.resolve();
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

/** Whether the page is delivered the topic, and so need not listen. */
export function isDelivered(page: Page, { delivered }: PageTopic): boolean {
  return delivered === page.session;
}

/**
 * Resolves when `taker` gets the topic's deliveries or, where the backend does not deliver,
 * `handler` hears its invalidations. **I14** All handles of a page share one subscription, one
 * receiver, and one listener of the transport. **I6** What a handler throws does not reach the
 * others, nor the transport. A failed `listen` is not remembered: the next call tries again.
 */
export async function attach(
  transport: Transport,
  topic: Topic,
  handler: (payload: unknown) => void,
  taker: Taker,
  onLinkError: (error: unknown) => void,
): Promise<Unsubscribe> {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  let attached = false;

  function join(): void {
    attached = true;
    entry.takers.add(taker);
    if (++entry.readers === 1) relink(transport, topic, onLinkError);
  }

  function leave(): void {
    if (!attached) return;
    attached = false;
    entry.handlers.delete(handler);
    entry.takers.delete(taker);
    if (--entry.readers === 0) relink(transport, topic, onLinkError);
  }

  if (transport.receive) {
    join();
    await entry.link;
  }
  if (!isDelivered(page, entry)) {
    try {
      await hearken(transport, topic, onLinkError);
    } catch (error) {
      leave();
      throw error;
    }
    // Joined only now: a page that stops while `listen` hangs leaves nothing behind.
    if (!attached) join();
  }
  entry.handlers.add(handler);
  return leave;
}

/** Resolves when the page listens to the topic. */
async function hearken(
  transport: Transport,
  topic: Topic,
  onLinkError: (error: unknown) => void,
): Promise<void> {
  const entry = pageTopicOf(pageOf(transport), topic);
  entry.listening ??= timed(
    () => transport.listen(topic, (payload) => tell(entry.handlers, payload, onLinkError)),
    (unlisten) => unlisten(),
  );
  const { listening } = entry;
  try {
    await listening;
  } catch (error) {
    if (entry.listening === listening) entry.listening = undefined;
    throw error;
  }
}

function tell<P>(
  handlers: Set<(payload: P) => void>,
  payload: P,
  failed: (error: unknown) => void,
): void {
  for (const hear of [...handlers]) {
    try {
      hear(payload);
    } catch (error) {
      failed(error);
    }
  }
}

/** Sees to it that deliveries to the page's session are taken. Says whether there can be any. */
function receive(transport: Transport, page: Page, onLinkError: (error: unknown) => void): boolean {
  const { session, receiving } = page;
  if (receiving?.session === session) return true;

  function hand(topic: Topic, answer?: unknown): void {
    const entry = page.topics.get(topic);
    if (!entry) return;
    // The backend has stopped delivering; or does not know yet that nobody reads it here.
    if (answer === undefined || !entry.takers.size) relink(transport, topic, onLinkError);
    tell(entry.takers, answer, onLinkError);
  }

  const stop = transport.receive?.(session, (payload) => {
    if (page.session !== session) return;
    if (Array.isArray(payload)) for (const answer of payload) hand(Object(answer).topic, answer);
    else for (const topic of page.topics.keys()) hand(topic);
  });
  if (!stop) return false;
  receiving?.stop();
  page.receiving = { session, stop };
  return true;
}

/**
 * **I8** The backend does not deliver to a page what it has answered it: the page's handles hear here
 * what one of them was answered, whether or not that one is still there to use it. Without an
 * answer, since it may have been lost: they ask by themselves.
 */
export function share(transport: Transport, topic: Topic, answer?: unknown, by?: Taker): void {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  if (!isDelivered(page, entry)) return;
  const { revision } = Object(answer);
  const heard = answer === undefined ? undefined : { topic, revision };
  for (const take of [...entry.takers]) if (take !== by) take(heard);
}

/**
 * Tells the backend whether this page reads the topic, as it is when its turn comes. One call at
 * a time: one that hangs holds up the next for a while only, and however many are asked for
 * meanwhile, one follows. **I14**
 */
export function relink(
  transport: Transport,
  topic: Topic,
  onLinkError: (error: unknown) => void,
): void {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  if (entry.telling) return;
  entry.telling = true;
  entry.link = entry.link
    .then(async () => {
      entry.telling = false;
      const { session } = page;
      if (entry.readers === 0) {
        let ended = false;
        const leaving = (async () => transport.unsubscribe(topic, session))();
        const again = (): void => {
          // It came after a later subscribe, perhaps.
          if (ended && entry.readers > 0) {
            relink(transport, topic, onLinkError);
            entry.link.then(() => tell(entry.takers, undefined, onLinkError));
          }
        };
        leaving.then(again, again);
        await timed(() => leaving).finally(() => {
          ended = true;
        });
        entry.delivered = undefined;
        return;
      }
      const deliver = receive(transport, page, onLinkError) || undefined;
      try {
        const answer = await timed(() => transport.subscribe(topic, session, deliver));
        entry.delivered = deliver && Object(answer).delivers === true ? session : undefined;
      } catch (error) {
        onLinkError(error);
      }
      const { listening, takers } = entry;
      if (isDelivered(page, entry)) {
        entry.listening = undefined;
        (await listening)?.();
      } else if (entry.handlers.size && !listening) {
        await hearken(transport, topic, onLinkError);
        // What has changed since the deliveries ended was told to nobody.
        tell(takers, undefined, onLinkError);
      }
    })
    .catch(onLinkError);
}

/**
 * Tells the backend again that this page reads the topic: while the page slept, the backend may
 * have dropped its session. **I14** At most once in {@link WAKE_MS}: what wakes the page meanwhile
 * is made up for at the end of that, once.
 */
export function rewake(
  transport: Transport,
  topic: Topic,
  onLinkError: (error: unknown) => void,
): void {
  const entry = pageTopicOf(pageOf(transport), topic);
  // A page that has not begun to listen will say so when it has.
  if (!entry.readers) return;
  if (entry.told) {
    entry.told.again = true;
    return;
  }
  const told: PageTopic['told'] = {};
  entry.told = told;
  relink(transport, topic, onLinkError);
  setTimeout(() => {
    entry.told = undefined;
    if (told.again) rewake(transport, topic, onLinkError);
  }, WAKE_MS);
}

function timed<R>(work: () => Promise<R>, late: (result: R) => void = () => {}): Promise<R> {
  return limited(work, CALL_MS, `No answer within ${CALL_MS} ms`, late);
}
