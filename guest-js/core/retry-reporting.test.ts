import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { outcome, pass, rev } from '../test/helpers.js';
import { noopLogger } from './logger.js';
import { withRetryReporting } from './retry-reporting.js';
import { createRevisionSync } from './sync.js';
import type { SyncErrorContext } from './types.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function failing(times: number) {
  let calls = 0;
  return {
    async getSnapshot() {
      calls++;
      if (calls <= times) throw new Error(`failure ${calls}`);
      return { revision: rev(1), data: 'data' };
    },
  };
}

it('reports each failed attempt that another follows, as a handle would', async () => {
  const errors: SyncErrorContext[] = [];
  const warn = vi.fn();
  const onError = (context: SyncErrorContext) => errors.push(context);
  const logger = { ...noopLogger, warn };
  const provider = withRetryReporting(failing(2), {}, { topic: 'settings', onError, logger });
  const read = outcome(provider.getSnapshot());
  await pass(1500);
  expect(read.now).toEqual({ revision: '1', data: 'data' });
  const common = { phase: 'getSnapshot', topic: 'settings', willRetry: true };
  expect(errors).toEqual([
    { ...common, error: new Error('failure 1'), attempt: 1, nextDelayMs: 500 },
    { ...common, error: new Error('failure 2'), attempt: 2, nextDelayMs: 1000 },
  ]);
  expect(warn.mock.calls).toEqual(errors.map((context) => ['getSnapshot failed', context]));
});

it('each failure of a handle’s start is reported once', async () => {
  const errors: SyncErrorContext[] = [];
  const onError = (context: SyncErrorContext) => errors.push(context);
  const policy = { maxAttempts: 3, initialDelayMs: 100, backoffMultiplier: 3 };
  const sync = createRevisionSync({
    topic: 'a',
    subscriber: { subscribe: async () => () => {} },
    provider: withRetryReporting(failing(9), policy, { topic: 'a', onError }),
    applier: { apply() {} },
    onError,
  });
  const starting = outcome(sync.start());
  await pass(400);
  expect(starting.now).toEqual(new Error('failure 3'));
  expect(
    errors.map(({ error, willRetry, nextDelayMs }) => [error, willRetry, nextDelayMs]),
  ).toEqual([
    [new Error('failure 1'), true, 100],
    [new Error('failure 2'), true, 300],
    [new Error('failure 3'), false, undefined],
  ]);
});

it('whoever throws when told costs nothing', async () => {
  const oops = (): never => {
    throw new Error('oops');
  };
  const onError = vi.fn(oops);
  const logger = { ...noopLogger, warn: oops };
  const read = outcome(withRetryReporting(failing(1), {}, { onError, logger }).getSnapshot());
  await pass(500);
  expect(read.now).toEqual({ revision: '1', data: 'data' });
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.not.objectContaining({ topic: 'a' }));
});
