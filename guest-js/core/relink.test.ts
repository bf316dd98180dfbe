import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { noopLogger } from './logger.js';
import { pageOf, pageTopicOf } from './page.js';
import { PRIMARY } from './primary.js';
import { createTopicStore } from './store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DARK = { ...FIRST, theme: 'dark' };

it.each([
  ['was taken for dead', false],
  ['came out of the back/forward cache', true],
])(
  'I8: a page that %s misses nothing between its pull and its subscription',
  async (_, restored) => {
    const { backend, hold } = setup();
    const window = backend.window('main');
    const store = window.store<Settings>('settings');
    await store.ready;
    await tick();
    if (!restored) window.silence();
    const held = hold({ kind: 'request', command: 'subscribe' });
    window.wake(restored);
    await tick();
    backend.set('settings', DARK);
    await tick();
    held.release();
    await tick();
    expect([store.get()?.theme, store.status]).toEqual(['dark', 'synchronized']);
    store.close();
  },
);

it('I8: nor one whose session has ended', async () => {
  const { backend, fail } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings');
  await store.ready;
  await tick();
  window.silence();
  fail({ kind: 'request', command: 'subscribe' }, { times: 1, error: { kind: 'sessionEnded' } });
  window.wake();
  await tick();
  backend.set('settings', DARK);
  await pass(3000);
  expect([store.get()?.theme, backend.readers('settings')]).toEqual(['dark', ['main']]);
  store.close();
});

it('I8: nor who reads whose the role is', async () => {
  const { backend, fail } = setup();
  const first = backend.window('first').role();
  first.role();
  await tick();
  const window = backend.window('main');
  const [store, holder] = [window.store('settings'), window.store<object>(PRIMARY)];
  await Promise.all([store.ready, holder.ready]);
  const error = { kind: 'sessionEnded' };
  fail({ kind: 'request', command: 'subscribe', topic: 'settings' }, { times: 1, error });
  window.wake();
  await pass(3000);
  await first.leave();
  await tick();
  expect(holder.get()).toEqual({ holder: null });
  store.close();
  holder.close();
});

it('I8: nor one that hears so when it joins the role', async () => {
  const { backend, fail } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings');
  const role = window.role();
  role.role();
  await store.ready;
  await role.leave();
  window.silence();
  const error = { kind: 'sessionEnded' };
  fail({ kind: 'request', command: 'join_role' }, { times: 1, error });
  role.join();
  await pass(1000);
  backend.set('settings', DARK);
  await tick();
  expect([role.role(), store.get()?.theme]).toEqual(['primary', 'dark']);
  store.close();
});

it('I8: nor one that stops listening since it is delivered to', async () => {
  const { backend, fail, drop } = setup();
  const window = backend.window('main');
  const heal = fail({ kind: 'request', command: 'subscribe' }, { times: 1 });
  const store = window.store<Settings>('settings');
  await store.ready;
  heal();
  // Announced, and not heard yet when the page subscribes.
  drop({ kind: 'event' });
  backend.set('settings', DARK);
  await pass(500);
  expect(window.listeners('settings')).toBe(0);
  expect(store.get()?.theme).toBe('dark');
  store.close();
});

it('I8: a store that joins while the page tells that it rests follows', async () => {
  const { backend, hold } = setup();
  const window = backend.window('main');
  const resting = window.store<Settings>('settings', { whenHidden: 'rest' });
  await resting.ready;
  const held = hold({ kind: 'response', command: 'subscribe' });
  window.hide();
  await tick();
  const following = window.store<Settings>('settings');
  following.get();
  await tick();
  held.release();
  await following.ready;
  await tick();
  backend.set('settings', DARK);
  await tick();
  expect(following.get()?.theme).toBe('dark');
  resting.close();
  following.close();
});

it('I14: a page that is hidden while it subscribes rests', async () => {
  const { backend, hold, delivered } = setup();
  const window = backend.window('main');
  const held = hold({ kind: 'response', command: 'subscribe' });
  const store = window.store<Settings>('settings', { whenHidden: 'rest' });
  store.get();
  await tick();
  window.hide();
  held.release();
  await store.ready;
  await tick();
  backend.set('settings', DARK);
  await tick();
  expect(delivered).toEqual([]);
  store.close();
});

