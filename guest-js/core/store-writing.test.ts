import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred, kindOf, outcome, pass, rev, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import type { FakeBackend } from '../testing/fake-backend.js';
import type { TopicStore } from './topic-store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('writing', () => {
  it('I12: its copy is at the revision when the promise resolves', async () => {
    const { backend, settings, calls } = setup();
    const store = await settings();
    const revision = await store.set({ ...FIRST, theme: 'dark' });
    expect([revision, store.revision, store.get()?.theme]).toEqual(['3', '3', 'dark']);
    expect(await store.merge({ window: { title: 'x' } })).toBe('4');
    expect(store.get()?.window).toEqual({ width: 800, title: 'x' });
    expect(await store.merge({ window: { title: null } })).toBe('5');
    expect(store.get()?.window).toEqual({ width: 800 });
    expect(await store.update((s) => ({ ...s, size: s.size + 1 }))).toBe('6');
    expect(store.get()).toEqual(backend.data('settings'));
    await pass(10_000);
    expect(calls.count({ command: 'get_snapshot' })).toBe(1);
  });

  it.each(['deliveries', 'events'])(
    'I12: also where its own echo comes first, and without a pull for it: %s',
    async (lane) => {
      const { backend, settings, rule, calls } = setup({ deliveries: lane === 'deliveries' });
      const store = await settings();
      const answer = deferred<void>();
      rule({ kind: 'response', command: 'write' }, () => answer.promise);
      const writing = outcome(store.merge({ theme: 'dark' }));
      await tick();
      expect(backend.revision('settings')).toBe('3');
      answer.resolve();
      await tick();
      expect([writing.now, store.get()?.theme]).toEqual(['3', 'dark']);
      await pass(10_000);
      expect(calls.count({ command: 'get_snapshot' })).toBe(1);
    },
  );

  it('I8: an echo whose answer is late is pulled for', async () => {
    const { settings, drop } = setup({ deliveries: false });
    const store = await settings();
    drop({ kind: 'response', command: 'write' });
    void store.merge({ theme: 'dark' });
    await pass(1000);
    expect(store.get()?.theme).toBe('dark');
  });

  it('I8: nor does a stream of announcements put that off', async () => {
    const { backend, settings, drop } = setup();
    const store = await settings();
    drop({ kind: 'response', command: 'write' });
    void store.merge({ theme: 'dark' }).catch(() => {});
    for (let size = 0; size < 50; size++) {
      await pass(20);
      backend.set('settings', { ...FIRST, size });
    }
    expect(store.get()?.size).toBeGreaterThan(30);
  });

  it.each([false, true])('I12: with patches: %j, also after another’s write', async (patches) => {
    const { backend, settings, fail } = setup({ patches });
    const store = await settings();
    fail({ kind: 'event' });
    backend.set('settings', { ...FIRST, size: 7 });
    await store.merge({ theme: 'dark' });
    expect(store.get()).toEqual({ ...FIRST, size: 7, theme: 'dark' });
  });

  it('I12: pulls the whole where the answer’s base is not what it has', async () => {
    const { backend } = setup();
    const window = backend.window('main');
    const { write } = window.transport;
    window.transport.write = async (request) => {
      const answer = (await write(request)) as { revision: string };
      return { revision: answer.revision, base: '77', patch: [] };
    };
    const odd = window.store<Settings>('settings');
    await odd.ready;
    expect(await odd.merge({ theme: 'dark' })).toBe('3');
    expect(odd.get()?.theme).toBe('dark');
  });

  it('I12: what was applied, but cannot be shown, is applied', async () => {
    const { backend, fail } = setup();
    const window = backend.window('main');
    const { write } = window.transport;
    let answer: unknown;
    window.transport.write = async (request) => {
      await write(request);
      return answer;
    };
    const odd = window.store<Settings>('settings');
    await odd.ready;
    fail({ kind: 'event' });
    const heal = fail({ kind: 'request', command: 'get_snapshot' });

    answer = { revision: '3', base: '77', patch: [] };
    await expect(odd.merge({ theme: 'dark' })).rejects.toMatchObject({
      kind: 'applied',
      revision: '3',
    });
    answer = { revision: 'nonsense' };
    const error = await odd.merge({ theme: 'blue' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'applied' });
    expect((error as { revision?: string }).revision).toBeUndefined();
    // It is not given up.
    heal();
    await pass(10_000);
    expect(odd.get()?.theme).toBe('blue');
  });

  it('a window that may not read resolves when the write is applied', async () => {
    const { backend, errors } = setup({ grants: (_, __, access) => access === 'write' });
    const settings = backend.window('main').store<Settings>('settings');
    expect(await settings.merge({ theme: 'dark' })).toBe('3');
    expect(settings.get()).toBeUndefined();
    expect(await kindOf(settings.update((s) => s))).toBe('denied');
    expect(errors.every(({ error }) => (error as { kind?: string }).kind === 'denied')).toBe(true);
  });

  it('rejects with the backend’s error, and changes nothing', async () => {
    const { settings } = setup({ grants: (_, __, access) => access === 'read' });
    const store = await settings();
    await expect(store.set(FIRST)).rejects.toMatchObject({
      name: 'LockstepError',
      kind: 'denied',
      permission: 'lockstep:write',
    });
    expect(store.revision).toBe('1');
  });

  it('set and merge may expect a revision', async () => {
    const { settings } = setup();
    const store = await settings();
    await store.merge({ size: 2 }, { expectedRevision: rev(1) });
    const error = store.set(FIRST, { expectedRevision: rev(1) });
    await expect(error).rejects.toMatchObject({ kind: 'conflict', revision: '3' });
  });

  it('I11: a write without an answer times out, and the next goes on', async () => {
    const { backend, settings, rule } = setup();
    const store = await settings('main', { writeTimeoutMs: 1000 });
    const arrives = deferred<void>();
    const heal = rule({ kind: 'request', command: 'write' }, () => arrives.promise);
    const lost = outcome(store.merge({ theme: 'lost' }));
    await tick();
    const next = outcome(store.merge({ theme: 'next' }));
    await pass(999);
    heal();
    await pass(1);
    expect(lost.now).toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('unknown'),
    });
    expect(next.now).toBe('3');
    // It arrives after all, out of order: at most once means not any more.
    arrives.resolve();
    await pass(1000);
    expect([backend.data('settings'), store.get()?.theme]).toMatchObject([
      { theme: 'next' },
      'next',
    ]);
  });

  it('I11: what the backend has no room for just now is sent again as it is', async () => {
    const { backend, settings, rule } = setup();
    const store = await settings();
    const heal = rule({ kind: 'request', command: 'write' }, () =>
      Promise.reject({ kind: 'busy', message: 'full', topic: 'settings' }),
    );
    const writing = outcome(store.merge({ theme: 'dark' }));
    await tick();
    heal();
    await pass(100);
    expect([writing.now, backend.calls.count({ command: 'write' })]).toEqual(['3', 2]);
    expect(backend.data('settings')).toMatchObject({ theme: 'dark' });
  });

  it('a late answer to a write still passes the gate', async () => {
    const { settings, rule, fail } = setup();
    const store = await settings('main', { writeTimeoutMs: 100 });
    const answer = deferred<void>();
    fail({ kind: 'event' });
    rule({ kind: 'response', command: 'write' }, () => answer.promise);
    const writing = outcome(store.merge({ theme: 'dark' }));
    await pass(100);
    expect(writing.now).toMatchObject({ kind: 'timeout' });
    answer.resolve();
    await tick();
    expect(store.get()?.theme).toBe('dark');
  });
});

