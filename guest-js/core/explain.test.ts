import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LockstepError } from './errors.js';
import { type ErrorContext, toLockstepError } from './explain.js';

const READ: ErrorContext = { topic: 'settings', window: 'prefs', action: 'read' };
const WRITE: ErrorContext = { ...READ, action: 'write' };
const LISTEN: ErrorContext = { ...READ, action: 'listen' };

const READ_LINE = '{ "identifier": "lockstep:default", "allow": [{ "topic": "settings" }] }';
const WRITE_LINE = '{ "identifier": "lockstep:write", "allow": [{ "topic": "settings" }] }';

it.each<[string, ErrorContext, string, string]>([
  ['Command plugin:lockstep|get_snapshot not allowed by ACL', READ, 'lockstep:default', READ_LINE],
  ['Command plugin:lockstep|write not allowed by ACL', WRITE, 'lockstep:write', WRITE_LINE],
  ['Command plugin:lockstep|subscribe not allowed by ACL', READ, 'lockstep:default', READ_LINE],
  [
    'lockstep.write not allowed. Permissions associated with this command: lockstep:allow-write, lockstep:write',
    WRITE,
    'lockstep:write',
    WRITE_LINE,
  ],
  [
    'lockstep.get_snapshot not allowed on window "prefs", webview "prefs", URL: local\n\nallowed on: [windows: "main", URL: local]\n\nreferenced by: capability: main, permission: lockstep:default',
    READ,
    'lockstep:default',
    READ_LINE,
  ],
  [
    'lockstep.get_snapshot not allowed on origin [remote: http://x]. Please create a capability that has this origin on the context field.',
    READ,
    'lockstep:default',
    READ_LINE,
  ],
  [
    'lockstep.write explicitly denied on origin local\n\nreferenced by: x',
    WRITE,
    'lockstep:write',
    WRITE_LINE,
  ],
  [
    'event.listen not allowed. Permissions associated with this command: core:event:allow-listen, core:event:default',
    LISTEN,
    'core:event:allow-listen',
    '"core:event:allow-listen", "core:event:allow-unlisten"',
  ],
  [
    'Command plugin:event|unlisten not allowed by ACL',
    LISTEN,
    'core:event:allow-unlisten',
    '"core:event:allow-listen", "core:event:allow-unlisten"',
  ],
  ['Command plugin:lockstep|list_topics not allowed by ACL', READ, 'lockstep:default', READ_LINE],
])('Tauri’s refusal %j is denied, and says what to add', (text, context, permission, line) => {
  const error = toLockstepError(text, context);
  expect(error).toMatchObject({ kind: 'denied', topic: 'settings', window: 'prefs', permission });
  for (const part of ['"prefs"', '"settings"', 'capabilit', line, text]) {
    expect(error.message).toContain(part);
  }
});

it('says what would permit it, where that is neither reading nor writing', () => {
  const grant = { permission: 'lockstep:admin', topic: 'jobs/*' };
  const context: ErrorContext = { topic: 'jobs/1', action: 'create', grant };
  const error = toLockstepError('lockstep.create_topic not allowed.', context);
  expect(error).toMatchObject({ kind: 'denied', topic: 'jobs/1', permission: 'lockstep:admin' });
  expect(error.message).toContain('may not create the topic "jobs/1"');
  expect(error.message).toContain(
    '{ "identifier": "lockstep:admin", "allow": [{ "topic": "jobs/*" }] }',
  );
});

it('a refusal of the app’s own keeps its code and reason', () => {
  const sent = { kind: 'denied', message: 'No', topic: 'a', code: 'signedOut', reason: 'Sign in' };
  expect(toLockstepError(sent, READ)).toMatchObject(sent);
});

it('a refused command of the app’s own is denied, and named', () => {
  const error = toLockstepError('Command read_settings not allowed by ACL', { topic: 'settings' });
  expect(error.kind).toBe('denied');
  expect(error.message).toContain('This window may not call `read_settings`');
});

it.each(['plugin lockstep not found', 'lockstep.get_snapshot not allowed. Plugin not found'])(
  '%j says to register the plugin',
  (text) => {
    const error = toLockstepError(text, READ);
    expect(error.kind).toBe('transport');
    expect(error.message).toContain('.plugin(tauri_plugin_lockstep::');
  },
);

it('an error of the backend keeps its kind, message and fields', () => {
  const sent = {
    kind: 'conflict',
    message: 'not at 3',
    topic: 'settings',
    expectedRevision: '3',
    revision: '4',
    data: null,
    size: 'big',
    unknown: true,
  };
  const error = toLockstepError(sent, WRITE);
  expect(error).toBeInstanceOf(LockstepError);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'LockstepError',
    kind: 'conflict',
    message: 'not at 3',
    expectedRevision: '3',
    revision: '4',
    data: null,
  });
  expect(error.size).toBeUndefined();
  expect('unknown' in error).toBe(false);
});

it('what the app refuses says why', () => {
  const sent = { kind: 'rejected', message: 'no', topic: 'settings', code: 'full', reason: 'Full' };
  expect(toLockstepError(sent, WRITE)).toMatchObject(sent);
});

it('a field that is not canonical is left out', () => {
  const error = toLockstepError({ kind: 'conflict', message: '', revision: '04' }, WRITE);
  expect(error.revision).toBeUndefined();
});

it('what failed on its way says whether anything was applied', () => {
  const cause = new TypeError('no route');
  expect(toLockstepError(cause, WRITE)).toMatchObject({ kind: 'transport', cause });
  expect(toLockstepError(cause, WRITE).message).toContain('unknown: no route');
  expect(toLockstepError(cause, READ).message).toContain('failed: no route');
});

it('a guest kind from outside is not believed', () => {
  expect(toLockstepError({ kind: 'applied', message: 'x' }, WRITE).kind).toBe('transport');
});

it('whatever was thrown becomes one, and one stays as it is', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), (thrown) => {
      expect(toLockstepError(thrown, READ)).toBeInstanceOf(LockstepError);
    }),
  );
  const error = new LockstepError('closed', 'x');
  expect(toLockstepError(error, READ)).toBe(error);
});
