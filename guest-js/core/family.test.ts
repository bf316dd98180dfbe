import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kindOf, outcome, pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import type { FakeBackendOptions, FakeWindow } from '../testing/index.js';
import { listTopics, removeTopic } from './admin.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const NEW = { percent: 0 };

function downloading(options: Partial<FakeBackendOptions> = {}) {
  const made = setup({ topics: { settings: 1 }, families: { downloads: NEW }, ...options });
  const familyIn = (window: FakeWindow) => window.family<typeof NEW>('downloads');
  const window = made.backend.window('main');
  return { ...made, window, familyIn, downloads: familyIn(window) };
}

describe('the stores of a family', () => {
  it('cost nothing until they are used, and are the same each time until they are closed', async () => {
    const { backend, downloads, calls } = downloading();
    const store = downloads.topic('1');
    await tick();
    expect([downloads.family, store.topic, store.status, calls.all.length]).toEqual([
      'downloads',
      'downloads/1',
      'idle',
      0,
    ]);
    expect(downloads.topic('1')).toBe(store);
    expect(downloads.topic('2')).not.toBe(store);
    store.close();
    const next = downloads.topic('1');
    expect(next).not.toBe(store);
    // Closing the old one again does not make the new one be forgotten.
    store.close();
    expect(downloads.topic('1')).toBe(next);
    backend.create('downloads/1', { percent: 7 });
    await next.ready;
    expect([store.status, next.get()]).toEqual(['closed', { percent: 7 }]);
  });

  it('go on by themselves when their topic is created elsewhere', async () => {
    const { downloads, familyIn, backend } = downloading();
    const waiting = downloads.topic('1');
    expect(waiting.get()).toBeUndefined();
    await tick();
    expect(waiting.status).toBe('stale');
    await familyIn(backend.window('other')).create({ id: '1', initial: { percent: 3 } });
    await tick();
    expect([waiting.status, waiting.get()]).toEqual(['synchronized', { percent: 3 }]);
  });
});

describe('create', () => {
  it('resolves with a store that shows what was created, and hears what comes after', async () => {
    const { backend, downloads, calls, errors } = downloading();
    const store = await downloads.create({ id: '1', initial: { percent: 5 } });
    expect([store.get(), store.status]).toEqual([{ percent: 5 }, 'synchronized']);
    expect(downloads.topic('1')).toBe(store);
    expect([calls.count({ command: 'get_snapshot' }), errors]).toEqual([1, []]);
    backend.set('downloads/1', { percent: 6 });
    await tick();
    expect([store.get(), backend.readers('downloads/1')]).toEqual([{ percent: 6 }, ['main']]);
  });

  it('begins with what the family says, under a name that the backend mints', async () => {
    const { downloads } = downloading();
    const store = await downloads.create();
    expect(store.topic).toMatch(/^downloads\/[0-9a-f]{16}$/);
    expect(store.get()).toEqual(NEW);
    expect(downloads.topic(store.topic.slice('downloads/'.length))).toBe(store);
    expect((await downloads.create()).topic).not.toBe(store.topic);
  });

  it('sends what was given as it was then', async () => {
    const { downloads, backend } = downloading();
    const initial = { percent: 1 };
    const creating = downloads.create({ id: '1', initial });
    initial.percent = 2;
    await creating;
    expect(backend.data('downloads/1')).toEqual({ percent: 1 });
    const odd = { percent: 1n } as never;
    await expect(downloads.create({ initial: odd })).rejects.toMatchObject({
      kind: 'invalidRequest',
      field: 'initial',
    });
  });

  it('rejects with the backend’s error', async () => {
    const { downloads, familyIn, backend } = downloading({ maxBytes: 200 });
    await downloads.create({ id: '1' });
    const others = familyIn(backend.window('other'));
    await expect(others.create({ id: '1' })).rejects.toMatchObject({
      name: 'LockstepError',
      kind: 'alreadyExists',
      topic: 'downloads/1',
    });
    expect(await kindOf(downloads.create({ id: 'ö' }))).toBe('invalidTopic');
    const big = { percent: 'x'.repeat(300) } as never;
    expect(await kindOf(downloads.create({ initial: big }))).toBe('tooLarge');
  });

  it('I13: says which lines permit it, where Tauri refuses', async () => {
    const { downloads, window } = downloading();
    const refuse = (name: string) => () =>
      Promise.reject(`Command plugin:lockstep|${name} not allowed by ACL`);
    window.transport.createTopic = refuse('create_topic');
    window.transport.removeTopic = refuse('remove_topic');
    window.transport.listTopics = refuse('list_topics');
    const admin = '{ "identifier": "lockstep:admin", "allow": [{ "topic": "downloads/*" }] }';
    for (const refused of [
      downloads.create(),
      downloads.create({ id: '1' }),
      downloads.remove('1'),
    ]) {
      await expect(refused).rejects.toMatchObject({
        kind: 'denied',
        window: 'main',
        permission: 'lockstep:admin',
        message: expect.stringContaining(admin),
      });
    }
    await expect(downloads.list()).rejects.toMatchObject({
      permission: 'lockstep:default',
      message: expect.stringContaining('"allow": [{ "topic": "downloads/*" }]'),
    });
  });

  it('resolves at once where the window may not read the topic', async () => {
    const { backend, downloads, calls } = downloading({
      grants: (_, __, access) => access !== 'read',
    });
    const store = await downloads.create({ id: '1' });
    expect([store.get(), backend.has('downloads/1')]).toEqual([undefined, true]);
    expect(calls.count({ command: 'get_snapshot' })).toBe(0);
    await store.set({ percent: 9 });
    expect(backend.data('downloads/1')).toEqual({ percent: 9 });
    store.close();
  });

  it('resolves all the same where the pull fails, and the store goes on', async () => {
    const { downloads, fail } = downloading();
    const heal = fail({ command: 'get_snapshot' });
    const store = await downloads.create({ id: '1' });
    expect([store.get(), store.status]).toEqual([undefined, 'stale']);
    heal();
    await pass(1000);
    expect(store.get()).toEqual(NEW);
  });

  it('says that it is unknown whether it was done', async () => {
    const { downloads, fail, drop } = downloading();
    fail({ command: 'create_topic', kind: 'response' });
    await expect(downloads.create()).rejects.toMatchObject({
      kind: 'transport',
      message: expect.stringContaining('unknown'),
    });
    drop({ command: 'remove_topic' });
    const removing = outcome(downloads.remove('1'));
    await pass(29_999);
    expect(removing.now).toBe('pending');
    await pass(1);
    expect(removing.now).toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('unknown'),
    });
  });

  it.each([
    null,
    {},
    { topic: 'downloads/2', revision: '3', data: 0 },
    { topic: 'downloads/1', revision: '03', data: 0 },
  ])('rejects with protocol for %j', async (answer) => {
    const { downloads, window } = downloading();
    window.transport.createTopic = async () => answer;
    expect(await kindOf(downloads.create({ id: '1' }))).toBe('protocol');
  });
});

