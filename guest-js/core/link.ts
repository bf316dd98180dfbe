import { limited } from './limited.js';
import { type Page, type PageTopic, pageOf, pageTopicOf, renew, type Taker } from './page.js';
import { PRIMARY } from './primary.js';
import { backOff } from './retry.js';
import type { Transport } from './transport.js';
import type { SyncErrorContext, Topic, Unsubscribe } from './types.js';

/**
 * How a page hears of its topics: that the backend knows what it reads, and delivers it, or the page
 * listens.
 */

/** Is told what failed between the page and the backend, and when it is tried again. */
export type OnLinkError = (error: unknown, retry?: Partial<SyncErrorContext>) => void;

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;

// How often a page that reads a topic no more says so, before it rests.
const UNSUBSCRIBES = 5;

// A call that hangs must not hold up the page for ever.
const CALL_MS = 10_000;

/** How many topics are listened to for nobody, in case that somebody comes back. */
export const IDLE_LISTENERS = 32;

/** How often a page that wakes tells the backend of a topic at most. */
export const WAKE_MS = 3000;

/** Whether the page is delivered the topic, and so need not listen. */
export function isDelivered(page: Page, { delivered }: PageTopic): boolean {
  return delivered === page.session;
}

/**
 * Resolves when `taker` gets the topic's deliveries or, where the backend does not deliver,
 * `handler` hears its invalidations. **I14** All handles of a page share one subscription, one
 * receiver, and one listener of the transport; of those that nobody needs any more the last
 * {@link IDLE_LISTENERS} are kept. **I6** What a handler throws does not reach the others, nor the
 * transport. A failed `listen` is not remembered: the next call tries again.
 */
