import type { Engine, Passage } from './engine.js';
import { LockstepError } from './errors.js';
import type { ErrorContext } from './explain.js';
import { limited } from './limited.js';
import { enqueue, pageOf, pageTopicOf } from './page.js';
import type { Revision } from './revision.js';
import type { WriteOptions } from './topic-store.js';
import type { Transport, WriteRequest } from './transport.js';
import { parseAnswer, protocolError } from './wire.js';

/** How often `update` tries before a conflict is handed to the caller. */
export const UPDATE_ATTEMPTS = 100;

const CONFLICT_PAUSE_FIRST_MS = 4;
const CONFLICT_PAUSE_LONGEST_MS = 200;

type Operation = Pick<WriteRequest, 'set' | 'merge'>;

export interface WriterOptions<T> {
  topic: string;
  transport: Transport;
  engine: Engine;
  writeTimeoutMs: number;
  get(): T;
  explained(error: unknown, action: ErrorContext['action']): LockstepError;
  /** No write is under way any more. */
  onIdle(): void;
}

export interface Writer<T> {
  write(operation: Operation, options?: WriteOptions): Promise<Revision>;
  update(change: (current: T) => T): Promise<Revision>;
  /** Whether a write is under way, so that its answer will come. */
  busy(): boolean;
}

/**
 * The writes of one store.
 *
 * - **I11** One write per topic and page is under way; each carries the page's session and the
 *   next number of its sequence. One that timed out may still arrive at the backend, which then
 *   refuses it if a later one was there first.
 * - **I12** A write's answer passes the gate before its promise resolves. What was applied but
 *   cannot be shown rejects with `applied`.
 */
export function createWriter<T>(options: WriterOptions<T>): Writer<T> {
  const { topic, transport, engine, writeTimeoutMs, get, explained, onIdle } = options;
  const { gate } = engine;
  let underWay = 0;

  const here = () => {
    const page = pageOf(transport);
    return { session: page.session, entry: pageTopicOf(page, topic) };
  };

  async function send(operation: Operation, expectedRevision?: Revision): Promise<Revision> {
    const { session, entry } = here();
    const since = gate.since();
    const request: WriteRequest = {
      topic,
      session,
      seq: ++entry.seq,
      ...(since !== undefined && { since }),
      ...(expectedRevision !== undefined && { expectedRevision }),
      ...operation,
    };
    let answer: unknown;
    underWay++;
    try {
      answer = await limited(
        () => transport.write(request),
        writeTimeoutMs,
        `No answer to the write to "${topic}" came within ${writeTimeoutMs} ms: whether it was applied is unknown`,
        (late) => void engine.offer(late, { phase: 'protocol' }).catch(() => {}),
      );
      return await shown(answer);
    } catch (error) {
      throw explained(error, 'write');
    } finally {
      if (--underWay === 0) onIdle();
    }
  }

  /** I12: the revision of an applied write, once this window's copy is there. */
  async function shown(answer: unknown): Promise<Revision> {
    const passage: Passage = { phase: 'protocol' };
    try {
      const verdict = await engine.offer(answer, passage);
      const { revision, withheld } = parseAnswer(answer);
      if (verdict !== 'rebase' || withheld === true) return revision;
      await engine.refresh();
      if (gate.newer(revision)) throw protocolError('The pull that followed was older');
      return revision;
    } catch (error) {
      // The store's own try again is on its way; the caller need not wait for it.
      engine.refresh();
      throw applied(error, passage.snapshotRevision);
    }
  }

  function applied(cause: unknown, revision: Revision | undefined): LockstepError {
    return new LockstepError(
      'applied',
      `The write to "${topic}" was applied${revision ? ` at revision ${revision}` : ''}, but could not be shown here yet`,
      { topic, cause, ...(revision !== undefined && { revision }) },
    );
  }

  async function attempt(change: (current: T) => T): Promise<Revision> {
    if (!gate.since()) await engine.refresh().catch(rethrow);
    for (let conflicts = 1; ; conflicts++) {
      const next = change(get());
      try {
        return await send({ set: next }, gate.revision());
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

  return {
    write: (operation, { expectedRevision } = {}) =>
      enqueue(here().entry, () => send(operation, expectedRevision)),
    update: (change) => enqueue(here().entry, () => attempt(change)),
    busy: () => underWay > 0,
  };
}

/** Windows that collided must not collide again: a random pause, longer each time. */
function jitter(conflicts: number): Promise<void> {
  const most = Math.min(CONFLICT_PAUSE_FIRST_MS * 2 ** conflicts, CONFLICT_PAUSE_LONGEST_MS);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * most));
}
