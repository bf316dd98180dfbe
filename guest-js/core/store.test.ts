import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred, kindOf, outcome, pass, rev, tick } from '../test/helpers.js';
import {
  createFakeBackend,
  type FakeBackend,
  type FakeBackendOptions,
  type FakeWindow,
  type Hop,
} from '../testing/fake-backend.js';
import { noopLogger } from './logger.js';
import { createTopicStore } from './store.js';
import type { TopicStatus, TopicStore, TopicStoreOptions } from './topic-store.js';
import type { SyncErrorContext } from './types.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Settings {
  theme: string;
  size: number;
  window: { width: number; title?: string };
}

const FIRST: Settings = { theme: 'light', size: 1, window: { width: 800 } };

/** A backend of which every crossing of a kind can be held, failed, or counted. */
function setup(options: Partial<FakeBackendOptions> = {}) {
  const hops: Hop[] = [];
  const rules: ((hop: Hop) => Promise<void> | undefined)[] = [];
  const backend = createFakeBackend({
    topics: { settings: FIRST, counter: 0 },
    network(hop) {
      hops.push(hop);
      for (const rule of rules) {
        const result = rule(hop);
        if (result) return result;
      }
      return undefined;
    },
    ...options,
  });
  const errors: SyncErrorContext[] = [];
  const store = <T>(
    window: FakeWindow,
    topic: string,
    storeOptions: TopicStoreOptions = {},
  ): TopicStore<T> =>
    createTopicStore<T>(topic, window.transport, {
      logger: noopLogger,
      onError: (context) => errors.push(context),
      ...storeOptions,
    });
  return {
    backend,
    errors,
    hops,
    rules,
    store,
    count: (kind: Hop['kind'], command?: Hop['command']) =>
      hops.filter((hop) => hop.kind === kind && hop.command === command).length,
    /** Fails, or holds, every crossing that matches. */
    rule(match: Partial<Hop>, act: () => Promise<void>): () => void {
      const rule = (hop: Hop) =>
        Object.entries(match).every(([key, value]) => hop[key as keyof Hop] === value)
          ? act()
          : undefined;
      rules.push(rule);
      return () => void rules.splice(rules.indexOf(rule), 1);
    },
    async settings(label = 'main', storeOptions: TopicStoreOptions = {}) {
      const made = store<Settings>(backend.window(label), 'settings', storeOptions);
      await Promise.all([made.ready, tick()]);
      return made;
    },
  };
}

const down = (): Promise<void> => Promise.reject(new Error('down'));

