import { applyJsonPatch } from './json-patch.js';
import { mergePatch } from './merge-patch.js';
import type { Revision } from './revision.js';
import type { WriteOperation, WriteRequest } from './transport.js';
import type { Topic } from './types.js';

/**
 * What an owner in TypeScript does with a write, as `PROTOCOL.md` has it. What it throws are plain
 * objects, as they travel.
 */

/** What an action does. One that throws refuses: with the `code` and `reason` of what it threw. */
export type Reduce = (state: never, action: never) => unknown;

/** What one operation came to. */
export type WriteResult = { revision: Revision } | { error: { kind?: string } };

/** What became of the last write or batch of a session. */
export interface WriteOutcome {
  seq: number;
  results: WriteResult[];
}

const OPERATIONS = ['set', 'merge', 'patch', 'action'];

// What one request may carry.
const MAX_BATCH = 256;

/** The operations of a request: one, or those of its batch. */
export function operationsOf(request: WriteRequest): WriteOperation[] {
  const { writes = [request] } = request;
  if (writes.length < 1 || writes.length > MAX_BATCH) {
    const message = `Expected 1 to ${MAX_BATCH} writes`;
    throw { kind: 'invalidRequest', message, field: 'writes' };
  }
  for (const operation of writes) {
    if (OPERATIONS.filter((name) => name in operation).length !== 1) {
      throw { kind: 'invalidRequest', message: 'Expected one operation', field: 'set' };
    }
  }
  return writes;
}

/**
 * **I11** The outcome of a request, by that of the session's last one: what has that number already
 * is not applied again, and what is older is refused.
 */
export function outcomeOf(
  { topic, seq }: WriteRequest,
  operations: WriteOperation[],
  last: WriteOutcome | undefined,
  apply: (operation: WriteOperation) => Revision,
): WriteOutcome {
  if (last && seq < last.seq) {
    throw { kind: 'outOfOrder', message: 'An older write', topic, seq, lastSeq: last.seq };
  }
  if (last?.seq === seq) return last;
  const results = operations.map((operation): WriteResult => {
    try {
      return { revision: apply(operation) };
    } catch (error) {
      // All that refuses is plain: an error of another kind is a mistake.
      if (error instanceof Error) throw error;
      return { error: error as object };
    }
  });
  return { seq, results };
}

/** Answers a request. `current` is an answer to a pull: whole, or what changed `since`. */
export function answerOf(
  { writes, since }: WriteRequest,
  { results }: WriteOutcome,
  current: (since?: Revision) => object,
): object {
  if (writes) {
    const applied = results.filter((result) => 'revision' in result);
    const newest = applied.at(-1)?.revision ?? '0';
    const shown = current(since) as { withheld?: boolean };
    return { ...shown, ...(shown.withheld && { revision: newest }), results };
  }
  const [result] = results as [WriteResult];
  if (!('error' in result)) return current(since);
  const { error } = result;
  // Also of a repeated one: what is remembered of it has no state.
  throw error.kind === 'conflict' ? { ...error, ...current() } : error;
}

/** The state after an operation, all of it or nothing. (**I10**) */
export function operated(
  topic: Topic,
  { revision, data }: { revision: Revision; data: unknown },
  operation: WriteOperation,
  reduce: Reduce | undefined,
): unknown {
  const { expectedRevision, set, merge, patch, action } = operation;
  if (expectedRevision !== undefined && expectedRevision !== revision) {
    const message = `"${topic}" is at revision ${revision}, not ${expectedRevision}`;
    throw { kind: 'conflict', message, topic, expectedRevision, revision };
  }
  if ('set' in operation) return set;
  if ('merge' in operation) return mergePatch(data, merge);
  if ('patch' in operation) {
    try {
      return applyJsonPatch(data, patch);
    } catch (error) {
      throw { kind: 'invalidData', message: (error as Error).message, topic, path: 'patch' };
    }
  }
  if (!reduce) {
    throw { kind: 'invalidRequest', message: `"${topic}" has no reducer`, field: 'action' };
  }
  try {
    // A reducer may change what it is given, and it may be refused.
    return reduce(structuredClone(data) as never, action as never);
  } catch (error) {
    const { code = 'refused', message = 'It is refused', reason = message } = Object(error);
    const why = { code: String(code), reason: String(reason) };
    throw { kind: 'rejected', message: `Refused: ${reason}`, topic, ...why };
  }
}
