import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bareSync, deferred, kindOf, outcome, pass, rev, tick } from '../test/helpers.js';
import { withRetry } from './retry.js';
import type { Unsubscribe } from './types.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('starting', () => {
  it('I9: subscribes before the first pull', async () => {
    const subscribed = deferred<Unsubscribe>();
    const sync = bareSync({ subscriber: { subscribe: () => subscribed.promise } });
    sync.handle.start();
    await tick();
    expect(sync.pulls).toHaveLength(0);
    subscribed.resolve(() => {});
    await tick();
    expect(sync.pulls).toHaveLength(1);
  });

  it('I9: resolves when the first snapshot is applied, for every caller', async () => {
    const applying = deferred<void>();
    const sync = bareSync({ applier: { apply: () => applying.promise } });
    const first = outcome(sync.handle.start());
    await tick();
    const second = outcome(sync.handle.start());
    await sync.pull(0).answer('7');
    expect([first.now, second.now]).toEqual(['pending', 'pending']);
    applying.resolve();
    await tick();
    expect([first.now, second.now]).toEqual(['resolved', 'resolved']);
    expect(sync.pulls).toHaveLength(1);
    expect(sync.handle.getLocalRevision()).toBe('7');
  });

  it('applies the first snapshot even at revision 0', async () => {
    const sync = await bareSync().started('0');
    expect(sync.applied).toEqual(['0']);
  });

  it('I9: rejects with the provider’s own error, cleans up, and may be called again', async () => {
    const sync = bareSync();
    const error = new Error('no backend');
    const first = outcome(sync.handle.start());
    await tick();
    const second = outcome(sync.handle.start());
    await sync.pull(0).fail(error);
    expect(first.now).toBe(error);
    expect(second.now).toBe(error);
    expect(sync.handlers.size).toBe(0);
    await pass(100_000);
    expect(sync.pulls).toHaveLength(1);
    expect(sync.errors).toMatchObject([{ phase: 'getSnapshot', error, willRetry: false }]);

    await sync.started('3');
    expect(sync.applied).toEqual(['3']);
    await sync.announce('4');
    expect(sync.pulls).toHaveLength(3);
  });

  it('I9: rejects with the subscriber’s own error, and may be called again', async () => {
    const error = new Error('may not listen');
    let fails = true;
    const sync = bareSync({
      subscriber: {
        async subscribe() {
          if (fails) throw error;
          return () => {};
        },
      },
    });
    await expect(sync.handle.start()).rejects.toBe(error);
    expect(sync.errors).toMatchObject([{ phase: 'subscribe', topic: 'topic', error }]);
    fails = false;
    await sync.started();
  });

  it('I9: rejects with the applier’s own error, cleans up, and may be called again', async () => {
    const error = new Error('cannot show');
    let fails = true;
    const sync = bareSync({
      applier: {
        apply() {
          if (fails) throw error;
        },
      },
    });
    const starting = outcome(sync.handle.start());
    await tick();
    await sync.pull(0).answer('1');
    expect(starting.now).toBe(error);
    expect(sync.errors).toMatchObject([{ phase: 'apply', snapshotRevision: '1' }]);
    expect([sync.handle.getLocalRevision(), sync.handlers.size]).toEqual(['0', 0]);
    fails = false;
    await sync.started('1');
    expect(sync.handle.getLocalRevision()).toBe('1');
  });

  it.each([null, undefined, 5, {}, { revision: 5, data: 1 }, { revision: '01', data: 1 }])(
    'rejects with kind protocol for the answer %j',
    async (answer) => {
      const sync = bareSync();
      const starting = sync.handle.start();
      await tick();
      sync.pull(0).resolve(answer);
      await expect(starting).rejects.toThrow('Non-canonical snapshot revision');
      expect(await kindOf(starting)).toBe('protocol');
      expect(sync.errors).toMatchObject([{ phase: 'protocol' }]);
    },
  );

  it('needs a topic', () => {
    expect(() => bareSync({ topic: '  ' })).toThrow(TypeError);
  });

  it('I9: subscribes also when a refresh was under way', async () => {
    const sync = bareSync();
    const refreshing = outcome(sync.handle.refresh());
    await tick();
    const starting = outcome(sync.handle.start());
    await sync.pull(0).answer('1');
    expect(refreshing.now).toBe('resolved');
    expect(starting.now).toBe('pending');
    expect(sync.handlers.size).toBe(1);
    await sync.pull(1).answer('1');
    expect(starting.now).toBe('resolved');
  });

  it('is not ended by the failure of a refresh that was under way', async () => {
    const sync = bareSync();
    const refreshing = outcome(sync.handle.refresh());
    const starting = outcome(sync.handle.start());
    await tick();
    const error = new Error('down');
    await sync.pull(0).fail(error);
    expect(refreshing.now).toBe(error);
    await sync.pull(1).answer('1');
    expect(starting.now).toBe('resolved');
  });
});

