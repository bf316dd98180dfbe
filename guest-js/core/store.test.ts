import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kindOf, outcome, pass, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { WAKE_MS } from './link.js';
import { noopLogger } from './logger.js';
import { pageOf } from './page.js';
import { createTopicStore } from './store.js';
import type { TopicStatus, TopicStore } from './topic-store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('reading', () => {
  it('starts on first use, and not before', async () => {
    const { backend, calls } = setup();
    const settings = backend.window('main').store<Settings>('settings');
    await tick();
    expect([settings.topic, settings.status, calls.all.length]).toEqual(['settings', 'idle', 0]);
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
    const { backend } = setup();
    const settings = backend.window('main').store<Settings>('settings');
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
    const { backend } = setup();
    const settings = backend.window('main').store<Settings>('settings');
    const listener = vi.fn();
    const parts = settings.select(
      (s) => [s.theme],
      (a, b) => a[0] === b[0],
    );
    expect(parts.get()).toBeUndefined();
    parts.subscribe(listener);
    await tick();
    expect(listener).toHaveBeenCalledExactlyOnceWith(['light'], undefined, expect.anything());
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
    const { backend, settings } = setup({ deliveries: false });
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
    const { backend, fail } = setup({ deliveries: false });
    const settings = backend.window('main').store<Settings>('settings');
    const seen: TopicStatus[] = [settings.status];
    settings.onStatus((next, previous) => {
      expect(previous).toBe(seen.at(-1) === 'idle' ? 'connecting' : seen.at(-1));
      seen.push(next);
    });
    await tick();
    const heal = fail({ kind: 'request', command: 'get_snapshot' });
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
    const { backend, settings, calls } = setup({ deliveries: false });
    const store = await settings();
    const before = calls.count({ command: 'get_snapshot' });
    backend.emit('settings', { topic: 'settings', revision: '18446744073709551615' });
    await tick();
    expect(store.status).toBe('stale');
    await pass(100_000);
    expect(store.status).toBe('synchronized');
    expect(calls.count({ command: 'get_snapshot' }) - before).toBe(5);
  });

  it('I8: goes on trying from the start, and ready waits', async () => {
    const { backend, errors, fail } = setup({ deliveries: false });
    const heal = fail({ kind: 'listen' });
    const settings = backend.window('main').store<Settings>('settings');
    const ready = outcome(settings.ready);
    await pass(10_000);
    expect([ready.now, settings.status]).toEqual(['pending', 'stale']);
    expect(errors[0]).toMatchObject({ phase: 'subscribe', willRetry: true, nextDelayMs: 500 });
    heal();
    const failing = fail({ kind: 'request', command: 'get_snapshot' });
    await pass(40_000);
    failing();
    await pass(40_000);
    expect([ready.now, settings.status]).toEqual(['resolved', 'synchronized']);
  });

  it('denied asks again now and then, and when the window wakes', async () => {
    let granted = false;
    const { backend, errors } = setup({ grants: () => granted });
    const window = backend.window('main');
    const settings = window.store<Settings>('settings');
    settings.get();
    await pass(1000);
    expect(settings.status).toBe('denied');
    expect(errors.at(-1)?.error).toMatchObject({ kind: 'denied', permission: 'lockstep:default' });
    granted = true;
    window.wake();
    await tick();
    expect(settings.status).toBe('synchronized');
  });

  it('I14: denied has lost its subscription, and subscribes anew once it is let in', async () => {
    let granted = true;
    const { backend, settings } = setup({ grants: () => granted });
    const store = await settings();
    granted = false;
    backend.set('settings', { ...FIRST, theme: 'secret' });
    await tick();
    expect(store.status).toBe('denied');
    expect(backend.calls.count({ command: 'subscribe' })).toBe(1);
    granted = true;
    await pass(5000);
    expect(store.status).toBe('synchronized');
    expect(backend.calls.count({ command: 'subscribe' })).toBe(2);
  });

  it('one status listener that throws does not keep the others from hearing', async () => {
    const { backend } = setup();
    const settings = backend.window('main').store<Settings>('settings');
    const heard = vi.fn();
    settings.onStatus(() => {
      throw new Error('oops');
    });
    settings.onStatus(heard);
    await tick();
    expect(heard).toHaveBeenLastCalledWith('synchronized', 'syncing');
  });
});