describe('reading', () => {
  it('starts on first use, and not before', async () => {
    const { backend, hops, store } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    await tick();
    expect([settings.topic, settings.status, hops.length]).toEqual(['settings', 'idle', 0]);
    expect(settings.get()).toBeUndefined();
    expect(settings.status).toBe('connecting');
    await tick();
    expect(settings.get()).toEqual(FIRST);
    expect([settings.status, settings.revision]).toEqual(['synchronized', '1']);
  });

  it.each<[string, (store: TopicStore<Settings>) => unknown]>([
    ['subscribe', (store) => store.subscribe(() => {})],
    ['select', (store) => store.select((s) => s.theme).get()],
    ['onStatus', (store) => store.onStatus(() => {})],
    ['revision', (store) => store.revision],
    ['ready', (store) => store.ready],
    ['set', (store) => store.set(FIRST)],
  ])('starts by %s', async (_, use) => {
    const { backend, store } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    use(settings);
    await tick();
    expect(settings.status).toBe('synchronized');
  });

  it('shows what other windows and the backend write', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const seen: [string, string | undefined][] = [];
    store.subscribe((next, previous) => seen.push([next.theme, previous?.theme]));
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    backend.set('settings', { ...FIRST, theme: 'blue' });
    await tick();
    expect(seen).toEqual([
      ['dark', 'light'],
      ['blue', 'dark'],
    ]);
  });

  it('a listener sees the revision of what it is told', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const seen: unknown[] = [];
    store.subscribe((next) => seen.push([next === store.get(), store.revision]));
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(seen).toEqual([[true, '3']]);
  });

  it('is quiet where a new revision brings the same', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const listener = vi.fn();
    const before = store.get();
    store.subscribe(listener);
    backend.set('settings', FIRST);
    await tick();
    expect([store.revision, listener.mock.calls.length]).toEqual(['3', 0]);
    expect(store.get()).toBe(before);
  });

  it('one listener that throws does not keep the others from hearing', async () => {
    const { backend, settings, errors } = setup();
    const store = await settings();
    const error = new Error('oops');
    const heard = vi.fn();
    store.subscribe(() => {
      throw error;
    });
    store.subscribe(heard);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(heard).toHaveBeenCalledTimes(1);
    expect(errors).toMatchObject([{ error, topic: 'settings' }]);
    expect(store.status).toBe('synchronized');
  });

  it('a listener that was removed by another is not called any more', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const late = vi.fn();
    store.subscribe(() => stop());
    const stop = store.subscribe(late);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(late).not.toHaveBeenCalled();
  });

  it('select fires only when the selected part changed', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const whole = store.select((s) => s.window);
    const seen: unknown[] = [];
    whole.subscribe((next, previous) => seen.push([next, previous]));
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(seen).toEqual([]);
    backend.set('settings', { ...FIRST, window: { width: 900 } });
    await tick();
    expect(seen).toEqual([[{ width: 900 }, { width: 800 }]]);
    expect(whole.get()).toEqual({ width: 900 });
  });

  it('select tells the first state, and takes an equality of one’s own', async () => {
    const { backend, store } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    const listener = vi.fn();
    const parts = settings.select(
      (s) => [s.theme],
      (a, b) => a[0] === b[0],
    );
    expect(parts.get()).toBeUndefined();
    parts.subscribe(listener);
    await tick();
    expect(listener).toHaveBeenCalledExactlyOnceWith(['light'], undefined);
    backend.set('settings', { ...FIRST, size: 2 });
    await tick();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('its copy is frozen, and nobody else’s', async () => {
    const { settings } = setup();
    const store = await settings();
    expect(() => {
      (store.get() as Settings).window.width = 1;
    }).toThrow(TypeError);
    const loose = await settings('other', { freeze: false });
    (loose.get() as Settings).window.width = 1;
    expect(store.get()).toEqual(FIRST);
  });

  it('is not frozen in production', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    const store = await setup().settings();
    vi.unstubAllEnvs();
    expect(Object.isFrozen(store.get())).toBe(false);
  });

  it.each([false, true])('I7: comes to the same state, with patches: %j', async (patches) => {
    const { backend, settings } = setup({ patches });
    const store = await settings();
    const before = store.get() as Settings;
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(store.get()).toEqual({ ...FIRST, theme: 'dark' });
    expect((store.get() as Settings).window).toBe(before.window);
  });

  it('I7: pulls the whole where a patch cannot be applied', async () => {
    const { backend, settings } = setup();
    const window = backend.window('main');
    const store = await settings();
    const { getSnapshot } = window.transport;
    const asked: unknown[] = [];
    const odd = createTopicStore<Settings>(
      'settings',
      {
        ...window.transport,
        getSnapshot(topic, since) {
          asked.push(since);
          if (since === undefined) return getSnapshot(topic);
          const patch = [{ op: 'remove', path: '/nowhere' }];
          return Promise.resolve({ revision: '99', base: since, patch });
        },
      },
      { logger: noopLogger },
    );
    await odd.ready;
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(odd.get()).toEqual(store.get());
    expect(asked).toEqual([undefined, '1', undefined]);
  });
});

