import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, pass, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { pageOf } from './page.js';
import { createTopicStore } from './store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A second bundled copy of the package: other modules, the same page. */
vi.resetModules();
const { createTopicStore: createTopicStoreOfCopy } = await import('./store.js');

it('a page that is delivered to does not listen, and pulls once', async () => {
  const { backend, settings, calls } = setup();
  const store = await settings();
  const seen: unknown[] = [];
  store.subscribe((next, _, { revision, sourceId }) => seen.push([next.theme, revision, sourceId]));
  const other = await settings('other');
  backend.set('settings', { ...FIRST, theme: 'a' });
  await tick();
  await other.merge({ theme: 'b' });
  await tick();
  expect(seen).toEqual([
    ['a', '3', null],
    ['b', '4', 'other'],
  ]);
  const traffic = ['listen', 'subscribe', 'get_snapshot'] as const;
  expect(traffic.map((command) => calls.count({ window: 'main', command }))).toEqual([0, 1, 1]);
});

it('I14: a burst is two messages, and the last has the newest', async () => {
  const { backend, settings, delivered, delay } = setup();
  const store = await settings();
  delay({ kind: 'delivery' }, 5);
  for (let size = 0; size < 1000; size++) backend.set('settings', { ...FIRST, size });
  await pass(20);
  expect(store.get()?.size).toBe(999);
  expect(delivered.map(({ entries }) => entries.length)).toEqual([1]);
  backend.set('settings', FIRST);
  await tick();
  for (let size = 0; size < 1000; size++) backend.set('settings', { ...FIRST, size });
  await pass(20);
  expect([delivered.length, store.get()?.size]).toEqual([3, 999]);
});

it('I14: a hidden page that rests is told nothing, and once what it has missed', async () => {
  const { backend, delivered, calls } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings', { whenHidden: 'rest' });
  const seen: unknown[] = [];
  store.subscribe(({ size }) => seen.push(size));
  await store.ready;
  window.hide();
  await tick();
  expect(backend.readers('settings')).toEqual(['main']);
  const pulls = calls.count({ command: 'get_snapshot' });
  for (let size = 1; size < 100; size++) {
    backend.set('settings', { ...FIRST, size });
    await tick();
  }
  expect([delivered.length, calls.count({ command: 'get_snapshot' }) - pulls]).toEqual([0, 0]);
  seen.length = 0;
  window.wake();
  await tick();
  expect([seen, store.get()?.size]).toEqual([[99], 99]);
  expect(calls.count({ command: 'get_snapshot' }) - pulls + delivered.length).toBeLessThan(3);
  backend.set('settings', { ...FIRST, size: 100 });
  await tick();
  expect(store.get()?.size).toBe(100);
  store.close();
});

it('a page rests from a topic only while all its stores of it do', async () => {
  const { backend, delivered } = setup();
  const window = backend.window('main');
  const resting = window.store<Settings>('settings', { whenHidden: 'rest' });
  const following = window.store<Settings>('settings');
  await Promise.all([resting.ready, following.ready]);
  window.hide();
  await tick();
  backend.set('settings', { ...FIRST, size: 1 });
  await tick();
  expect([delivered.length, following.get()?.size]).toEqual([1, 1]);
  following.close();
  await tick();
  backend.set('settings', { ...FIRST, size: 2 });
  await tick();
  expect(delivered.length).toBe(1);
  const again = window.store<Settings>('settings');
  await again.ready;
  backend.set('settings', { ...FIRST, size: 3 });
  await tick();
  expect([resting.get()?.size, again.get()?.size]).toEqual([3, 3]);
  resting.close();
  again.close();
});

it('a page that is hidden from the start has its state, and rests', async () => {
  const { backend, delivered } = setup();
  const window = backend.window('main');
  window.hide();
  const store = window.store<Settings>('settings', { whenHidden: 'rest' });
  await store.ready;
  backend.set('settings', { ...FIRST, size: 2 });
  await tick();
  expect([delivered.length, store.get()?.size]).toEqual([0, FIRST.size]);
  window.wake();
  await tick();
  expect(store.get()?.size).toBe(2);
  store.close();
});

it('a page that rests asks for nothing where it listens', async () => {
  const { backend, calls } = setup({ deliveries: false });
  const window = backend.window('main');
  const store = window.store<Settings>('settings', { whenHidden: 'rest' });
  await store.ready;
  window.hide();
  const pulls = calls.count({ command: 'get_snapshot' });
  backend.set('settings', { ...FIRST, size: 2 });
  await tick();
  expect(calls.count({ command: 'get_snapshot' })).toBe(pulls);
  window.wake();
  await tick();
  expect(store.get()?.size).toBe(2);
  store.close();
});

