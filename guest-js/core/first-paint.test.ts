import { afterEach, beforeEach, expect, it, type Mock, vi } from 'vitest';
import { tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { configure } from './configure.js';
import type { Role } from './role.js';
import { createTopicStore } from './store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a store with firstPaint has its state when it is first used, and pulls only what is newer', async () => {
  const { backend, calls } = setup();
  const store = backend.window('main').store<Settings>('settings', { firstPaint: true });
  expect(store.get()).toEqual(FIRST);
  expect(store.revision).toBe(backend.revision('settings'));
  expect(store.status).toBe('connecting');
  const seen: unknown[] = [];
  store.subscribe(({ size }) => seen.push(size));
  // Written after that, and before it is subscribed.
  backend.set('settings', { ...FIRST, size: 2 });
  await tick();
  expect([store.status, store.get()?.size, seen]).toEqual(['synchronized', 2, [2]]);
  const { args } = calls.of({ command: 'get_snapshot' })[0] as { args: { since?: string } };
  expect(args.since).toBeDefined();
  store.close();
});

it.each([
  [
    'refused',
    () => {
      throw Error('Status 403');
    },
  ],
  ['nonsense', () => ({ revision: 'x' })],
  ['nothing', undefined],
])('where that is %s, it begins as any other, and says nothing', async (_, getSnapshotNow) => {
  const { backend } = setup();
  const { transport } = backend.window('main');
  const onError = vi.fn();
  const of = { ...transport, getSnapshotNow };
  const store = createTopicStore<Settings>('settings', of as typeof transport, {
    firstPaint: true,
    onError,
  });
  expect(store.get()).toBeUndefined();
  await store.ready;
  expect(store.get()).toEqual(FIRST);
  expect(onError).not.toHaveBeenCalled();
  store.close();
});

it('a page may say so for all of its stores, and a store otherwise for itself', async () => {
  const { backend } = setup();
  const window = backend.window('main');
  const before = window.store<Settings>('settings');
  configure({ firstPaint: true }, window.transport);
  configure({ whenHidden: 'rest' }, window.transport);
  expect(before.get()).toEqual(FIRST);
  const late = window.store<Settings>('settings', { firstPaint: false, whenHidden: 'rest' });
  expect(late.get()).toBeUndefined();
  expect(backend.window('other').store<Settings>('settings').get()).toBeUndefined();
  await before.ready;
  await tick();
  window.hide();
  await tick();
  backend.set('settings', { ...FIRST, size: 2 });
  await tick();
  expect(before.get()).toEqual(FIRST);
  before.close();
});

it("what a page says of its stores does not hold for the role's own", async () => {
  const { backend } = setup();
  const windows = [backend.window('a'), backend.window('b')] as const;
  const [a, b] = windows.map((window) => {
    const getSnapshotNow = vi.spyOn(window.transport, 'getSnapshotNow');
    configure({ firstPaint: true, whenHidden: 'rest' }, window.transport);
    return { role: window.role(), getSnapshotNow };
  }) as [{ role: Role; getSnapshotNow: Mock }, { role: Role; getSnapshotNow: Mock }];
  a.role.role();
  await tick();
  b.role.role();
  await tick();
  expect([a.role.role(), b.role.role()]).toEqual(['primary', 'secondary']);
  windows[1].hide();
  await tick();
  await a.role.leave();
  await tick();
  expect(b.role.role()).toBe('primary');
  expect(a.getSnapshotNow).not.toHaveBeenCalled();
});