describe('update', () => {
  const counters = (backend: FakeBackend, n: number) =>
    Array.from({ length: n }, (_, i) => backend.window(`w${i}`).store<number>('counter'));

  it('I11: loses no count, however many windows count at once', async () => {
    const { backend } = setup();
    const windows = counters(backend, 4);
    const counting = outcome(
      Promise.all(
        windows.flatMap((window) =>
          Array.from({ length: 25 }, () => window.update((count) => count + 1)),
        ),
      ),
    );
    await pass(60_000);
    expect(counting.now).toHaveLength(100);
    expect(backend.data('counter')).toBe(100);
    expect(windows.map((window) => window.get())).toEqual([100, 100, 100, 100]);
  });

  it('pulls first where nothing was pulled yet', async () => {
    const { backend } = setup();
    const [counter] = counters(backend, 1);
    const updating = outcome((counter as TopicStore<number>).update((count) => count + 1));
    await tick();
    expect([updating.now, backend.data('counter')]).toEqual(['3', 1]);
  });

  it('goes on from the data that a conflict carries', async () => {
    const { backend, settings, calls, fail } = setup();
    const store = await settings();
    fail({ kind: 'event' });
    backend.set('settings', { ...FIRST, size: 7 });
    const seen: number[] = [];
    const updating = outcome(
      store.update((s) => {
        seen.push(s.size);
        return { ...s, size: s.size + 1 };
      }),
    );
    await pass(100);
    expect(seen).toEqual([1, 7]);
    expect([updating.now, store.get()?.size]).toEqual(['4', 8]);
    expect(calls.count({ command: 'get_snapshot' })).toBe(1);
  });

  it('gives up after 100 conflicts', async () => {
    const { backend, settings, rule, calls } = setup();
    const store = await settings();
    rule({ kind: 'request', command: 'write' }, async () => {
      backend.set('settings', FIRST);
    });
    const updating = outcome(store.update((s) => s));
    await pass(60_000);
    expect(updating.now).toMatchObject({ kind: 'conflict' });
    expect(calls.count({ command: 'write' })).toBe(100);
  });

  it('rejects with what the function throws, and goes on', async () => {
    const { settings } = setup();
    const store = await settings();
    const error = new Error('oops');
    await expect(
      store.update(() => {
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await store.merge({ size: 3 })).toBe('3');
  });

  it('rejects where the first pull fails', async () => {
    const { backend, fail } = setup();
    fail({ kind: 'request', command: 'get_snapshot' });
    const [counter] = counters(backend, 1);
    expect(await kindOf((counter as TopicStore<number>).update((n) => n))).toBe('transport');
  });
});
