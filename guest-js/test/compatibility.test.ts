import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTauriRevisionSync, type TauriInvoke, type TauriListen } from '../tauri.js';
import { createFakeBackend } from '../testing/index.js';
import { pass, tick } from './helpers.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A backend of an app's own: it has one command, and emits one event. */
function ownBackend(command: string) {
  const handlers = new Map<string, ((event: { payload: never }) => void)[]>();
  const calls: unknown[] = [];
  let snapshot = { revision: '1', data: 'first' };
  return {
    calls,
    listen: (async (name: string, handler: (event: { payload: never }) => void) => {
      handlers.set(name, [...(handlers.get(name) ?? []), handler]);
      return () => handlers.delete(name);
    }) as TauriListen,
    invoke: (async (name: string, args?: object) => {
      calls.push([name, args]);
      if (name !== command) throw `Command ${name} not found`;
      return snapshot;
    }) as TauriInvoke,
    set(revision: string, data: string, event: object = {}) {
      snapshot = { revision, data };
      const payload = { topic: 'settings', revision, ...event } as never;
      for (const handle of handlers.get('settings:invalidated') ?? []) handle({ payload });
    },
  };
}

it.each([
  ['get_settings', {}, {}],
  ['get_snapshot', { topic: 'settings' }, { sourceId: 'main', timestampMs: 1 }],
])(
  'a backend that knows the event and a command %s %j is enough',
  async (commandName, args, event) => {
    const backend = ownBackend(commandName);
    const shown: unknown[] = [];
    const { listen, invoke } = backend;
    const sync = createTauriRevisionSync<string>({
      topic: 'settings',
      commandName,
      args,
      listen,
      invoke,
      applier: { apply: ({ data }) => void shown.push(data) },
    });
    await sync.start();
    backend.set('2', 'second', event);
    await tick();
    backend.set('2', 'second', event);
    backend.set('10', 'third', event);
    await pass(100_000);
    expect(shown).toEqual(['first', 'second', 'third']);
    expect(backend.calls).toEqual(Array(3).fill([commandName, args]));
    sync.stop();
  },
);

it('a client that knows the event and get_snapshot is enough', async () => {
  const backend = createFakeBackend({ topics: { settings: 'first' }, patches: true });
  const { transport } = backend.window('other');
  let have = { revision: '0', data: '' };
  const pull = async (): Promise<void> => {
    have = (await transport.getSnapshot('settings')) as typeof have;
  };
  await transport.listen('settings', (event) => {
    if (BigInt(Object(event).revision) > BigInt(have.revision)) void pull();
  });
  await pull();
  await backend.window('main').store<string>('settings').set('second');
  await tick();
  expect(have).toEqual({ revision: backend.revision('settings'), data: 'second' });
  expect(Object.keys(have)).toEqual(['revision', 'data']);
});
