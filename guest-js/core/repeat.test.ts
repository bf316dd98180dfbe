import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, outcome, pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import { REPEAT_MS, WRITE_ATTEMPTS } from './repeat.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function counter(options: Parameters<typeof setup>[0] = {}) {
  const made = setup({
    topics: { counter: 0 },
    reducers: { counter: (n: number, by: number) => n + by },
    ...options,
  });
  const window = made.backend.window('main');
  const store = window.store<number, number>('counter', { writeTimeoutMs: 8000 });
  return { ...made, window, store };
}

it.each(['request', 'response'] as const)(
  'I11: a write whose %s is lost is repeated as it was, and applied once',
  async (kind) => {
    const { store, sent, backend, fail } = counter();
    await store.ready;
    const heal = fail({ kind, command: 'write' });
    const ends = [1, 10].map((by) => outcome(store.dispatch(by)));
    await pass(50);
    expect(ends.map(({ now }) => now)).toEqual(['pending', 'pending']);
    heal();
    await pass(50);
    expect(ends.map(({ now }) => now)).toEqual(['2', '3']);
    expect([backend.data('counter'), store.get()]).toEqual([11, 11]);
    expect(sent()).toHaveLength(2);
    expect(sent()[1]).toEqual(sent()[0]);
  },
);

it('I11: a rejected write that is repeated is rejected again, not applied', async () => {
  const { store, backend, fail } = counter();
  await store.ready;
  const heal = fail({ kind: 'response', command: 'write' });
  const end = outcome(store.set(7, { expectedRevision: '99' as never }));
  await tick();
  heal();
  backend.set('counter', 5);
  await pass(100);
  expect(end.now).toMatchObject({ kind: 'conflict' });
  expect(backend.data('counter')).toBe(5);
});

it('what goes on failing on its way is transport, with its cause', async () => {
  const { store, sent, fail } = counter();
  await store.ready;
  fail({ kind: 'request', command: 'write' });
  const end = outcome(store.set(1));
  const next = outcome(store.set(2));
  await pass(3099);
  expect(end.now).toBe('pending');
  await pass(1);
  expect(end.now).toMatchObject({ kind: 'transport', cause: new Error('down') });
  expect(next.now).toMatchObject({ kind: 'transport' });
  expect(sent().map(({ seq }) => seq)).toEqual(Array(WRITE_ATTEMPTS).fill(1));
});

it('I11: one that hangs is repeated within its time, and the first answer counts', async () => {
  const { store, sent, backend, drop } = counter();
  await store.ready;
  const heal = drop({ kind: 'response', command: 'write' });
  const end = outcome(store.dispatch(1));
  await pass(1999);
  heal();
  expect([end.now, sent().length]).toEqual(['pending', 1]);
  await pass(1);
  expect([end.now, sent().length, backend.data('counter')]).toEqual(['2', 2, 1]);
  expect(vi.getTimerCount()).toBe(0);
});

it('I11: one that goes on hanging times out after so many attempts', async () => {
  const { store, hold, sent, fail } = counter();
  await store.ready;
  fail({ kind: 'event' });
  const answers = hold({ kind: 'response', command: 'write' });
  const end = outcome(store.dispatch(1));
  await pass(7999);
  expect(end.now).toBe('pending');
  await pass(1);
  expect(end.now).toMatchObject({ kind: 'timeout' });
  expect(sent()).toHaveLength(WRITE_ATTEMPTS);
  expect(vi.getTimerCount()).toBe(0);
  // What comes after that still shows.
  answers.release();
  await tick();
  expect(store.get()).toBe(1);
});

it('I11: where the last attempt fails, one that still hangs may be answered', async () => {
  const { backend } = counter();
  const window = backend.window('other');
  const store = window.store<number, number>('counter', { writeTimeoutMs: 80_000 });
  await store.ready;
  const { write } = window.transport;
  const first = deferred<unknown>();
  let called = 0;
  window.transport.write = () => (called++ ? Promise.reject(new Error('down')) : first.promise);
  const end = outcome(store.dispatch(1));
  await pass(70_000);
  expect([called, end.now]).toEqual([WRITE_ATTEMPTS, 'pending']);
  first.resolve(write({ topic: 'counter', session: 's', seq: 1, set: 4 }));
  await tick();
  expect([end.now, store.get()]).toEqual(['2', 4]);
});

it.each([
  ['a refusal of Tauri', 'Command plugin:lockstep|write not allowed by ACL', 'denied'],
  ['what Tauri itself says', 'plugin lockstep not found', 'transport'],
  ['an error of the backend', { kind: 'panicked', message: 'oops' }, 'panicked'],
])('%s is final', async (_, thrown, kind) => {
  const { store, window } = counter();
  await store.ready;
  window.transport.write = vi.fn().mockRejectedValue(thrown);
  await expect(store.dispatch(1)).rejects.toMatchObject({ kind });
  expect(window.transport.write).toHaveBeenCalledTimes(1);
});

it.each(['fails', 'hangs'])(
  'I11: one that %s is not repeated once the page has slept, since the backend may have forgotten it',
  async (how) => {
    const { store, sent, backend, fail, drop } = counter();
    await store.ready;
    fail({ kind: 'event' });
    const lose = how === 'fails' ? fail : drop;
    lose({ kind: 'response', command: 'write' });
    const end = outcome(store.dispatch(1));
    await tick();
    vi.setSystemTime(Date.now() + REPEAT_MS + 1);
    await pass(8000);
    expect(end.now).toMatchObject({ kind: how === 'fails' ? 'transport' : 'timeout' });
    expect([sent().length, backend.data('counter'), vi.getTimerCount()]).toEqual([1, 1, 0]);
  },
);