it('I9: it is subscribed before the first pull', async () => {
  const { backend, calls, hold } = setup();
  const held = hold({ kind: 'response', command: 'subscribe' });
  const store = backend.window('main').store<Settings>('settings');
  store.get();
  await tick();
  backend.set('settings', { ...FIRST, theme: 'dark' });
  expect(calls.count({ command: 'get_snapshot' })).toBe(0);
  held.release();
  await tick();
  expect(store.get()?.theme).toBe('dark');
});

it('listens where the backend does not say that it delivers', async () => {
  const { backend, calls } = setup();
  const { transport } = backend.window('main');
  const subscribe = (topic: string, session: string) => transport.subscribe(topic, session);
  const store = createTopicStore<Settings>('settings', { ...transport, subscribe });
  await store.ready;
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect([store.get()?.theme, calls.count({ command: 'listen' })]).toEqual(['dark', 1]);
  store.close();
});

it('listens while it cannot subscribe, and stops listening when it can', async () => {
  const { backend, fail, calls } = setup();
  const window = backend.window('main');
  const heal = fail({ kind: 'request', command: 'subscribe' });
  const store = window.store<Settings>('settings');
  await store.ready;
  expect(window.listeners('settings')).toBe(1);
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect(store.get()?.theme).toBe('dark');
  heal();
  window.wake();
  await tick();
  expect(window.listeners('settings')).toBe(0);
  const pulls = calls.count({ command: 'get_snapshot' });
  backend.set('settings', { ...FIRST, theme: 'blue' });
  await tick();
  expect([store.get()?.theme, calls.count({ command: 'get_snapshot' })]).toEqual(['blue', pulls]);
});

it('I8: what is lost is asked for when the backend has noticed', async () => {
  const { backend, settings, fail } = setup();
  const store = await settings();
  fail({ kind: 'delivery' }, { times: 1 });
  backend.set('settings', { ...FIRST, theme: 'lost' });
  await pass(4000);
  expect(store.get()?.theme).toBe('light');
  await pass(1001);
  expect(store.get()?.theme).toBe('lost');
  backend.set('settings', { ...FIRST, theme: 'next' });
  await tick();
  expect(store.get()?.theme).toBe('next');
});

it('I8: also where what wakes it is lost', async () => {
  const { backend, settings, fail } = setup();
  const store = await settings();
  fail({ kind: 'delivery' }, { times: 2 });
  backend.set('settings', { ...FIRST, theme: 'lost' });
  await pass(66_000);
  expect(store.get()?.theme).toBe('lost');
});

it('I8: a delivery that cannot be used is pulled for', async () => {
  const { backend, settings, calls } = setup();
  await settings();
  const { transport } = backend.window('main');
  let hand: (payload: unknown) => void = () => {};
  const receive = (_: string, handler: typeof hand) => {
    hand = handler;
    return () => {};
  };
  const errors: unknown[] = [];
  const store = createTopicStore<Settings>(
    'settings',
    { ...transport, receive },
    { onError: ({ error }) => errors.push(error) },
  );
  await store.ready;
  backend.set('settings', { ...FIRST, theme: 'dark' });
  const pulls = calls.count({ command: 'get_snapshot' });
  const revision = backend.revision('settings');
  for (const useless of [
    [{ topic: 'settings', revision }],
    [{ topic: 'settings', revision, base: '1', patch: [{ op: 'remove', path: '/nowhere' }] }],
    [{ topic: 'settings', revision: '0', data: {} }, null, 7, { topic: 'other' }, { topic: {} }],
    'nonsense',
    undefined,
  ]) {
    hand(useless);
    await tick();
  }
  expect(store.get()?.theme).toBe('dark');
  expect(calls.count({ command: 'get_snapshot' }) - pulls).toBe(1);
  expect(errors).toEqual([]);
  hand([{ topic: 'settings', revision: 'nonsense', data: {} }]);
  await tick();
  expect(errors).toMatchObject([{ kind: 'protocol' }]);
  store.close();
});

