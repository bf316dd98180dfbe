import { deferred } from './deferred.js';
import type { Passage } from './engine.js';
import { LockstepError } from './errors.js';
import { share } from './link.js';
import { createListeners } from './listeners.js';
import { createOverlay, type Early, type Optimistic, type Overlay } from './optimistic.js';
import {
  type EndedWrite,
  enqueue,
  enqueueWrite,
  pageOf,
  pageTopicOf,
  type QueuedWrite,
} from './page.js';
import { repeated } from './repeat.js';
import { isCanonicalRevision, type Revision } from './revision.js';
import type { TopicBase } from './topic-base.js';
import type { StoreMembers, TopicStoreOptions, WriteOptions } from './topic-store.js';
import type { Transport, WriteOperation, WriteRequest } from './transport.js';
import { parseAnswer, protocolError } from './wire.js';

/** How often `update` tries before a conflict is handed to the caller. */
export const UPDATE_ATTEMPTS = 100;

const CONFLICT_PAUSE_FIRST_MS = 4;
const CONFLICT_PAUSE_LONGEST_MS = 200;

interface WriteHow extends WriteOptions {
  optimistic?: boolean | Exclude<Optimistic, true>;
}

/** What a store has beside what it reads with. */
export interface Writer extends Pick<StoreMembers, 'onPending'> {
  /** The writes that are shown before they are confirmed. */
  overlay: Overlay;
  write(operation: WriteOperation, options?: WriteHow): Promise<Revision>;
  /** Writes what `make` makes of the confirmed state, and again where somebody else was faster. */
  update(make: () => WriteOperation): Promise<Revision>;
}

/** One write of this store, from the call to its end. */
interface Write extends QueuedWrite {
  early?: Early;
  promise: Promise<Revision>;
  resolve(revision: Revision): void;
}

/**
 * The writes of one store. `show` shows what is pending on top of what is confirmed. `added`: the one
 * that was added to them, and nothing else is new. Called once there is something.
 *
 * - **I9** Nothing is pending after `close()`, and whoever listens is told that.
 * - **I11** One write or batch per topic and page is under way; each carries the page's session
 *   and the next number of its sequence. While one is, later writes wait, and go out together in
 *   the next, in the order of the calls. A write that may have been lost is repeated as it was:
 *   see {@link repeated}. What one of a batch comes to is its own affair; a batch that is refused
 *   unread, for its size or for one malformed write, is sent again in halves.
 * - **I12** A write's answer passes the gate before its promise resolves: a batch's once, before
 *   any of its promises. What was applied but cannot be shown rejects with `applied`.
 */
