import { afterEach, describe, expect, it, vi } from 'vitest';
import { createFakeBackend } from './fake-backend.js';
import { settled, waitFor } from './wait-for.js';

afterEach(() => void vi.useRealTimers());

describe.each(['real', 'fake'] as const)('with %s timers', (timers) => {
  const begin = () => {
    if (timers === 'fake') vi.useFakeTimers();
    const backend = createFakeBackend({ topics: { a: 0 } });
    return { backend, store: backend.window('main').store<number>('a') };
  };

  it('waits for what takes time', async () => {
    const { backend, store } = begin();
    backend.delay({ kind: 'event' }, 20);
    await store.ready;
    backend.set('a', 1);
    expect(await waitFor(() => store.get())).toBe(1);
  });

  it('says what it waited for in vain, and why', async () => {
    begin();
    const cause = new Error('not yet');
    const waiting = waitFor(
      () => {
        throw cause;
      },
      { timeoutMs: 5, message: 'the impossible' },
    );
    await expect(waiting).rejects.toThrow('Waited 5 ms in vain for the impossible');
    await expect(waiting).rejects.toMatchObject({ cause });
  });

  it('a backend is settled when all has arrived that will', async () => {
    const { backend, store } = begin();
    await settled(store);
    backend.drop({ kind: 'event' }, { times: 1 });
    backend.delay({ kind: 'event' }, 20);
    backend.delay({ command: 'get_snapshot' }, 20);
    backend.set('a', 1);
    backend.set('a', 2);
    await settled(backend);
    expect([store.get(), backend.underWay()]).toEqual([2, 0]);
  });

  it('a store is settled when it shows what there is, or cannot', async () => {
    const { backend, store } = begin();
    await settled(store);
    expect(store.get()).toBe(0);
    backend.deny({ window: 'main', access: 'read' });
    backend.reauthorize();
    await settled(backend);
    await settled(store);
    expect(store.status).toBe('denied');
  });

  it('a store that does not come to rest says how it is', async () => {
    const { backend, store } = begin();
    backend.fail({ command: 'get_snapshot' });
    await expect(settled(store, { timeoutMs: 5 })).rejects.toThrow(
      'in vain for the store of "a" to come to rest: it is stale, 0 pending',
    );
    store.close();
  });

  it('a backend that does not come to rest says what is on its way', async () => {
    const { backend, store } = begin();
    backend.rule({ command: 'subscribe' }, () => new Promise(() => {}));
    store.get();
    await expect(settled(backend, { timeoutMs: 5 })).rejects.toThrow('1 crossings to arrive');
    store.close();
  });
});

it('with real timers, time in which the process does not run does not count', async () => {
  let looks = 0;
  const stalls = () => {
    const end = performance.now() + 40;
    while (performance.now() < end);
    looks++;
    return looks >= 6;
  };
  await waitFor(stalls, { timeoutMs: 60 });
  const waiting = waitFor(() => stalls() && false, { timeoutMs: 60 });
  await expect(waiting).rejects.toThrow('Waited 60 ms in vain');
});

it('with fake timers, half an hour takes no time', async () => {
  vi.useFakeTimers();
  let over = false;
  setTimeout(() => {
    over = true;
  }, 1_800_000);
  await waitFor(() => over, { timeoutMs: 3_600_000 });
  expect(over).toBe(true);
});
