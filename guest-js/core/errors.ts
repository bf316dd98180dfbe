import type { Revision } from './revision.js';
import type { Topic } from './types.js';

/**
 * Why a call failed. The first group is the backend's own, word for word; the second arises in
 * the window.
 *
 * | kind | meaning |
 * |---|---|
 * | `denied` | no capability grants this window this topic, or this command; with a `code`, the app's own rules refuse |
 * | `unknownTopic` | granted, but there is no such topic, or not any more |
 * | `alreadyExists` | there is a topic of that name |
 * | `invalidTopic` | not a topic name |
 * | `invalidRequest` | the request is malformed; `field` says where |
 * | `invalidData` | the written value does not fit the topic's type; `path` says where |
 * | `conflict` | the topic is not at `expectedRevision` |
 * | `rejected` | the app's own rules for the topic refuse; `code` and `reason` are the app's |
 * | `tooLarge` | the payload is over the `limit` (bytes of JSON) |
 * | `outOfOrder` | older than a write already taken from this page |
 * | `busy` | this window has too many calls under way: call again when one has been answered |
 * | `sessionEnded` | the backend takes this page for gone: it goes on by itself, under a new session |
 * | `panicked` | the app's own code panicked; nothing was changed |
 * | `unserializable` | the topic's value cannot be turned into JSON |
 * | `exhausted` | no revision is left |
 * | `notSaved` | what was written **was applied**, at `revision`, but is not on disk yet |
 * | `applied` | the write **was applied**, at `revision`, but could not be shown here |
 * | `protocol` | something arrived that the protocol does not know |
 * | `timeout` | no answer in time; whether a write was applied is unknown |
 * | `closed` | the handle was stopped or closed |
 * | `transport` | the call itself failed; `cause` says how |
 */
export type LockstepErrorKind =
  | 'denied'
  | 'unknownTopic'
  | 'alreadyExists'
  | 'invalidTopic'
  | 'invalidRequest'
  | 'invalidData'
  | 'conflict'
  | 'rejected'
  | 'tooLarge'
  | 'outOfOrder'
  | 'busy'
  | 'sessionEnded'
  | 'panicked'
  | 'unserializable'
  | 'exhausted'
  | 'notSaved'
  | 'applied'
  | 'protocol'
  | 'timeout'
  | 'closed'
  | 'transport';

/** What an error may carry beside its kind and message; which, depends on the kind. */
export interface LockstepErrorFields {
  topic?: Topic;
  /** The window's label. */
  window?: string;
  permission?: string;
  /** The malformed field of a request. */
  field?: string;
  /** The part of the value that does not fit, such as `window.width`. */
  path?: string;
  /** The topic's revision (`conflict`), or the write's (`applied`, `notSaved`). */
  revision?: Revision;
  expectedRevision?: Revision;
  /** The topic's current data, where the window may read it (`conflict`). */
  data?: unknown;
  /** Why the app refuses, for code to branch on (`rejected`, `denied`): the app's own word. */
  code?: string;
  /** Why the app refuses, for people (`rejected`, `denied`). */
  reason?: string;
  /** Bytes of JSON. */
  size?: number;
  /** Bytes of JSON. */
  limit?: number;
  seq?: number;
  lastSeq?: number;
  cause?: unknown;
}

export interface LockstepError extends LockstepErrorFields {}

/**
 * What the promises of a store reject with. The errors of an app's own code (appliers, providers,
 * and the function given to `update`) pass through as they are, and a bare revision sync rejects
 * with what its transport does.
 *
 * @example
 * store.set(next).catch((error) => {
 *   if (error instanceof LockstepError && error.kind === 'invalidData') show(error.path);
 * });
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor assigns every field.
export class LockstepError extends Error {
  override readonly name = 'LockstepError';

  constructor(
    readonly kind: LockstepErrorKind,
    message: string,
    fields?: LockstepErrorFields,
  ) {
    super(message);
    Object.assign(this, fields);
  }
}