it('I8: that the page rests may come too late', async () => {
  const { backend, hold } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings', { whenHidden: 'rest' });
  await store.ready;
  const held = hold({ kind: 'request', command: 'subscribe' });
  window.hide();
  await tick();
  held.stop();
  window.wake();
  await pass(10_000);
  held.deliverAll();
  await pass(3000);
  backend.set('settings', DARK);
  await tick();
  expect(store.get()?.theme).toBe('dark');
  store.close();
});

it('I8: so may that it reads no more', async () => {
  const { backend, hold } = setup();
  const window = backend.window('main');
  const first = window.store<Settings>('settings');
  await first.ready;
  const asked = hold({ kind: 'request', command: 'unsubscribe' });
  first.close();
  await tick();
  const store = window.store<Settings>('settings');
  store.get();
  await pass(10_000);
  await store.ready;
  const answered = hold({ kind: 'response', command: 'unsubscribe' });
  asked.release();
  await tick();
  expect(backend.readers('settings')).toEqual([]);
  backend.set('settings', DARK);
  await tick();
  answered.release();
  await tick();
  expect([store.get()?.theme, backend.readers('settings')]).toEqual(['dark', ['main']]);
  store.close();
});

it('a topic that comes back is shown at once, also where it went while the page rested', async () => {
  const { backend } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings', { whenHidden: 'rest' });
  await store.ready;
  window.hide();
  await tick();
  backend.remove('settings');
  await tick();
  window.wake();
  await pass(60_000);
  expect(store.status).toBe('removed');
  backend.create('settings', DARK);
  await tick();
  expect([store.get()?.theme, store.status]).toEqual(['dark', 'synchronized']);
  backend.set('settings', FIRST);
  await tick();
  expect(store.get()?.theme).toBe('light');
  store.close();
});

it('who was denied and may read again is told at once', async () => {
  const { backend, deny } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings');
  await store.ready;
  const allow = deny({ window: 'main', topic: 'settings' }, { code: 'out', reason: 'signed out' });
  backend.reauthorize();
  await pass(60_000);
  expect(store.status).toBe('denied');
  allow();
  backend.reauthorize();
  await tick();
  expect(store.status).toBe('synchronized');
  backend.set('settings', DARK);
  await tick();
  expect(store.get()?.theme).toBe('dark');
  store.close();
});

it('who is refused a topic that is created before its pull reads it', async () => {
  const { backend, hold, calls } = setup();
  const window = backend.window('main');
  const held = hold({ kind: 'request', command: 'get_snapshot' });
  const store = window.store<Settings>('later');
  store.get();
  await tick();
  backend.create('later', FIRST);
  held.release();
  await tick();
  expect([store.status, backend.readers('later')]).toEqual(['synchronized', ['main']]);
  expect(calls.count({ command: 'subscribe' })).toBe(2);
  backend.set('later', DARK);
  await tick();
  expect([store.get()?.theme, window.listeners('later')]).toEqual(['dark', 0]);
  store.close();
});

it('I14: what could not listen leaves nothing behind', async () => {
  const { backend, fail } = setup({ deliveries: false });
  const window = backend.window('main');
  fail({ kind: 'listen' });
  window.hide();
  const store = createTopicStore<Settings>('settings', window.transport, {
    whenHidden: 'rest',
    onError: () => {},
    logger: noopLogger,
  });
  store.get();
  await pass(300_000);
  const page = pageOf(window.transport);
  expect(pageTopicOf(page, 'settings').resting.size).toBeLessThan(2);
  store.close();
});

it('I8: a page that does not say when it is hidden rests until it wakes', async () => {
  const { backend } = setup({ deliveries: false });
  const window = backend.window('main');
  window.hide();
  const { onHide: _, ...transport } = window.transport;
  const store = createTopicStore<Settings>('settings', transport, { whenHidden: 'rest' });
  await store.ready;
  window.wake();
  await tick();
  backend.set('settings', DARK);
  await tick();
  expect(store.get()?.theme).toBe('dark');
  store.close();
});