export async function attach(
  transport: Transport,
  topic: Topic,
  handler: (payload: unknown) => void,
  taker: Taker,
  onLinkError: OnLinkError,
): Promise<Unsubscribe> {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  let attached = false;
  page.idle?.delete(topic);

  function join(): void {
    attached = true;
    entry.takers.add(taker);
    if (++entry.readers === 1) relink(transport, topic, onLinkError);
    else reconsider(transport, topic, onLinkError);
  }

  function leave(): void {
    entry.resting.delete(taker);
    if (!attached) return;
    attached = false;
    entry.handlers.delete(handler);
    entry.takers.delete(taker);
    if (--entry.readers > 0) reconsider(transport, topic, onLinkError);
    else {
      relink(transport, topic, onLinkError);
      rest(page, topic);
    }
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

/**
 * Whether nothing need be delivered to `taker` for now, such as while the page is hidden. **I14** Where
 * that goes for all who read the topic here, the backend delivers nothing of it, until one of them
 * wants it again: then it delivers what they have missed.
 */
export function setResting(
  transport: Transport,
  topic: Topic,
  taker: Taker,
  resting: boolean,
  onLinkError: OnLinkError,
): void {
  const entry = pageTopicOf(pageOf(transport), topic);
  if (resting) entry.resting.add(taker);
  else entry.resting.delete(taker);
  reconsider(transport, topic, onLinkError);
}

const allRest = ({ takers, resting }: PageTopic): boolean =>
  [...takers].every((taker) => resting.has(taker));

/** Tells the backend whether all rest, where it believes something else. */
function reconsider(transport: Transport, topic: Topic, onLinkError: OnLinkError): void {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  if (entry.readers && isDelivered(page, entry) && allRest(entry) !== !!entry.rests) {
    relink(transport, topic, onLinkError);
  }
}

/**
 * **I8** The topic is not delivered, or nobody knows: the page listens to it, and asks for what was told to
 * nobody meanwhile.
 */
export function fallBack(transport: Transport, topic: Topic, onLinkError: OnLinkError): void {
  const entry = pageTopicOf(pageOf(transport), topic);
  entry.delivered = undefined;
  if (!entry.handlers.size || entry.listening) return;
  hearken(transport, topic, onLinkError).then(
    () => hand(entry.takers, undefined, onLinkError),
    onLinkError,
  );
}

/** Resolves when the page listens to the topic. */
async function hearken(
  transport: Transport,
  topic: Topic,
  onLinkError: OnLinkError,
): Promise<void> {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  entry.listening ??= timed(
    () => transport.listen(topic, (payload) => hand(entry.handlers, payload, onLinkError)),
    (unlisten) => unlisten(),
  );
  const { listening } = entry;
  try {
    await listening;
  } catch (error) {
    if (entry.listening === listening) {
      entry.listening = undefined;
      rest(page, topic);
    }
    throw error;
  }
  // Given up meanwhile, since nobody needed it just then.
  if (entry.listening !== listening && !isDelivered(page, entry))
    await hearken(transport, topic, onLinkError);
}

function hand<P>(
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
function receive(transport: Transport, page: Page, onLinkError: OnLinkError): boolean {
  const { session, receiving } = page;
  if (receiving?.session === session) return true;
  const stop = transport.receive?.(session, (payload) => {
    if (page.session !== session || !Array.isArray(payload)) return;
    for (const answer of payload) {
      const entry = page.topics.get(Object(answer).topic);
      if (entry?.takers.size) hand(entry.takers, answer, onLinkError);
      // The backend does not know yet that nobody reads it here.
      else if (entry) relink(transport, Object(answer).topic, onLinkError);
    }
  });
  if (!stop) return false;
  receiving?.stop();
  page.receiving = { session, stop };
  return true;
}

/**
 * **I8** The backend does not deliver to a page what it has answered it: the page's handles hear here
 * what one of them was answered, whether or not that one is still there to use it. Without an
 * answer, since it may have been lost: they pull.
 */
export function share(transport: Transport, topic: Topic, answer?: unknown, by?: Taker): void {
  const page = pageOf(transport);
  const entry = page.topics.get(topic);
  if (!entry || !isDelivered(page, entry)) return;
  const { revision } = Object(answer);
  const heard = answer === undefined ? undefined : { topic, revision };
  for (const take of [...entry.takers]) if (take !== by) take(heard);
}

/** Nobody needs the topic just now. Of such topics, all but the last are forgotten. **I14** */
function rest(page: Page, topic: Topic): void {
  page.idle ??= new Set();
  page.idle.delete(topic);
  page.idle.add(topic);
  for (const [longest] of [...page.idle.entries()].slice(0, -IDLE_LISTENERS)) {
    page.idle.delete(longest);
    forget(page, longest);
  }
}

/** Listens no more, and forgets the topic once nothing of it is under way; unless it is used again. */
async function forget(page: Page, topic: Topic): Promise<void> {
  const entry = pageTopicOf(page, topic);
  const { tail, link, listening } = entry;
  entry.listening = undefined;
  listening?.then((unlisten) => unlisten()).catch(() => {});
  await Promise.all([tail, link]);
  if (entry.listening || page.idle?.has(topic) || page.topics.get(topic) !== entry) return;
  if (entry.tail !== tail || entry.link !== link || entry.told || entry.retry) {
    // Not yet: the next that comes to rest tries again.
    page.idle?.add(topic);
    return;
  }
  page.seq = Math.max(page.seq ?? 0, entry.seq);
  page.topics.delete(topic);
}

/**
 * Tells the backend whether this page reads the topic, as it is when its turn comes. One call at
 * a time: one that hangs holds up the next for a while only, and however many are asked for
 * meanwhile, one follows. **I14** One that fails is tried again after a back-off, unless the pulls
 * of whoever reads fail for the same reason: they relink when they succeed. **I8** An unsubscribe is
 * tried a few times only.
 */
export function relink(transport: Transport, topic: Topic, onLinkError: OnLinkError): void {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  clearTimeout(entry.retry);
  entry.failures = 0;
  tell(transport, topic, onLinkError);
}

function tell(transport: Transport, topic: Topic, onLinkError: OnLinkError): void {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  if (entry.telling) return;
  entry.telling = true;
  entry.retry = undefined;
  entry.link = entry.link
    .then(() => {
      entry.telling = false;
      const { session } = page;
      const told =
        entry.readers > 0
          ? subscribe(transport, topic, onLinkError)
          : unsubscribe(transport, topic, onLinkError);
      return told.catch((error) => {
        if (!hasEnded(error)) throw error;
        relive(transport, session, onLinkError);
      });
    })
    .then(
      () => {
        entry.failures = 0;
        entry.refused = false;
        // Who reads, and who rests, may have changed meanwhile.
        reconsider(transport, topic, onLinkError);
      },
      (error) => {
        const attempt = ++entry.failures;
        // A bare string is Tauri's own refusal.
        const { kind } = Object(error);
        const refused = typeof error === 'string' || kind === 'denied' || kind === 'unknownTopic';
        entry.refused = refused;
        const willRetry = !refused && (entry.readers > 0 || attempt < UNSUBSCRIBES);
        const nextDelayMs = entry.telling ? 0 : backOff(attempt, RETRY_FIRST_MS, RETRY_LONGEST_MS);
        if (willRetry && nextDelayMs) {
          entry.retry = setTimeout(tell, nextDelayMs, transport, topic, onLinkError);
        }
        onLinkError(error, { attempt, willRetry, ...(willRetry && { nextDelayMs }) });
      },
    );
}

async function subscribe(
  transport: Transport,
  topic: Topic,
  onLinkError: OnLinkError,
): Promise<void> {
  const page = pageOf(transport);
  const entry = pageTopicOf(page, topic);
  const { session } = page;
  const inDoubt = entry.inDoubt || !isDelivered(page, entry);
  let answer: unknown;
  entry.inDoubt = false;
  try {
    const deliver = receive(transport, page, onLinkError);
    const rest = allRest(entry);
    answer = await said(transport, topic, onLinkError, true, () =>
      transport.subscribe(topic, session, ...(deliver ? [{ deliver, rest }] : [])),
    );
    entry.rests = rest;
  } finally {
    if (Object(answer).delivers === true) {
      entry.delivered = session;
      const { listening } = entry;
      entry.listening = undefined;
      listening?.then((unlisten) => unlisten()).catch(() => {});
      // What had changed before the backend knew is not delivered.
      if (inDoubt && !entry.rests) hand(entry.takers, undefined, onLinkError);
    } else fallBack(transport, topic, onLinkError);
  }
}

async function unsubscribe(
  transport: Transport,
  topic: Topic,
  onLinkError: OnLinkError,
): Promise<void> {
  const page = pageOf(transport);
  await said(transport, topic, onLinkError, false, () =>
    transport.unsubscribe(topic, page.session),
  );
  pageTopicOf(page, topic).delivered = undefined;
}

/** A call that is given up may come after a later one, and undo it: then that is made again. */
function said<R>(
  transport: Transport,
  topic: Topic,
  onLinkError: OnLinkError,
  reads: boolean,
  call: () => Promise<R>,
): Promise<R> {
  const page = pageOf(transport);
  let over = false;
  const calling = (async () => call())();
  const ended = (): void => {
    const entry = page.topics.get(topic);
    if (!over || !entry || !(reads || entry.readers)) return;
    entry.inDoubt = true;
    relink(transport, topic, onLinkError);
  };
  calling.then(ended, ended);
  return timed(() => calling).finally(() => {
    over = true;
  });
}

/**
 * **I8** The page lives on as another: what it read as `held` ended with that. By what it joins, it is the
 * role's affair.
 */
export function relive(transport: Transport, held: string, onLinkError: OnLinkError): void {
  renew(transport, held);
  for (const topic of pageOf(transport).topics.keys()) {
    (topic === PRIMARY ? fallBack : rewake)(transport, topic, onLinkError);
  }
}

/** Whether a call failed because the backend takes the page for gone: then it lives on as another. */
export function hasEnded(error: unknown): boolean {
  return Object(error).kind === 'sessionEnded';
}

/**
 * Tells the backend again that this page reads the topic: while the page slept, the backend may
 * have dropped its session. **I14** At most once in {@link WAKE_MS}: what wakes the page meanwhile
 * is made up for at the end of that, once.
 */
export function rewake(transport: Transport, topic: Topic, onLinkError: OnLinkError): void {
  const entry = pageTopicOf(pageOf(transport), topic);
  // A page that has not begun to listen will say so when it has.
  if (!entry.readers) return;
  if (entry.told) {
    entry.told.again = true;
    return;
  }
  const told: PageTopic['told'] = {};
  entry.told = told;
  entry.inDoubt = true;
  relink(transport, topic, onLinkError);
  setTimeout(() => {
    entry.told = undefined;
    if (told.again) rewake(transport, topic, onLinkError);
  }, WAKE_MS);
}

function timed<R>(work: () => Promise<R>, late: (result: R) => void = () => {}): Promise<R> {
  return limited(work, CALL_MS, `No answer within ${CALL_MS} ms`, late);
}
