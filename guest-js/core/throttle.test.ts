import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pass } from '../test/helpers.js';
import { createThrottledHandler, type InvalidationThrottlingOptions } from './throttle.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Triggers at the given times, and says when the handler fired. */
async function firesAt(
  options: InvalidationThrottlingOptions | undefined,
  triggers: number[],
): Promise<number[]> {
  const begin = performance.now();
  const fired: number[] = [];
  const { trigger } = createThrottledHandler(
    () => fired.push(Math.round(performance.now() - begin)),
    options,
  );
  let now = 0;
  for (const at of triggers) {
    await pass(at - now);
    now = at;
    trigger();
  }
  await pass(10_000);
  return fired;
}

const steady = Array.from({ length: 50 }, (_, i) => i * 10);

it.each<[string, InvalidationThrottlingOptions | undefined, number[], number[]]>([
  ['without options: every time, at once', undefined, [0, 1, 2], [0, 1, 2]],
  [
    'throttle: at once, then once per interval',
    { throttleMs: 100 },
    [0, 10, 20, 250],
    [0, 100, 250],
  ],
  [
    'throttle: fires under a steady stream',
    { throttleMs: 100 },
    steady,
    [0, 100, 200, 300, 400, 500],
  ],
  [
    'throttle without a leading edge',
    { throttleMs: 100, leading: false },
    [0, 10, 300],
    [100, 400],
  ],
  [
    'throttle without a leading edge: fires under a steady stream',
    { throttleMs: 100, leading: false },
    steady,
    [100, 200, 300, 400, 500],
  ],
  [
    'throttle without a trailing edge',
    { throttleMs: 100, trailing: false },
    [0, 10, 150],
    [0, 150],
  ],
  ['debounce: after silence', { debounceMs: 50 }, [0, 40, 80], [130]],
  ['debounce: waits for five times as long at most', { debounceMs: 50 }, steady, [250, 500]],
  [
    'debounce with a wait of one’s own',
    { debounceMs: 50, maxWaitMs: 60 },
    [0, 40, 80, 81],
    [60, 131],
  ],
  ['both', { debounceMs: 20, throttleMs: 100 }, [0, 30, 200], [20, 120, 220]],
])('%s', async (_, options, triggers, expected) => {
  expect(await firesAt(options, triggers)).toEqual(expected);
});

it('always has an edge', async () => {
  const neither = { throttleMs: 100, leading: false, trailing: false };
  expect(await firesAt(neither, [0, 10])).toEqual([100]);
});

it('forgets what is pending, and may be used again', async () => {
  const fire = vi.fn();
  const handler = createThrottledHandler(fire, { debounceMs: 50 });
  handler.trigger();
  handler.dispose();
  await pass(1000);
  expect(fire).not.toHaveBeenCalled();
  handler.trigger();
  await pass(50);
  expect(fire).toHaveBeenCalledTimes(1);
});
