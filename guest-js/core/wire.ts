import { LockstepError } from './errors.js';
import { isCanonicalRevision, type Revision } from './revision.js';
import type { InvalidationEvent, Unchanged } from './types.js';

/**
 * The door: what comes from outside is typed here, once, or becomes an error of kind
 * `protocol`. Nothing in this file trusts a payload's shape.
 */

/** The whole state. */
export interface Snapshot {
  revision: Revision;
  data: unknown;
}

/** What changed since `base`: an RFC 6902 patch. */
export interface Patch {
  revision: Revision;
  base: Revision;
  patch: unknown[];
}

/** The write was applied, and this window may not read the topic. */
export interface Withheld {
  revision: Revision;
  withheld: true;
}

/** What a pull, a write or a delivery brings. */
export type Answer = Snapshot | Unchanged | Patch | Withheld;

/** What is wrong with a payload. */
export function protocolError(message: string, cause?: unknown): LockstepError {
  return new LockstepError('protocol', message, { cause });
}

/**
 * Types an invalidation.
 *
 * @throws {LockstepError} `protocol` for anything that is not one: `null`, no topic, no
 * canonical revision.
 */
export function parseInvalidation(payload: unknown): InvalidationEvent {
  const { topic, revision, sourceId, timestampMs } = record(payload);
  if (typeof topic !== 'string' || topic.trim() === '') {
    throw protocolError('Empty topic in invalidation event');
  }
  if (!isCanonicalRevision(revision)) {
    throw protocolError(`Non-canonical revision in invalidation event: ${show(revision)}`);
  }
  return {
    topic,
    revision,
    ...(typeof sourceId === 'string' && { sourceId }),
    ...(typeof timestampMs === 'number' && { timestampMs }),
  };
}

/**
 * Types an answer. `data` may be anything, `null` included, but must be there.
 *
 * @throws {LockstepError} `protocol` for anything that is not one.
 */
export function parseAnswer(payload: unknown): Answer {
  const answer = record(payload);
  const { revision, base, patch } = answer;
  if (!isCanonicalRevision(revision)) {
    throw protocolError(`Non-canonical snapshot revision: ${show(revision)}`);
  }
  if (answer.unchanged === true) return { revision, unchanged: true };
  if (answer.withheld === true) return { revision, withheld: true };
  if (Array.isArray(patch) && isCanonicalRevision(base)) return { revision, base, patch };
  if ('data' in answer) return { revision, data: answer.data };
  throw protocolError('The answer holds neither data, nor a patch on a base, nor unchanged');
}

function record(payload: unknown): Record<string, unknown> {
  return typeof payload === 'object' && payload !== null
    ? (payload as Record<string, unknown>)
    : {};
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 40)}"` : typeof value;
}
