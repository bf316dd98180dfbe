import { LockstepError, type LockstepErrorFields, type LockstepErrorKind } from './errors.js';
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

const TEXTS = ['topic', 'window', 'permission', 'field', 'path', 'code', 'reason'] as const;
const REVISIONS = ['revision', 'expectedRevision'] as const;
const NUMBERS = ['size', 'limit', 'seq', 'lastSeq'] as const;

/**
 * Turns whatever a transport rejected with into a {@link LockstepError}. Never throws.
 *
 * - An error of the backend keeps its kind, message and fields.
 * - Tauri's own refusals, which are bare strings, become `denied` and say which lines to add to
 *   the window's capability.
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
  if (typeof thrown === 'string') return explainRefusal(thrown, context);
  if (typeof thrown === 'object' && thrown !== null) {
    const record = thrown as Record<string, unknown>;
    if (typeof record.kind === 'string' && BACKEND_KINDS.has(record.kind)) {
      return new LockstepError(
        record.kind as LockstepErrorKind,
        typeof record.message === 'string' ? record.message : record.kind,
        fieldsOf(record),
      );
    }
    const { message } = record;
    return failed(typeof message === 'string' ? message : 'an unknown error', thrown, context);
  }
  return failed(String(thrown), thrown, context);
}

/** Only fields of the right type get in: the backend is another program, perhaps another version. */
function fieldsOf(record: Record<string, unknown>): LockstepErrorFields {
  const fields: Record<string, unknown> = {};
  for (const key of TEXTS) if (typeof record[key] === 'string') fields[key] = record[key];
  for (const key of REVISIONS) if (isCanonicalRevision(record[key])) fields[key] = record[key];
  for (const key of NUMBERS) if (typeof record[key] === 'number') fields[key] = record[key];
  if ('data' in record) fields.data = record.data;
  return fields;
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
// Both spellings: `plugin:lockstep|write` in release builds, `lockstep.write` in development.
const COMMAND = /^(?:Command )?(?:plugin:)?(?:([\w-]+)[|.])?([\w-]+) /;

function explainRefusal(text: string, context: ErrorContext): LockstepError {
  const { topic, window, action = 'read', grant } = context;
  if (NOT_REGISTERED.test(text)) {
    return new LockstepError(
      'transport',
      `The plugin is not registered in this app (Tauri says: ${text}). Add \`.plugin(tauri_plugin_lockstep::Builder::new()…build())\` to tauri::Builder.`,
      { topic, cause: text },
    );
  }
  if (!REFUSED.test(text)) return failed(text, text, context);

  const [, plugin, command = ''] = COMMAND.exec(text) ?? [];
  const who = window ? `The window "${window}"` : 'This window';
  let may = `call \`${command}\``;
  let add = "the command's permission";
  let permission: string | undefined;
  if (plugin === 'event') {
    may = `listen to "${topic}"`;
    permission = `core:event:allow-${command}`;
    add = '"core:event:allow-listen", "core:event:allow-unlisten"';
  } else if (plugin === 'lockstep') {
    const does = command === 'write' ? command : action;
    may = `${does} the topic "${topic}"`;
    permission = grant?.permission ?? (does === 'write' ? 'lockstep:write' : 'lockstep:default');
    add = `{ "identifier": "${permission}", "allow": [{ "topic": "${grant?.topic ?? topic}" }] }`;
  }
  return new LockstepError(
    'denied',
    `${who} may not ${may}. Add to "permissions" of a capability that lists the window (src-tauri/capabilities/*.json): ${add}. Tauri says: ${text}`,
    {
      topic,
      cause: text,
      ...(window !== undefined && { window }),
      ...(permission !== undefined && { permission }),
    },
  );
}