describe('status', () => {
  it('tells what the store is doing', async () => {
    const { backend, store, rule } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    const seen: TopicStatus[] = [settings.status];
    settings.onStatus((next, previous) => {
      expect(previous).toBe(seen.at(-1) === 'idle' ? 'connecting' : seen.at(-1));
      seen.push(next);
    });
    await tick();
    const heal = rule({ kind: 'request', command: 'get_snapshot' }, down);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await pass(1000);
    heal();
    await pass(2000);
    settings.close();
    expect(seen).toEqual([
      'idle',
      'syncing',
      'synchronized',
      'syncing',
      'stale',
      'synchronized',
      'closed',
    ]);
  });

  it('I8: a forged announcement makes it stale for a moment only', async () => {
    const { backend, settings, count } = setup();
    const store = await settings();
    const before = count('request', 'get_snapshot');
    backend.emit('settings', { topic: 'settings', revision: '18446744073709551615' });
    await tick();
    expect(store.status).toBe('stale');
    await pass(100_000);
    expect(store.status).toBe('synchronized');
    expect(count('request', 'get_snapshot') - before).toBe(5);
  });

  it('I8: goes on trying from the start, and ready waits', async () => {
    const { backend, store, rule, errors } = setup();
    const heal = rule({ kind: 'listen' }, down);
    const settings = store<Settings>(backend.window('main'), 'settings');
    const ready = outcome(settings.ready);
    await pass(10_000);
    expect([ready.now, settings.status]).toEqual(['pending', 'stale']);
    expect(errors[0]).toMatchObject({ phase: 'subscribe', willRetry: true, nextDelayMs: 500 });
    heal();
    const failing = rule({ kind: 'request', command: 'get_snapshot' }, down);
    await pass(40_000);
    failing();
    await pass(40_000);
    expect([ready.now, settings.status]).toEqual(['resolved', 'synchronized']);
  });

  it('denied asks again now and then, and when the window wakes', async () => {
    let granted = false;
    const { backend, store, errors } = setup({ grants: () => granted });
    const window = backend.window('main');
    const settings = store<Settings>(window, 'settings');
    settings.get();
    await pass(1000);
    expect(settings.status).toBe('denied');
    expect(errors.at(-1)?.error).toMatchObject({ kind: 'denied', permission: 'lockstep:default' });
    granted = true;
    window.wake();
    await tick();
    expect(settings.status).toBe('synchronized');
  });

  it('one status listener that throws does not keep the others from hearing', async () => {
    const { backend, store } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    const heard = vi.fn();
    settings.onStatus(() => {
      throw new Error('oops');
    });
    settings.onStatus(heard);
    await tick();
    expect(heard).toHaveBeenLastCalledWith('synchronized', 'syncing');
  });
});

