import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, pass, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { connectApplier } from './connect-applier.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('I12: applies what is there, and each change before the write’s promise resolves', async () => {
  const { settings } = setup();
  const store = await settings();
  const seen: unknown[] = [];
  const stop = connectApplier(store, {
    apply: ({ revision, data }) => void seen.push([revision, data.theme]),
  });
  expect(seen).toEqual([['1', 'light']]);
  await store.merge({ theme: 'dark' });
  expect(seen).toEqual([
    ['1', 'light'],
    ['3', 'dark'],
  ]);
  stop();
  await store.merge({ theme: 'blue' });
  expect([seen.length, store.status]).toEqual([2, 'synchronized']);
});

it('starts the store, pulls once, and shows optimistic writes and what takes them back', async () => {
  const { backend, calls, hold } = setup();
  const store = backend.window('main').store<Settings>('settings');
  const seen: unknown[] = [];
  connectApplier(store, { apply: ({ data }) => void seen.push(data.theme) });
  await tick();
  expect([seen, calls.count({ command: 'get_snapshot' })]).toEqual([['light'], 1]);
  const held = hold({ kind: 'request', command: 'write' });
  store.merge({ theme: 'early' }, { optimistic: true }).catch(() => {});
  expect(seen).toEqual(['light', 'early']);
  await tick();
  held.lose(0, { kind: 'rejected' });
  await tick();
  expect(seen).toEqual(['light', 'early', 'light']);
});

it('I7: waits for an applier that takes a while, and then applies the latest', async () => {
  const { backend, settings } = setup();
  const store = await settings();
  const slow = deferred<void>();
  const seen: unknown[] = [];
  const stop = connectApplier(store, {
    apply({ data }) {
      seen.push(data.size);
      return slow.promise;
    },
  });
  for (const size of [2, 3, 4]) {
    backend.set('settings', { ...FIRST, size });
    await tick();
  }
  expect(seen).toEqual([1]);
  slow.resolve();
  await tick();
  expect(seen).toEqual([1, 4]);
  stop();
});

it('I8: tries again what failed, and says so', async () => {
  const { settings } = setup();
  const store = await settings();
  const onError = vi.fn();
  const apply = vi.fn();
  apply.mockImplementationOnce(() => {
    throw 'thrown';
  });
  apply.mockRejectedValueOnce('rejected');
  connectApplier(store, { apply }, { onError });
  const context = { phase: 'apply', topic: 'settings', willRetry: true };
  await pass(499);
  expect(onError.mock.calls).toEqual([
    [{ ...context, error: 'thrown', attempt: 1, nextDelayMs: 500 }],
  ]);
  await pass(1);
  expect(onError.mock.lastCall).toEqual([
    { ...context, error: 'rejected', attempt: 2, nextDelayMs: 1000 },
  ]);
  await store.merge({ size: 9 });
  expect(apply.mock.lastCall?.[0].data.size).toBe(9);
  await pass(60_000);
  expect([apply.mock.calls.length, vi.getTimerCount()]).toEqual([3, 0]);
});

it('I9: nothing is applied, tried again or told once it has ended', async () => {
  const { settings } = setup();
  const store = await settings();
  const slow = deferred<void>();
  const onError = vi.fn();
  const apply = vi.fn(() => slow.promise);
  const stop = connectApplier(store, { apply }, { onError });
  await store.merge({ size: 9 });
  stop();
  slow.reject('late');
  await pass(60_000);
  expect([apply.mock.calls.length, onError.mock.calls.length]).toEqual([1, 0]);
});
