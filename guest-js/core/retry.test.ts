import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { outcome, pass, rev, tick } from '../test/helpers.js';
import { type RetryInfo, withRetry } from './retry.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function failing(times: number) {
  let calls = 0;
  const provider = {
    getSnapshot: vi.fn(async () => {
      calls++;
      if (calls <= times) throw new Error(`failure ${calls}`);
      return { revision: rev(1), data: 'data' };
    }),
  };
  return provider;
}

it('tries three times by default, after 500 ms and 1 s', async () => {
  const provider = failing(9);
  const told: RetryInfo[] = [];
  const read = outcome(withRetry(provider, {}, (info) => told.push(info)).getSnapshot());
  await tick();
  await pass(499);
  expect(provider.getSnapshot).toHaveBeenCalledTimes(1);
  await pass(1);
  expect(provider.getSnapshot).toHaveBeenCalledTimes(2);
  await pass(1000);
  expect(provider.getSnapshot).toHaveBeenCalledTimes(3);
  expect(read.now).toEqual(new Error('failure 3'));
  expect(told.map(({ attempt, nextDelayMs }) => [attempt, nextDelayMs])).toEqual([
    [1, 500],
    [2, 1000],
  ]);
});

it('brings what a later attempt brings', async () => {
  const read = outcome(withRetry(failing(2)).getSnapshot());
  await pass(1500);
  expect(read.now).toEqual({ revision: '1', data: 'data' });
});

it('waits for no longer than maxDelayMs', async () => {
  const delays: number[] = [];
  const policy = { maxAttempts: 6, initialDelayMs: 100, backoffMultiplier: 3, maxDelayMs: 1000 };
  withRetry(failing(9), policy, (info) => delays.push(info.nextDelayMs))
    .getSnapshot()
    .catch(() => {});
  await pass(10_000);
  expect(delays).toEqual([100, 300, 900, 1000, 1000]);
});

it('an observer that throws does not cost the read', async () => {
  const read = outcome(
    withRetry(failing(1), {}, () => {
      throw new Error('oops');
    }).getSnapshot(),
  );
  await pass(500);
  expect(read.now).toEqual({ revision: '1', data: 'data' });
});

it('I9: tries no more once the signal is aborted', async () => {
  const provider = failing(9);
  const controller = new AbortController();
  const read = outcome(withRetry(provider).getSnapshot(undefined, controller.signal));
  await tick();
  controller.abort();
  await pass(10_000);
  expect(provider.getSnapshot).toHaveBeenCalledTimes(1);
  expect(read.now).toEqual(new Error('failure 1'));
  expect(vi.getTimerCount()).toBe(0);
});

it('passes on what it is asked', async () => {
  const provider = failing(0);
  const { signal } = new AbortController();
  await withRetry(provider).getSnapshot(rev(4), signal);
  expect(provider.getSnapshot).toHaveBeenCalledWith('4', signal);
});
