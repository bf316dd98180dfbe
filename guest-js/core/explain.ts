import { LockstepError } from './errors.js';
import { permit, register } from './guide.js';
import { isCanonicalRevision } from './revision.js';

/** What was being asked for when a transport rejected. */
export interface ErrorContext {
  topic: string;
  /** The window's label, where it is known. */
  window?: string;
  /** What the window wanted to do. Default: `read`. */
  action?: 'read' | 'write' | 'listen' | 'create' | 'remove' | 'join' | 'leave' | undefined;
  /**
   * What would permit it: a permission, and the topics to name in its scope. Default:
   * `lockstep:write` or `lockstep:default`, by what the window wanted, and the topic.
   */
  grant?: { permission: string; topic: string };
}

const BACKEND_KINDS = new Set(
  'denied unknownTopic alreadyExists invalidTopic invalidRequest invalidData conflict rejected tooLarge outOfOrder busy sessionEnded panicked unserializable exhausted notSaved'.split(
    ' ',
  ),
);

/** Fields that the backend may send, by their types: it is another program, perhaps another version. */
const FIELDS: [is: (value: unknown) => boolean, names: string[]][] = [
  [isText, ['topic', 'window', 'permission', 'field', 'path', 'code', 'reason']],
  [isCanonicalRevision, ['revision', 'expectedRevision']],
  [(value) => typeof value === 'number', ['size', 'limit', 'seq', 'lastSeq']],
  [(value) => value !== undefined, ['data']],
];

/**
 * Turns whatever a transport rejected with into a {@link LockstepError}. Never throws.
 *
 * - An error of the backend keeps its kind, message and fields.
 * - Tauri's own refusals, which are bare strings, become `denied`, and say which lines to add to the
 *   window's capability.
 * - Anything else becomes `transport`, with what was thrown as its `cause`.
 *
 * @example
 * toLockstepError('Command plugin:lockstep|write not allowed by ACL', {
 *   topic: 'settings',
 *   window: 'main',
 *   action: 'write',
 * }).kind; // 'denied'
 */
export function toLockstepError(thrown: unknown, context: ErrorContext): LockstepError {
  if (thrown instanceof LockstepError) return thrown;
  if (isText(thrown)) return explainRefusal(thrown, context);
  const { kind, message } = Object(thrown);
  if (!BACKEND_KINDS.has(kind)) {
    return failed(isText(message) ? message : 'an unknown error', thrown, context);
  }
  const fields: Record<string, unknown> = {};
  for (const [is, names] of FIELDS) {
    for (const name of names) {
      const value = Object(thrown)[name];
      if (is(value)) fields[name] = value;
    }
  }
  return new LockstepError(kind, isText(message) ? message : kind, fields);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function failed(
  message: string,
  cause: unknown,
  { topic, action, grant }: ErrorContext,
): LockstepError {
  return new LockstepError(
    'transport',
    grant || action === 'write'
      ? `The call to ${action} "${topic}" failed on its way, so whether it was done is unknown: ${message}`
      : `Calling the backend for "${topic}" failed: ${message}`,
    { topic, cause },
  );
}

const NOT_REGISTERED = /^plugin [\w-]+ not found$|Plugin not found$/;
const REFUSED = /not allowed|explicitly denied on origin/;

function explainRefusal(cause: string, context: ErrorContext): LockstepError {
  const { topic, window } = context;
  const kind = NOT_REGISTERED.test(cause) ? 'transport' : 'denied';
  if (kind === 'denied' && !REFUSED.test(cause)) return failed(cause, cause, context);
  const { message, permission } = kind === 'denied' ? permit(cause, context) : register();
  return new LockstepError(kind, `${message} Tauri says: ${cause}`, {
    topic,
    cause,
    ...(window !== undefined && { window }),
    ...(permission !== undefined && { permission }),
  });
}
