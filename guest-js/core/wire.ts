import { LockstepError } from './errors.js';
import { isCanonicalRevision, type Revision } from './revision.js';
import type { InvalidationEvent } from './types.js';

/**
 * The door: what comes from outside is typed here, once, or becomes an error of kind
 * `protocol`. Nothing else looks at an untyped payload.
 */

/**
 * What a pull, a write or a delivery brings: a revision, and one of `data` (the whole state),
 * `unchanged`, `patch` on a `base` (RFC 6902), or `withheld` (applied, and not for this window
 * to read). One that has none of them is nothing to go by: the gate asks for the whole.
 */
export interface Answer {
  revision: Revision;
  data?: unknown;
  unchanged?: unknown;
  base?: unknown;
  patch?: unknown;
  withheld?: unknown;
}

/** What is wrong with a payload. */
export function protocolError(message: string): LockstepError {
  return new LockstepError('protocol', message);
}

/**
 * Types an invalidation.
 *
 * @throws {LockstepError} `protocol` for anything that is not one: `null`, no topic, no
 * canonical revision.
 */
export function parseInvalidation(payload: unknown): InvalidationEvent {
  const { topic, revision, sourceId, timestampMs } = record(payload);
  if (typeof topic !== 'string' || !topic.trim()) {
    throw protocolError('Empty topic in invalidation event');
  }
  return {
    topic,
    revision: canonical(revision, 'invalidation event'),
    ...(typeof sourceId === 'string' && { sourceId }),
    ...(typeof timestampMs === 'number' && { timestampMs }),
  };
}

/**
 * Types an answer.
 *
 * @throws {LockstepError} `protocol` for one without a canonical revision.
 */
export function parseAnswer(payload: unknown): Answer {
  const answer = record(payload);
  canonical(answer.revision, 'snapshot');
  return answer as unknown as Answer;
}

function record(payload: unknown): Record<string, unknown> {
  return Object(payload);
}

function canonical(revision: unknown, of: string): Revision {
  if (isCanonicalRevision(revision)) return revision;
  throw protocolError(`Non-canonical ${of} revision: ${JSON.stringify(revision)}`);
}