describe('waking', () => {
  it('I8: asks again when the window wakes', async () => {
    const { backend, fail } = setup({ deliveries: false });
    const window = backend.window('main');
    const settings = window.store<Settings>('settings');
    await Promise.all([settings.ready, tick()]);
    fail({ kind: 'event' });
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await pass(60_000);
    expect(settings.get()?.theme).toBe('light');
    window.wake();
    await tick();
    expect(settings.get()?.theme).toBe('dark');
  });

  it('I8: does not wait for a back-off to end', async () => {
    const { backend, fail } = setup();
    const window = backend.window('main');
    const settings = window.store<Settings>('settings');
    const heal = fail({ kind: 'request', command: 'get_snapshot' });
    settings.get();
    await pass(60_000);
    heal();
    window.wake();
    await tick();
    expect(settings.status).toBe('synchronized');
  });

  const woken = async (options = {}) => {
    const made = setup(options);
    const window = made.backend.window('main');
    const settings = window.store<Settings>('settings');
    await Promise.all([settings.ready, tick()]);
    return { ...made, window, settings, told: () => made.calls.count({ command: 'subscribe' }) };
  };

  it('I8: tells the backend again that it reads, which may have forgotten', async () => {
    const { backend, window, settings, told } = await woken();
    expect(told()).toBe(1);
    await window.transport.unsubscribe('settings', pageOf(window.transport).session);
    expect(backend.readers('settings')).toEqual([]);
    window.wake();
    await tick();
    expect([backend.readers('settings'), told()]).toEqual([['main'], 2]);
    settings.close();
  });

  it('I14: but not at every wake of many, nor for each store, and not after the last is forgotten', async () => {
    const { window, told, backend } = await woken();
    const second = window.store<Settings>('settings');
    await Promise.all([second.ready, tick()]);
    for (let wakes = 0; wakes < 20; wakes++) {
      window.wake();
      await pass(100);
    }
    expect(told()).toBe(2);
    await window.transport.unsubscribe('settings', pageOf(window.transport).session);
    await pass(WAKE_MS);
    expect([told(), backend.readers('settings')]).toEqual([3, ['main']]);
    await pass(10 * WAKE_MS);
    expect([told(), vi.getTimerCount()]).toEqual([3, 0]);
  });

  it('a store that is closed, or was never connected, tells nothing', async () => {
    const { window, settings, told, backend, calls, fail } = await woken({ deliveries: false });
    window.wake();
    window.wake();
    settings.close();
    window.wake();
    await pass(10 * WAKE_MS);
    expect([told(), backend.readers('settings')]).toEqual([1, []]);
    const unsubscribed = calls.count({ command: 'unsubscribe' });
    fail({ kind: 'listen' });
    const late = backend.window('late');
    late.store<Settings>('settings').get();
    await tick();
    late.wake();
    await tick();
    expect([told(), calls.count({ command: 'unsubscribe' })]).toEqual([1, unsubscribed]);
  });

  it('subscribes again at once when it comes out of the back/forward cache', async () => {
    const { window, told, calls } = await woken();
    window.wake();
    window.wake(true);
    await tick();
    window.wake(true);
    await tick();
    expect(told()).toBe(3);
    expect(calls.count({ command: 'get_snapshot' })).toBe(5);
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
    const { backend } = setup();
    const settings = backend.window('main').store<Settings>('settings');
    const ready = outcome(settings.ready);
    settings.close();
    await tick();
    expect(ready.now).toMatchObject({ kind: 'closed' });
    expect(settings.get()).toBeUndefined();
  });

  it('never used, it makes no noise', async () => {
    const { backend, calls } = setup();
    const settings = backend.window('main').store<Settings>('settings');
    settings.close();
    settings.get();
    await tick();
    expect([settings.status, calls.all.length]).toEqual(['closed', 0]);
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
    const { backend } = setup();
    const counter = backend.window('main').store<number>('counter');
    const updating = counter.update((n) => n + 1);
    counter.close();
    expect(await kindOf(updating)).toBe('closed');
    expect(backend.data('counter')).toBe(0);
  });
});