it('I12: what is delivered while a write is under way waits for its answer', async () => {
  const { backend, settings, hold } = setup({ patches: true });
  const store = await settings();
  const seen: unknown[] = [];
  store.subscribe(({ size }) => seen.push(size));
  const held = hold({ kind: 'response', command: 'write' });
  const writing = store.merge({ size: 2 });
  await tick();
  // A patch on what the answer brings.
  backend.set('settings', { ...(backend.data('settings') as Settings), theme: 'dark' });
  await tick();
  expect(seen).toEqual([]);
  held.release();
  await writing;
  await tick();
  expect([seen, store.get()?.theme]).toEqual([[2, 2], 'dark']);
});

it('the other stores of a page hear of what one of them was answered', async () => {
  const { backend } = setup();
  const window = backend.window('main');
  const one = window.store<Settings>('settings');
  const two = createTopicStoreOfCopy<Settings>('settings', window.transport);
  await Promise.all([one.ready, two.ready]);
  await one.merge({ theme: 'dark' });
  await tick();
  expect([two.get()?.theme, two.status]).toEqual(['dark', 'synchronized']);
  expect(backend.delivered).toEqual([]);
  two.close();
});

it('I9: who has closed is delivered nothing, and a lost farewell is made up for', async () => {
  const { settings, backend, delivered, fail } = setup();
  const store = await settings();
  fail({ kind: 'request', command: 'unsubscribe' }, { times: 1 });
  store.close();
  await tick();
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect([delivered.length, backend.readers('settings')]).toEqual([1, []]);
  backend.set('settings', FIRST);
  await tick();
  expect(delivered.length).toBe(1);
});

it('a page out of the back/forward cache takes what is delivered to its next session', async () => {
  const { backend, settings } = setup();
  const window = backend.window('main');
  const store = window.store<Settings>('settings');
  await store.ready;
  const { session } = pageOf(window.transport);
  window.hide(true);
  backend.set('settings', { ...FIRST, theme: 'missed' });
  window.wake(true);
  await tick();
  expect(pageOf(window.transport).session).not.toBe(session);
  expect(store.get()?.theme).toBe('missed');
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect(store.get()?.theme).toBe('dark');
  await settings('other');
});

it('I13: who may read no more is delivered no state', async () => {
  const { backend, settings, delivered, deny } = setup();
  const store = await settings();
  deny({ window: 'main', topic: 'settings' });
  backend.set('settings', { ...FIRST, theme: 'secret' });
  await tick();
  expect(delivered).toEqual([
    { window: 'main', entries: [{ topic: 'settings', revision: backend.revision('settings') }] },
  ]);
  expect([store.get()?.theme, store.status]).toEqual(['light', 'denied']);
});

it('a topic that is removed and comes again is delivered', async () => {
  const { backend, settings, calls } = setup();
  const store = await settings();
  backend.remove('settings');
  await tick();
  expect(store.status).toBe('removed');
  const pulls = calls.count({ command: 'get_snapshot' });
  backend.create('settings', { ...FIRST, theme: 'again' });
  await tick();
  expect([store.get()?.theme, store.status]).toEqual(['again', 'synchronized']);
  expect(calls.count({ command: 'get_snapshot' }) - pulls).toBeLessThanOrEqual(1);
});

it('what is delivered before the first pull is answered is shown, and the answer does not undo it', async () => {
  const { backend } = setup();
  const arrives = deferred<void>();
  const { transport } = backend.window('main');
  const getSnapshot: typeof transport.getSnapshot = async (...args) => {
    await arrives.promise;
    return transport.getSnapshot(...args);
  };
  const store = createTopicStore<Settings>('settings', { ...transport, getSnapshot });
  store.get();
  await tick();
  backend.set('settings', { ...FIRST, theme: 'early' });
  await tick();
  expect(store.get()?.theme).toBe('early');
  arrives.resolve();
  await tick();
  expect([store.get()?.theme, store.status]).toEqual(['early', 'synchronized']);
  store.close();
});

it('I9: a store that is closed while its page is told takes nothing', async () => {
  const { backend } = setup();
  const window = backend.window('main');
  const lines: string[] = [];
  const quiet = { debug: (line: string) => void lines.push(line), warn() {}, error() {} };
  let told = false;
  const closes = (line: string) => {
    if (told && line === 'delivery') second.close();
  };
  const first = window.store<Settings>('settings', { logger: { ...quiet, debug: closes } });
  await first.ready;
  const second = window.store<Settings>('settings', { logger: quiet });
  await second.ready;
  lines.length = 0;
  told = true;
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect([first.get()?.theme, second.status, lines]).toEqual(['dark', 'closed', []]);
});