export function createWriter(
  base: TopicBase,
  transport: Transport,
  { writeTimeoutMs = 30_000 }: TopicStoreOptions,
  show: (writtenBy: string | undefined, added?: Early) => void,
): Writer {
  const { engine, explained, failed, members } = base;
  const { gate } = engine;
  const { topic } = members;
  const overlay = createOverlay(failed);
  const counts = createListeners<[next: number, previous: number]>(failed);
  let counted = 0;
  let unsettled = 0;

  const store: QueuedWrite['store'] = { since: gate.since, took };

  const here = () => {
    const page = pageOf(transport);
    return { session: page.session, entry: pageTopicOf(page, topic) };
  };

  function replay(added?: Early): void {
    if (gate.since() && members.status !== 'closed') show(transport.label, added);
    count();
  }

  function count(): void {
    const before = counted;
    counted = overlay.size();
    if (counted !== before) counts.tell(counted, before);
  }

  function begin(operation: WriteOperation): Write {
    const { promise, resolve, reject } = deferred<Revision>();
    unsettled++;
    const write: Write = {
      operation,
      store,
      promise: promise.finally(() => {
        if (--unsettled === 0) base.onIdle();
      }),
      resolve,
      reject(error) {
        // One that has a revision was applied: it stays until the confirmed state has it.
        if (write.early && !write.early.at && overlay.drop(write.early)) replay();
        reject(explained(error, 'write'));
      },
    };
    return write;
  }

  /** Sends what stands next in the queue, this store's and other copies'. Never rejects. */
  async function send(writes: QueuedWrite[]): Promise<void> {
    const { session, entry } = here();
    const operations = writes.map(({ operation }) => operation);
    const stores = [...new Set(writes.map((write) => write.store))];
    // Stores that are not at the same revision can share only a whole snapshot.
    const [since, ...others] = new Set(stores.map((each) => each.since()));
    const request: WriteRequest = {
      topic,
      session,
      seq: ++entry.seq,
      ...(since !== undefined && !others.length && { since }),
      ...(operations.length > 1 ? { writes: operations } : operations[0]),
    };
    let answer: unknown;
    const began = performance.now();
    try {
      answer = await repeated(() => transport.write(request), {
        budgetMs: writeTimeoutMs,
        message: `No answer to the write to "${topic}" came within ${writeTimeoutMs} ms: whether it was applied is unknown`,
        // A bare string is Tauri's own refusal: the command did not run.
        isOpen: (error) =>
          typeof error !== 'string' &&
          ['transport', 'busy'].includes(explained(error, 'write').kind),
        late: (late) => {
          for (const each of stores) each.took(late, []).then(() => share(transport, topic, late));
        },
      });
    } catch (error) {
      const { kind } = explained(error, 'write');
      // It was applied: whoever is told that it is not saved sees it.
      if (kind === 'notSaved') await engine.refresh().catch(() => {});
      if (writes.length > 1 && (kind === 'tooLarge' || kind === 'invalidRequest')) {
        const half = writes.length >> 1;
        await send(writes.slice(0, half));
        await send(writes.slice(half));
      } else for (const write of writes) write.reject(error);
      // Its removal was not heard of, or is still on its way.
      if (kind === 'unknownTopic') engine.refresh();
      if (kind === 'timeout' || kind === 'transport') share(transport, topic);
      return;
    }
    engine.done('write', began, answer);
    const results = resultsOf(answer, writes.length);
    const ended = writes.map((write, i) => ({ write, result: results[i] }));
    await Promise.all(
      stores.map((each) =>
        each.took(
          answer,
          ended.filter(({ write }) => write.store === each),
        ),
      ),
    );
    share(transport, topic, answer);
  }

  async function took(answer: unknown, ended: EndedWrite[]): Promise<void> {
    const writes = ended as { write: Write; result: unknown }[];
    // Before the answer is shown: what it holds, and what is refused, is not to lie on top of it.
    for (const { write, result } of writes) {
      const { revision, error } = Object(result);
      if (!write.early) continue;
      if (error === undefined && isCanonicalRevision(revision)) write.early.at = revision;
      else overlay.drop(write.early);
    }
    let failure: { cause: unknown } | undefined;
    await accept(answer).catch((cause: unknown) => {
      failure = { cause };
    });
    // What was applied and is not here yet stays until it is. What may not be read never comes.
    for (const { write } of writes) if (write.early && !failure) overlay.drop(write.early);
    if (writes.some(({ write }) => write.early)) replay();
    for (const { write, result } of writes) {
      const { revision, error } = Object(result);
      if (error !== undefined) write.reject(error);
      else if (failure) write.reject(applied(failure.cause, revision));
      else write.resolve(revision);
    }
  }

  /** I12: resolves once this window's copy is where the answer is. */
  async function accept(answer: unknown): Promise<void> {
    try {
      const verdict = await engine.offer(answer, { phase: 'protocol', ...writerOf(answer) });
      const { revision, withheld } = parseAnswer(answer);
      if (verdict !== 'rebase' || withheld === true) return;
      await engine.refresh();
      if (gate.newer(revision)) throw protocolError('The pull that followed was older');
    } catch (error) {
      // The store's own try again is on its way; the caller need not wait for it.
      engine.refresh();
      throw error;
    }
  }

  /** This window, where the answer's revision is one that its own write made. */
  function writerOf(answer: unknown): Pick<Passage, 'sourceId'> {
    const { revision, results = [answer] } = Object(answer);
    const own =
      Array.isArray(results) && results.some((each) => Object(each).revision === revision);
    return own ? { sourceId: transport.label } : {};
  }

  function applied(cause: unknown, revision: unknown): LockstepError {
    const known = isCanonicalRevision(revision);
    return new LockstepError(
      'applied',
      `The write to "${topic}" was applied${known ? ` at revision ${revision}` : ''}, but could not be shown here yet`,
      { topic, cause, ...(known && { revision }) },
    );
  }

  async function attempt(make: () => WriteOperation): Promise<Revision> {
    if (!gate.since()) await engine.refresh().catch(rethrow);
    for (let conflicts = 1; ; conflicts++) {
      const write = begin(seal({ ...make(), expectedRevision: gate.revision() }));
      try {
        await send([write]);
        return await write.promise;
      } catch (error) {
        const conflict = error as LockstepError;
        if (conflict.kind !== 'conflict' || conflicts >= UPDATE_ATTEMPTS) throw error;
        if (conflict.revision !== undefined && conflict.data !== undefined) {
          const verdict = await engine.offer(conflict, { phase: 'protocol' });
          if (verdict === 'gone') throw error;
        } else await engine.refresh().catch(rethrow);
      }
      await jitter(conflicts);
    }
  }

  function rethrow(error: unknown): never {
    throw explained(error, 'read');
  }

  base.pending = {
    size: overlay.size,
    busy: () => unsettled > 0,
    landed: () => overlay.landed(gate.revision()),
    count,
    close() {
      overlay.clear();
      count();
      counts.clear();
    },
  };

  return {
    overlay,
    write: (operation, { expectedRevision, optimistic } = {}) =>
      base.open(async () => {
        const write = begin(
          seal({ ...operation, ...(expectedRevision !== undefined && { expectedRevision }) }),
        );
        enqueueWrite(here().entry, write, send);
        // Queued first: a listener that writes when it is told comes after this.
        if (optimistic) {
          write.early = overlay.add(write.operation, optimistic);
          replay(write.early);
        }
        return write.promise;
      }),
    update: (make) => base.open(() => enqueue(here().entry, () => attempt(make))),
    onPending(listener) {
      base.use();
      return counts.add(listener);
    },
  };
}

/**
 * The operation as it is now: what the app changes in its own objects while a write waits, or is
 * repeated, must not change the write. **I11**
 */
export function seal<O extends object>(operation: O): O {
  const [name] = Object.keys(operation);
  let sealed = {} as O;
  let cause: unknown;
  try {
    sealed = JSON.parse(JSON.stringify(operation));
  } catch (error) {
    cause = error;
  }
  if (Object.hasOwn(sealed, name as string)) return sealed;
  const message = `What was given to ${name} cannot be turned into JSON`;
  throw new LockstepError('invalidRequest', message, { field: name as string, cause });
}

/** What an answer says of each of so many writes. */
function resultsOf(answer: unknown, count: number): unknown[] {
  const { revision, results } = Object(answer);
  if (count === 1) return [{ revision }];
  if (Array.isArray(results) && results.length === count) return results;
  const error = protocolError('The answer does not say which writes were applied');
  return Array(count).fill({ error });
}

/** Windows that collided must not collide again: a random pause, longer each time. */
function jitter(conflicts: number): Promise<void> {
  const most = Math.min(CONFLICT_PAUSE_FIRST_MS * 2 ** conflicts, CONFLICT_PAUSE_LONGEST_MS);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * most));
}