describe('stopping', () => {
  it('I9: start() after stop() is an error', async () => {
    const sync = bareSync();
    sync.handle.stop();
    await expect(sync.handle.start()).rejects.toThrow('start() called after stop()');
  });

  it('I9: undoes a subscribe that is still under way', async () => {
    const subscribed = deferred<Unsubscribe>();
    const undo = vi.fn();
    const sync = bareSync({ subscriber: { subscribe: () => subscribed.promise } });
    const starting = sync.handle.start();
    await tick();
    sync.handle.stop();
    expect(await kindOf(starting)).toBe('closed');
    subscribed.resolve(undo);
    await tick();
    expect(undo).toHaveBeenCalledTimes(1);
    expect(sync.pulls).toHaveLength(0);
  });

  it('I9: nothing calls back after it', async () => {
    const shouldRefresh = vi.fn(() => true);
    const logged = vi.fn();
    const sync = await bareSync({
      shouldRefresh,
      logger: { debug: logged, warn: logged, error: logged },
    }).started();
    const [handler] = sync.handlers;
    const refreshing = outcome(sync.handle.refresh());
    await tick();
    sync.handle.stop();
    logged.mockClear();
    sync.pull(-1).answer('9');
    handler?.({ topic: 'topic', revision: rev(10) });
    handler?.(null as never);
    await pass(100_000);
    expect(refreshing.now).toMatchObject({ kind: 'closed' });
    expect(sync.applied).toEqual(['1']);
    expect(sync.handle.getLocalRevision()).toBe('1');
    expect([sync.errors.length, shouldRefresh.mock.calls.length, logged.mock.calls.length]).toEqual(
      [0, 0, 0],
    );
    expect(sync.pulls).toHaveLength(2);
  });

  it('I9: while an applier is at work, the revision stays where it was', async () => {
    const applying = deferred<void>();
    const sync = bareSync({ applier: { apply: () => applying.promise } });
    sync.handle.start();
    await tick();
    await sync.pull(0).answer('4');
    sync.handle.stop();
    applying.resolve();
    await tick();
    expect(sync.handle.getLocalRevision()).toBe('0');
  });

  it('I9: ends a retry that is pending, also inside withRetry', async () => {
    const getSnapshot = vi.fn(async () => {
      throw new Error('down');
    });
    const sync = bareSync({ provider: withRetry({ getSnapshot }) });
    sync.handle.start();
    await tick();
    expect(getSnapshot).toHaveBeenCalledTimes(1);
    sync.handle.stop();
    await pass(100_000);
    expect(getSnapshot).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is idempotent, and survives an unsubscribe that fails', async () => {
    const unsubscribe = vi.fn(() => Promise.reject(new Error('may not unlisten')) as never);
    const sync = await bareSync({ subscriber: { subscribe: async () => unsubscribe } }).started();
    sync.handle.stop();
    sync.handle.stop();
    await tick();
    expect(unsubscribe).toHaveBeenCalledTimes(1);
  });

  it('leaves refresh() without effect', async () => {
    const sync = await bareSync().started();
    sync.handle.stop();
    await sync.handle.refresh();
    expect(sync.pulls).toHaveLength(1);
  });
});

describe('waking', () => {
  function sleeper() {
    const wakers = new Set<() => void>();
    const sync = bareSync({
      onWake(handler) {
        wakers.add(handler);
        return () => wakers.delete(handler);
      },
    });
    const wake = () => {
      for (const waker of wakers) waker();
      return tick();
    };
    return { sync, wake, wakers };
  }

  it('I8: asks again, for what was announced meanwhile may be lost', async () => {
    const { sync, wake } = sleeper();
    await sync.started('1');
    await wake();
    expect(sync.pulls.length).toBe(2);
    await sync.pull(-1).answer('2');
    expect(sync.applied).toEqual(['1', '2']);
  });

  it('I9: is over with stop(), and with a start() that failed', async () => {
    const { sync, wake, wakers } = sleeper();
    await wake();
    const starting = outcome(sync.handle.start());
    await tick();
    await sync.pull(0).fail('oops');
    expect([starting.now, wakers.size]).toEqual(['oops', 0]);
    await sync.started('1');
    expect(wakers.size).toBe(1);
    sync.handle.stop();
    await tick();
    expect([wakers.size, sync.undone()]).toEqual([0, 2]);
  });
});