describe('writing', () => {
  it('I12: its copy is at the revision when the promise resolves', async () => {
    const { backend, settings, count } = setup();
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
    expect(count('request', 'get_snapshot')).toBe(1);
  });

  it('I12: also where its own echo comes first, and without a pull for it', async () => {
    const { backend, settings, rule, count } = setup();
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
    expect(count('request', 'get_snapshot')).toBe(1);
  });

  it('I8: an echo whose answer is late is pulled for', async () => {
    const { settings, rule } = setup();
    const store = await settings();
    rule({ kind: 'response', command: 'write' }, () => new Promise(() => {}));
    void store.merge({ theme: 'dark' });
    await pass(1000);
    expect(store.get()?.theme).toBe('dark');
  });

  it.each([false, true])('I12: with patches: %j, also after another’s write', async (patches) => {
    const { backend, settings, rule } = setup({ patches });
    const store = await settings();
    rule({ kind: 'event' }, down);
    backend.set('settings', { ...FIRST, size: 7 });
    await store.merge({ theme: 'dark' });
    expect(store.get()).toEqual({ ...FIRST, size: 7, theme: 'dark' });
  });

  it('I12: pulls the whole where the answer’s base is not what it has', async () => {
    const { backend, store } = setup();
    const window = backend.window('main');
    const odd = store<Settings>(
      {
        ...window,
        transport: {
          ...window.transport,
          write: async (request) => {
            const answer = (await window.transport.write(request)) as { revision: string };
            return { revision: answer.revision, base: '77', patch: [] };
          },
        },
      },
      'settings',
    );
    await odd.ready;
    expect(await odd.merge({ theme: 'dark' })).toBe('3');
    expect(odd.get()?.theme).toBe('dark');
  });

  it('I12: what was applied, but cannot be shown, is applied', async () => {
    const { backend, store, rule } = setup();
    const window = backend.window('main');
    let answer: unknown;
    const odd = store<Settings>(
      {
        ...window,
        transport: {
          ...window.transport,
          write: async (request) => {
            await window.transport.write(request);
            return answer;
          },
        },
      },
      'settings',
    );
    await odd.ready;
    rule({ kind: 'event' }, down);
    const heal = rule({ kind: 'request', command: 'get_snapshot' }, down);

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
    const { backend, store, errors } = setup({ grants: (_, __, access) => access === 'write' });
    const settings = store<Settings>(backend.window('main'), 'settings');
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

  it('I11: one write of a page is under way, numbered in the order of the calls', async () => {
    const { backend, store, rule, hops } = setup();
    const window = backend.window('main');
    const sent: [string, number][] = [];
    const page = {
      ...window,
      transport: {
        ...window.transport,
        write: (request: Parameters<typeof window.transport.write>[0]) => {
          sent.push([String(request.set), request.seq]);
          return window.transport.write(request);
        },
      },
    };
    // Two copies of the package in one page share what is on its scope.
    const one = store<number>(page, 'counter');
    const two = store<number>(page, 'counter');
    const held = deferred<void>();
    const release = rule({ kind: 'response', command: 'write' }, () => held.promise);
    void one.set(10);
    void two.set(20);
    void one.set(30);
    await tick();
    expect(sent).toEqual([['10', 1]]);
    release();
    held.resolve();
    await tick();
    expect(sent).toEqual([
      ['10', 1],
      ['20', 2],
      ['30', 3],
    ]);
    expect([backend.data('counter'), one.get(), two.get()]).toEqual([30, 30, 30]);
    expect(hops.filter(({ kind }) => kind === 'listen')).toHaveLength(1);
  });

  it('I11: a write without an answer times out, and the next goes on', async () => {
    const { backend, settings, rule } = setup();
    const store = await settings('main', { writeTimeoutMs: 1000 });
    const arrives = deferred<void>();
    const heal = rule({ kind: 'request', command: 'write' }, () => arrives.promise);
    const lost = store.merge({ theme: 'lost' });
    const next = outcome(store.merge({ theme: 'next' }));
    await tick();
    heal();
    await pass(1000);
    await expect(lost).rejects.toMatchObject({
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

  it('a late answer to a write still passes the gate', async () => {
    const { settings, rule } = setup();
    const store = await settings('main', { writeTimeoutMs: 100 });
    const answer = deferred<void>();
    rule({ kind: 'event' }, down);
    rule({ kind: 'response', command: 'write' }, () => answer.promise);
    const writing = outcome(store.merge({ theme: 'dark' }));
    await pass(100);
    expect(writing.now).toMatchObject({ kind: 'timeout' });
    answer.resolve();
    await tick();
    expect(store.get()?.theme).toBe('dark');
  });

  it('what fails on its way is transport, with its cause', async () => {
    const { settings, rule } = setup();
    const store = await settings();
    rule({ kind: 'request', command: 'write' }, down);
    await expect(store.set(FIRST)).rejects.toMatchObject({
      kind: 'transport',
      cause: new Error('down'),
    });
  });
});

describe('update', () => {
  const counters = (backend: FakeBackend, store: ReturnType<typeof setup>['store'], n: number) =>
    Array.from({ length: n }, (_, i) => store<number>(backend.window(`w${i}`), 'counter'));

  it('I11: loses no count, however many windows count at once', async () => {
    const { backend, store } = setup();
    const windows = counters(backend, store, 4);
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
    const { backend, store } = setup();
    const [counter] = counters(backend, store, 1);
    const updating = outcome((counter as TopicStore<number>).update((count) => count + 1));
    await tick();
    expect([updating.now, backend.data('counter')]).toEqual(['3', 1]);
  });

  it('goes on from the data that a conflict carries', async () => {
    const { backend, settings, rule, count } = setup();
    const store = await settings();
    rule({ kind: 'event' }, down);
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
    expect(count('request', 'get_snapshot')).toBe(1);
  });

  it('gives up after 100 conflicts', async () => {
    const { backend, settings, rule, count } = setup();
    const store = await settings();
    rule({ kind: 'request', command: 'write' }, async () => {
      backend.set('settings', FIRST);
    });
    const updating = outcome(store.update((s) => s));
    await pass(60_000);
    expect(updating.now).toMatchObject({ kind: 'conflict' });
    expect(count('request', 'write')).toBe(100);
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
    const { backend, store, rule } = setup();
    rule({ kind: 'request', command: 'get_snapshot' }, down);
    const [counter] = counters(backend, store, 1);
    expect(await kindOf((counter as TopicStore<number>).update((n) => n))).toBe('transport');
  });
});

describe('waking', () => {
  it('I8: asks again when the window wakes', async () => {
    const { backend, store, rule } = setup();
    const window = backend.window('main');
    const settings = store<Settings>(window, 'settings');
    await Promise.all([settings.ready, tick()]);
    rule({ kind: 'event' }, down);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await pass(60_000);
    expect(settings.get()?.theme).toBe('light');
    window.wake();
    await tick();
    expect(settings.get()?.theme).toBe('dark');
  });

  it('I8: does not wait for a back-off to end', async () => {
    const { backend, store, rule } = setup();
    const window = backend.window('main');
    const settings = store<Settings>(window, 'settings');
    const heal = rule({ kind: 'request', command: 'get_snapshot' }, down);
    settings.get();
    await pass(60_000);
    heal();
    window.wake();
    await tick();
    expect(settings.status).toBe('synchronized');
  });

  it('subscribes again when it comes out of the back/forward cache', async () => {
    const { backend, store, count } = setup();
    const window = backend.window('main');
    const settings = store<Settings>(window, 'settings');
    await Promise.all([settings.ready, tick()]);
    expect(count('request', 'subscribe')).toBe(1);
    window.wake();
    await tick();
    expect(count('request', 'subscribe')).toBe(1);
    window.wake(true);
    await tick();
    expect([count('request', 'subscribe'), count('request', 'get_snapshot')]).toEqual([2, 3]);
  });
});

describe('closing', () => {
  it('I9: nothing is called back after it but the status', async () => {
    const { backend, settings, errors } = setup();
    const window = backend.window('main');
    const store = await settings();
    const listener = vi.fn();
    const statuses: TopicStatus[] = [];
    store.subscribe(listener);
    store.select((s) => s.theme).subscribe(listener);
    store.onStatus((status) => statuses.push(status));
    backend.set('settings', { ...FIRST, theme: 'dark' });
    store.close();
    store.close();
    window.wake(true);
    backend.emit('settings', null);
    await pass(100_000);
    expect([listener.mock.calls.length, statuses, errors]).toEqual([0, ['closed'], []]);
    expect([store.get(), store.status]).toEqual([FIRST, 'closed']);
    expect(backend.readers('settings')).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('I9: before the first snapshot, ready rejects with closed', async () => {
    const { backend, store } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    const ready = outcome(settings.ready);
    settings.close();
    await tick();
    expect(ready.now).toMatchObject({ kind: 'closed' });
    expect(settings.get()).toBeUndefined();
  });

  it('never used, it makes no noise', async () => {
    const { backend, store, hops } = setup();
    const settings = store<Settings>(backend.window('main'), 'settings');
    settings.close();
    settings.get();
    await tick();
    expect([settings.status, hops.length]).toEqual(['closed', 0]);
  });

  it('refuses what comes after, and sends what came before', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const before = [store.merge({ size: 2 }), store.merge({ theme: 'dark' })];
    store.close();
    for (const late of [
      store.set(FIRST),
      store.merge({}),
      store.update((s) => s),
      store.refresh(),
    ]) {
      expect(await kindOf(late)).toBe('closed');
    }
    expect(await Promise.all(before)).toEqual(['3', '4']);
    expect(backend.data('settings')).toMatchObject({ size: 2, theme: 'dark' });
  });

  it('an update that waited for its turn is refused where it needs a pull', async () => {
    const { backend, store } = setup();
    const counter = store<number>(backend.window('main'), 'counter');
    const updating = counter.update((n) => n + 1);
    counter.close();
    expect(await kindOf(updating)).toBe('closed');
    expect(backend.data('counter')).toBe(0);
  });
});
