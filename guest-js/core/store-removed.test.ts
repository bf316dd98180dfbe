import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred, kindOf, outcome, pass, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { pageOf } from './page.js';
import type { TopicStatus } from './topic-store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const AGAIN: Settings = { ...FIRST, theme: 'again' };

describe('a removed topic', () => {
  it('shows as removed, keeps its last state, and goes on when it is there again', async () => {
    const { backend, settings, errors } = setup();
    const store = await settings();
    const seen: TopicStatus[] = [];
    store.onStatus((status) => seen.push(status));
    backend.remove('settings');
    await tick();
    expect([store.status, store.get(), store.revision]).toEqual(['removed', FIRST, '1']);
    expect(errors).toMatchObject([
      { phase: 'getSnapshot', willRetry: true, error: { kind: 'unknownTopic' } },
    ]);
    await pass(100_000);
    expect(store.status).toBe('removed');
    backend.create('settings', AGAIN);
    await tick();
    expect([store.status, store.get()]).toEqual(['synchronized', AGAIN]);
    expect(seen).toEqual(['syncing', 'removed', 'synchronized']);
  });

  it('I14: is subscribed to anew when it is back, since its subscriptions ended with it', async () => {
    const { backend, settings, calls } = setup();
    await settings();
    expect([backend.readers('settings'), calls.count({ command: 'subscribe' })]).toEqual([
      ['main'],
      1,
    ]);
    backend.remove('settings');
    await pass(5000);
    expect(calls.count({ command: 'subscribe' })).toBe(1);
    backend.create('settings', AGAIN);
    await tick();
    expect([backend.readers('settings'), calls.count({ command: 'subscribe' })]).toEqual([
      ['main'],
      2,
    ]);
    backend.set('settings', FIRST);
    await tick();
    expect(calls.count({ command: 'subscribe' })).toBe(2);
  });

  it('before the first snapshot is only stale, and subscribed to once it is there', async () => {
    const { backend } = setup({ topics: {} });
    const settings = backend.window('main').store<Settings>('settings');
    const ready = outcome(settings.ready);
    await pass(1000);
    expect([settings.status, settings.get(), ready.now]).toEqual(['stale', undefined, 'pending']);
    backend.create('settings', FIRST);
    await tick();
    expect([settings.status, settings.get(), ready.now]).toEqual([
      'synchronized',
      FIRST,
      'resolved',
    ]);
    expect(backend.readers('settings')).toEqual(['main']);
  });

  it('I8: that is back while the pull that misses it is under way is asked for at once', async () => {
    const { backend, settings, rule } = setup({ deliveries: false });
    const store = await settings();
    const arrives = deferred<void>();
    const heal = rule({ kind: 'response', command: 'get_snapshot' }, () => arrives.promise);
    backend.remove('settings');
    await tick();
    heal();
    backend.create('settings', AGAIN);
    await tick();
    expect(store.get()).toEqual(FIRST);
    arrives.resolve();
    await tick();
    expect([store.status, store.get()]).toEqual(['synchronized', AGAIN]);
  });

  it('I6: whose being there again was not announced is found by asking', async () => {
    const { backend, settings, fail } = setup();
    const store = await settings();
    backend.remove('settings');
    await tick();
    fail({ kind: 'event' });
    backend.create('settings', AGAIN);
    await pass(31_000);
    expect([store.status, store.get()]).toEqual(['synchronized', AGAIN]);
    expect(backend.readers('settings')).toEqual(['main']);
  });

  it('stays removed where asking fails otherwise, too', async () => {
    const { backend, settings, fail } = setup();
    const store = await settings();
    backend.remove('settings');
    await tick();
    const heal = fail({ kind: 'request', command: 'get_snapshot' });
    await pass(10_000);
    expect(store.status).toBe('removed');
    heal();
    backend.create('settings', AGAIN);
    await tick();
    expect([store.status, backend.readers('settings')]).toEqual(['synchronized', ['main']]);
  });

  it('I10: refuses writes, and takes back what was shown of them', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    backend.remove('settings');
    await tick();
    const writing = kindOf(store.merge({ theme: 'dark' }, { optimistic: true }));
    expect([store.get()?.theme, store.pending]).toEqual(['dark', 1]);
    expect(await writing).toBe('unknownTopic');
    expect([store.get()?.theme, store.pending, store.status]).toEqual(['light', 0, 'removed']);
    expect(await kindOf(store.update((s) => s))).toBe('unknownTopic');
    backend.create('settings', AGAIN);
    await store.merge({ size: 5 });
    expect([store.get(), store.pending]).toEqual([{ ...AGAIN, size: 5 }, 0]);
  });

  it('I8: whose removal was not heard of shows when a write is refused', async () => {
    const { backend, settings, fail } = setup({ deliveries: false });
    const store = await settings();
    fail({ kind: 'event' });
    backend.remove('settings');
    await pass(1000);
    expect(store.status).toBe('synchronized');
    expect(await kindOf(store.merge({ size: 2 }))).toBe('unknownTopic');
    await tick();
    expect(store.status).toBe('removed');
  });

  it('refuses a refresh with what the pull came to', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    backend.remove('settings');
    expect(await kindOf(store.refresh())).toBe('unknownTopic');
  });
});

describe('a restored page', () => {
  it('I11: has one new session for all its stores, and is known by it', async () => {
    const { backend } = setup();
    const window = backend.window('main');
    const stores = ['settings', 'counter', 'settings'].map((topic) => window.store(topic));
    await Promise.all(stores.map(({ ready }) => ready));
    await tick();
    const minted = vi.spyOn(crypto, 'getRandomValues');
    const sessions = [pageOf(window.transport).session];
    for (let times = 1; times <= 2; times++) {
      window.hide(true);
      expect(backend.readers('settings')).toEqual([]);
      window.wake(true);
      await tick();
      sessions.push(pageOf(window.transport).session);
      expect(minted).toHaveBeenCalledTimes(times);
      expect([backend.readers('settings'), backend.readers('counter')]).toEqual([
        ['main'],
        ['main'],
      ]);
      expect(sessions.map((session) => backend.alive('main', session)).indexOf(true)).toBe(times);
    }
    window.wake();
    await tick();
    expect([new Set(sessions).size, sessions.at(-1)]).toEqual([
      3,
      pageOf(window.transport).session,
    ]);
  });

  it('I11: repeats a write with the session that it was first sent with; what waits gets the new one', async () => {
    const { backend, sent, fail } = setup();
    const window = backend.window('main');
    const counter = window.store<number>('counter');
    await counter.ready;
    const before = pageOf(window.transport).session;
    fail({ kind: 'response', command: 'write' }, { times: 1 });
    const writes = outcome(
      Promise.all([counter.update((n) => n + 1), counter.update((n) => n + 1)]),
    );
    await tick();
    expect([sent().length, backend.data('counter')]).toEqual([1, 1]);
    window.hide(true);
    window.wake(true);
    const after = pageOf(window.transport).session;
    await pass(1000);
    expect(writes.now).toEqual(['3', '4']);
    expect(backend.data('counter')).toBe(2);
    expect(sent().map(({ session, seq }) => [session, seq])).toEqual([
      [before, 1],
      [before, 1],
      [after, 2],
    ]);
  });
});
