import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import type { FakeWindow } from '../testing/index.js';
import { noopLogger } from './logger.js';
import { onError } from './on-error.js';
import { createTopicStore } from './store.js';
import type { TopicStoreOptions } from './topic-store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

vi.resetModules();
const copy = await import('./on-error.js');

const storeIn = ({ transport }: FakeWindow, options: TopicStoreOptions = {}) =>
  createTopicStore<number>('counter', transport, { logger: noopLogger, ...options });

it('hears what no onError of a store’s own does', async () => {
  const { backend, fail } = setup({ deliveries: false });
  const window = backend.window('main');
  const heard = vi.fn();
  const own = vi.fn();
  onError(heard, window.transport);
  const quiet = storeIn(window, { onError: own });
  const store = storeIn(window);
  const error = new Error('oops');
  store.subscribe(() => {
    throw error;
  });
  await Promise.all([quiet.ready, store.ready, tick()]);
  expect(heard.mock.calls).toMatchObject([[{ topic: 'counter', phase: 'apply', error }]]);
  fail({ kind: 'request', command: 'get_snapshot' });
  await Promise.allSettled([quiet.refresh(), store.refresh()]);
  expect(heard.mock.calls.slice(1)).toMatchObject([[{ phase: 'getSnapshot', attempt: 1 }]]);
  expect(own).toHaveBeenCalledTimes(1);
});

it('hears until it is told to stop, and only this page', async () => {
  const { backend, fail } = setup({ deliveries: false });
  const [one, two] = [backend.window('one'), backend.window('two')];
  const heard = vi.fn();
  const stop = onError(heard, one.transport);
  fail({ kind: 'listen' });
  storeIn(two).get();
  await pass(1000);
  expect(heard).not.toHaveBeenCalled();
  storeIn(one).get();
  await tick();
  expect(heard.mock.calls).toMatchObject([[{ phase: 'subscribe', willRetry: true }]]);
  stop();
  await pass(10_000);
  expect(heard).toHaveBeenCalledTimes(1);
});

it('is shared by bundled copies, and by handlers that throw', async () => {
  const { backend, fail } = setup({ deliveries: false });
  const window = backend.window('main');
  const console = vi.spyOn(globalThis.console, 'error').mockReturnValue();
  const heard = [vi.fn(), vi.fn()];
  onError(heard[0] as () => void, window.transport);
  copy.onError(() => {
    throw new Error('of the app');
  }, window.transport);
  copy.onError(heard[1] as () => void, window.transport);
  fail({ kind: 'listen' });
  storeIn(window).get();
  await tick();
  expect(heard.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  expect(console.mock.calls).toMatchObject([
    [
      '[error] [lockstep] onError failed',
      { error: { message: expect.stringContaining('of the app') } },
    ],
  ]);
});

it('is the page’s own where none is named', async () => {
  const { backend, fail } = setup({ deliveries: false });
  const { scope: _, ...transport } = backend.window('main').transport;
  const heard = vi.fn();
  const stop = onError(heard);
  fail({ kind: 'listen' });
  const store = createTopicStore('counter', transport, { logger: noopLogger });
  store.get();
  await tick();
  expect(heard).toHaveBeenCalledTimes(1);
  stop();
  store.close();
});

it('I9: nobody is told of what ends after a store was closed', async () => {
  const { backend, fail } = setup();
  const own = vi.fn();
  const store = storeIn(backend.window('main'), { onError: own });
  await Promise.all([store.ready, tick()]);
  const error = new Error('oops');
  store.onStatus(() => {
    throw error;
  });
  fail({ command: 'unsubscribe' });
  store.close();
  expect(own.mock.calls).toMatchObject([[{ phase: 'apply', error }]]);
  await pass(60_000);
  expect(backend.calls.count({ command: 'unsubscribe' })).toBeGreaterThan(1);
  expect(own).toHaveBeenCalledTimes(1);
});
