import { LockstepError } from './errors.js';
import { isCanonicalRevision, type Revision } from './revision.js';
import type { InvalidationEvent, Topic } from './types.js';

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

/** What creating a topic brings: its name, and its first snapshot. */
export interface Created extends Answer {
  topic: Topic;
}

/**
 * Types the answer to `create_topic`.
 *
 * @throws {LockstepError} `protocol` for one without a canonical revision, or of a topic that was
 * not asked for.
 */
export function parseCreated(payload: unknown, asked: Topic): Created {
  const { topic } = record(payload);
  if (topic !== asked)
    throw protocolError(`Asked for another topic than was created: ${JSON.stringify(topic)}`);
  return { ...parseAnswer(payload), topic: asked };
}

/** Types the answer to `remove_topic`: whether the topic was there. */
export function parseRemoved(payload: unknown): boolean {
  const { removed } = record(payload);
  if (typeof removed !== 'boolean') throw protocolError('The answer to remove_topic is none');
  return removed;
}

/** Types the answer to `list_topics`. */
export function parseTopics(payload: unknown): Topic[] {
  if (Array.isArray(payload) && payload.every((each) => typeof each === 'string')) return payload;
  throw protocolError('The answer to list_topics is no list of names');
}

/** Types what the role's topic holds; undefined where nobody holds the role, or it is nonsense. */
export function parseHolder(
  data: unknown,
): { window: string; session: string; term: Revision } | undefined {
  const { window, session, term } = record(record(data).holder);
  const named = typeof window === 'string' && typeof session === 'string';
  return named && isCanonicalRevision(term) ? { window, session, term } : undefined;
}

function record(payload: unknown): Record<string, unknown> {
  return Object(payload);
}

function canonical(revision: unknown, of: string): Revision {
  if (isCanonicalRevision(revision)) return revision;
  throw protocolError(`Non-canonical ${of} revision: ${JSON.stringify(revision)}`);
}