describe('getOrCreate', () => {
  it('creates once, however many windows ask', async () => {
    const { backend, downloads, familyIn, errors } = downloading();
    const families = [downloads, ...['b', 'c'].map((label) => familyIn(backend.window(label)))];
    const stores = await Promise.all(
      families.map((family, percent) => family.getOrCreate('1', { initial: { percent } })),
    );
    expect(stores.map((store) => store.get())).toEqual(Array(3).fill({ percent: 0 }));
    expect(errors).toEqual([]);
  });

  it('rejects where it may not create', async () => {
    const { downloads } = downloading({ grants: (_, __, access) => access === 'read' });
    expect(await kindOf(downloads.getOrCreate('1'))).toBe('denied');
  });

  it('creates what is removed just before it is read', async () => {
    const { backend, downloads, rule } = downloading();
    backend.create('downloads/1', { percent: 50 });
    const heal = rule({ kind: 'request', command: 'get_snapshot' }, async () => {
      heal();
      backend.remove('downloads/1');
    });
    const store = await downloads.getOrCreate('1');
    expect(store.get()).toEqual(NEW);
  });

  it('gives up where that goes on', async () => {
    const { backend, downloads, rule } = downloading();
    rule({ kind: 'request', command: 'create_topic' }, async () => {
      if (!backend.has('downloads/1')) backend.create('downloads/1', NEW);
    });
    rule({ kind: 'request', command: 'get_snapshot' }, async () => {
      backend.remove('downloads/1');
    });
    const getting = outcome(downloads.getOrCreate('1'));
    await pass(1000);
    expect(getting.now).toMatchObject({ kind: 'unknownTopic' });
  });
});

describe('remove and list', () => {
  it('I12: removes for everybody, and shows it here when it resolves', async () => {
    const { backend, downloads, familyIn, fail } = downloading();
    const store = await downloads.create({ id: '1' });
    const there = familyIn(backend.window('other')).topic('1');
    await there.ready;
    await tick();
    fail({ kind: 'delivery', window: 'main' });
    expect(await downloads.remove('1')).toBe(true);
    await tick();
    expect([store.status, there.status]).toEqual(['removed', 'removed']);
    expect(await downloads.remove('1')).toBe(false);
  });

  it('does not begin to listen to what was never used', async () => {
    const { backend, downloads } = downloading();
    backend.create('downloads/1', NEW);
    const store = downloads.topic('1');
    expect([await downloads.remove('1'), store.status]).toEqual([true, 'idle']);
  });

  it('lists the ids of what this window may read', async () => {
    const { backend, downloads, window } = downloading({
      grants: (_, topic) => topic !== 'downloads/secret',
    });
    for (const id of ['b', 'secret', 'a']) backend.create(`downloads/${id}`, NEW);
    backend.create('downloadsX/1', NEW);
    backend.create('downloads/old/1', NEW);
    expect(await downloads.list()).toEqual(['a', 'b']);
    expect(await listTopics(window.transport)).toEqual([
      'downloads/a',
      'downloads/b',
      'downloads/old/1',
      'downloadsX/1',
      'settings',
    ]);
    expect(await listTopics(window.transport, { prefix: 'set' })).toEqual(['settings']);
    // Whatever the backend makes of the prefix, an id is of this family.
    window.transport.listTopics = async () => ['settings', 'downloads/a'];
    expect(await downloads.list()).toEqual(['a']);
  });

  it('removes topics of no family', async () => {
    const { backend, window } = downloading();
    expect(await removeTopic(window.transport, 'settings')).toBe(true);
    expect(backend.has('settings')).toBe(false);
  });

  it.each([null, 'yes', { removed: 1 }, ['a', 1]])(
    'rejects with protocol for %j',
    async (answer) => {
      const { downloads, window } = downloading();
      window.transport.removeTopic = async () => answer;
      window.transport.listTopics = async () => answer;
      expect(await kindOf(downloads.remove('1'))).toBe('protocol');
      expect(await kindOf(downloads.list())).toBe('protocol');
    },
  );

  it('I14: keeps no store that is closed', async () => {
    const { downloads } = downloading();
    const sizes = vi.spyOn(Map.prototype, 'delete');
    for (let i = 0; i < 100; i++) downloads.topic(String(i)).close();
    const deleted = sizes.mock.calls.map(([key]) => key);
    expect(deleted.filter((key) => String(key).startsWith('downloads/'))).toHaveLength(100);
  });
});
