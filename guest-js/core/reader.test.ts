import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { createReadonlyTopicStore } from './reader.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([true, false])('shows what others write, and whose it is (deliveries: %s)', async (on) => {
  const { backend, settings } = setup({ deliveries: on });
  const other = await settings('other');
  const store = createReadonlyTopicStore<Settings>('settings', backend.window('main').transport);
  await store.ready;
  const seen: unknown[] = [];
  store.subscribe((next, before, { sourceId, changedPaths }) =>
    seen.push([next.theme, before?.theme, sourceId, changedPaths]),
  );
  const width: number[] = [];
  store.select((now) => now.window.width).subscribe((now) => width.push(now));
  await other.merge({ theme: 'dark' });
  await tick();
  expect(seen).toEqual([['dark', 'light', 'other', ['/theme']]]);
  expect([width, store.get(), store.status]).toEqual([
    [],
    { ...FIRST, theme: 'dark' },
    'synchronized',
  ]);
});

it('has nothing that writes, and nothing pending', async () => {
  const { backend } = setup();
  const store = createReadonlyTopicStore<Settings>('settings', backend.window('main').transport);
  const heard = vi.fn();
  store.onPending(heard);
  await store.ready;
  for (const name of ['set', 'merge', 'patch', 'dispatch', 'update']) {
    expect(store).not.toHaveProperty(name);
  }
  store.close();
  expect([store.pending, heard.mock.calls, store.status]).toEqual([0, [], 'closed']);
  expect(backend.calls.of({ command: 'write' })).toEqual([]);
});

it('a patch is applied to what it shows, and parts that stay are the same', async () => {
  const { backend } = setup();
  const store = createReadonlyTopicStore<Settings>('settings', backend.window('main').transport);
  await store.ready;
  const { window } = store.get() as Settings;
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect(store.get()).toEqual({ ...FIRST, theme: 'dark' });
  expect(store.get()?.window).toBe(window);
});
