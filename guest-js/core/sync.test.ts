import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bareSync, deferred, kindOf, outcome, pass, tick } from '../test/helpers.js';
import { FOLLOW_UPS } from './gate.js';
import { createRevisionSync } from './sync.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const FORGED = '18446744073709551615';

describe('being told', () => {
  it('pulls and applies what is newer', async () => {
    const sync = await bareSync().started();
    await sync.announce('2');
    await sync.pull(1).answer('2');
    expect(sync.applied).toEqual(['1', '2']);
  });

  it('I6: does not pull for what is not newer', async () => {
    const sync = await bareSync().started('10');
    await sync.announce('10');
    await sync.announce('9');
    expect(sync.pulls).toHaveLength(1);
  });

  it('compares revisions as numbers, not as text', async () => {
    const sync = await bareSync().started('9');
    await sync.announce('10');
    expect(sync.pulls).toHaveLength(2);
  });

  it.each([
    null,
    undefined,
    7,
    'text',
    [],
    {},
    { topic: '' },
    { topic: 'topic' },
    { topic: 'topic', revision: 3 },
    { topic: 'topic', revision: '03' },
    { topic: 'topic', revision: '18446744073709551616' },
  ])('I6: reports the nonsense %j, and throws nothing into the transport', async (payload) => {
    const sync = await bareSync().started();
    await sync.emit(payload);
    expect(sync.errors).toMatchObject([{ phase: 'protocol', sourceEvent: payload }]);
    expect(sync.pulls).toHaveLength(1);
    await sync.announce('2');
    expect(sync.pulls).toHaveLength(2);
  });

  it('leaves other topics’ announcements alone', async () => {
    const sync = await bareSync().started();
    await sync.emit({ topic: 'other', revision: '9' });
    expect([sync.pulls.length, sync.errors.length]).toEqual([1, 0]);
  });

  it('I8: a burst makes at most two pulls', async () => {
    const sync = await bareSync().started();
    for (let i = 2; i <= 100; i++) await sync.announce(String(i));
    expect(sync.pulls).toHaveLength(2);
    await sync.pull(1).answer('2');
    expect(sync.pulls).toHaveLength(3);
    await sync.pull(2).answer('100');
    await pass(100_000);
    expect(sync.pulls).toHaveLength(3);
  });

  it('I8: a pull that began before it, but brings it, is enough', async () => {
    const sync = await bareSync().started();
    await sync.announce('2');
    await sync.announce('3');
    await sync.pull(1).answer('3');
    await pass(100_000);
    expect(sync.pulls).toHaveLength(2);
  });

  it('shouldRefresh keeps it from pulling', async () => {
    const sync = await bareSync({ shouldRefresh: (event) => event.sourceId !== 'me' }).started();
    await sync.announce('2', 'me');
    expect(sync.pulls).toHaveLength(1);
    await sync.announce('3', 'other');
    expect(sync.pulls).toHaveLength(2);
  });

  it('I6: pulls, and reports, where shouldRefresh throws', async () => {
    const sync = await bareSync({
      shouldRefresh() {
        throw new Error('oops');
      },
    }).started();
    await sync.announce('2', 'other');
    expect(sync.errors).toMatchObject([
      { phase: 'invalidation', topic: 'topic', eventRevision: '2', sourceId: 'other' },
    ]);
    expect(sync.pulls).toHaveLength(2);
  });

  it('onError that throws harms nothing', async () => {
    const sync = await bareSync({
      onError() {
        throw new Error('oops');
      },
    }).started();
    await sync.emit(null);
    await sync.announce('2');
    expect(sync.pulls).toHaveLength(2);
  });
});

describe('the gate', () => {
  it('I7: applies only what is strictly newer', async () => {
    const sync = await bareSync().started('5');
    for (const revision of ['4', '5', '6', '6', '3']) {
      sync.handle.refresh();
      await tick();
      await sync.pull(-1).answer(revision);
    }
    expect(sync.applied).toEqual(['5', '6']);
    expect(sync.handle.getLocalRevision()).toBe('6');
  });

  it('I7: the revision moves only after the applier succeeded', async () => {
    let fails = false;
    const sync = bareSync({
      applier: {
        async apply() {
          if (fails) throw new Error('cannot show');
        },
      },
    });
    await sync.started('1');
    fails = true;
    await sync.announce('2');
    await sync.pull(1).answer('2');
    expect(sync.handle.getLocalRevision()).toBe('1');
    expect(sync.errors).toMatchObject([{ phase: 'apply', willRetry: true, snapshotRevision: '2' }]);
    fails = false;
    await pass(500);
    await sync.pull(2).answer('2');
    expect(sync.handle.getLocalRevision()).toBe('2');
  });

  it('I7: answers pass one after another, however slow the applier', async () => {
    const applying = [deferred<void>(), deferred<void>(), deferred<void>()];
    const begun: string[] = [];
    const sync = bareSync({
      pullTimeoutMs: 1000,
      applier: {
        apply({ revision }) {
          begun.push(revision);
          return applying[begun.length - 1]?.promise ?? Promise.resolve();
        },
      },
    });
    applying[0]?.resolve();
    await sync.started('1');
    await sync.announce('5');
    await pass(1500);
    // The first pull's answer comes late, and the second's while that is being applied.
    await sync.pull(1).answer('5');
    await sync.pull(2).answer('6');
    expect(begun).toEqual(['1', '5']);
    applying[2]?.resolve();
    applying[1]?.resolve();
    await tick();
    expect(begun).toEqual(['1', '5', '6']);
    expect(sync.handle.getLocalRevision()).toBe('6');
  });

  it('I7: a patch is not used by a handle without a copy: it asks for the whole', async () => {
    const sync = await bareSync().started('1');
    await sync.announce('2');
    expect(sync.pull(1).since).toBe('1');
    sync.pull(1).resolve({ revision: '2', base: '1', patch: [] });
    await tick();
    expect(sync.pull(2).since).toBeUndefined();
    await sync.pull(2).answer('2');
    expect(sync.applied).toEqual(['1', '2']);
  });

  it('takes unchanged as an answer', async () => {
    const sync = await bareSync().started('1');
    const refreshing = outcome(sync.handle.refresh());
    await tick();
    sync.pull(1).resolve({ revision: '1', unchanged: true });
    await tick();
    expect(refreshing.now).toBe('resolved');
    expect(sync.applied).toEqual(['1']);
  });

  it('does not ask for ever where the whole is refused', async () => {
    const sync = bareSync();
    const starting = sync.handle.start();
    await tick();
    sync.pull(0).resolve({ revision: '1', unchanged: true });
    expect(await kindOf(starting)).toBe('protocol');
    expect(sync.pulls).toHaveLength(1);
  });
});

describe('no rest while behind', () => {
  it('I8: an announcement during a failing pull is not lost', async () => {
    const sync = await bareSync().started();
    await sync.announce('2');
    await sync.announce('3');
    await sync.pull(1).fail(new Error('down'));
    await pass(500);
    await sync.pull(2).answer('3');
    expect(sync.applied).toEqual(['1', '3']);
  });

  it('I8: a failed pull is tried again, with back-off, for ever', async () => {
    const sync = await bareSync().started();
    await sync.announce('2');
    const waits: (number | undefined)[] = [];
    for (let i = 1; i <= 12; i++) {
      await sync.pull(i).fail(new Error('down'));
      expect(sync.pulls).toHaveLength(i + 1);
      const wait = sync.errors.at(-1)?.nextDelayMs ?? 0;
      waits.push(wait);
      await pass(wait - 1);
      expect(sync.pulls).toHaveLength(i + 1);
      await pass(1);
    }
    expect(waits.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(sync.errors.at(-1)).toMatchObject({ attempt: 12, willRetry: true });
    await sync.pull(-1).answer('2');
    expect(sync.applied).toEqual(['1', '2']);
    await pass(100_000);
    expect(sync.pulls).toHaveLength(14);
  });

  it('I8: a pull still older than announced is followed by a few more', async () => {
    const sync = await bareSync().started();
    await sync.announce('2');
    await sync.pull(1).answer('1');
    expect(sync.pulls).toHaveLength(2);
    await pass(100);
    await sync.pull(2).answer('2');
    await pass(100_000);
    expect(sync.pulls).toHaveLength(3);
    expect(sync.applied).toEqual(['1', '2']);
  });

  it('I8: a forged revision costs a handful of pulls, and hides nothing genuine', async () => {
    const sync = await bareSync().started();
    await sync.announce(FORGED);
    for (let i = 1; i <= 1 + FOLLOW_UPS; i++) {
      await sync.pull(i).answer('1');
      await pass(5000);
    }
    expect(sync.pulls).toHaveLength(2 + FOLLOW_UPS);
    await sync.announce('2');
    await sync.pull(-1).answer('2');
    expect(sync.applied).toEqual(['1', '2']);
    await pass(100_000);
    expect(sync.pulls).toHaveLength(3 + FOLLOW_UPS);
  });

  it('I8: what is announced between follow-ups is pulled at once', async () => {
    const sync = await bareSync().started();
    await sync.announce(FORGED);
    await sync.pull(1).answer('1');
    await sync.announce('2');
    expect(sync.pulls).toHaveLength(3);
    await sync.pull(2).answer('2');
    expect(sync.applied).toEqual(['1', '2']);
  });

  it('I8: one pull at a time', async () => {
    const sync = await bareSync().started();
    sync.handle.refresh();
    sync.handle.refresh();
    await sync.announce('2');
    expect(sync.pulls).toHaveLength(2);
  });

  it('I8: refresh() resolves only after a pull that began after it', async () => {
    const sync = await bareSync().started();
    const first = outcome(sync.handle.refresh());
    await tick();
    const second = outcome(sync.handle.refresh());
    await sync.pull(1).answer('1');
    expect([first.now, second.now]).toEqual(['resolved', 'pending']);
    await sync.pull(2).answer('1');
    expect(second.now).toBe('resolved');
    expect(sync.pulls).toHaveLength(3);
  });

  it('I8: a refresh() during a failing pull gets one of its own at once', async () => {
    const sync = await bareSync().started();
    const first = outcome(sync.handle.refresh());
    await tick();
    const second = outcome(sync.handle.refresh());
    const error = new Error('down');
    await sync.pull(1).fail(error);
    expect(first.now).toBe(error);
    expect(sync.pulls).toHaveLength(3);
    await sync.pull(2).answer('1');
    expect(second.now).toBe('resolved');
  });

  it('works before start(), too, but then fails for good', async () => {
    const sync = bareSync();
    const refreshing = outcome(sync.handle.refresh());
    await tick();
    const error = new Error('down');
    await sync.pull(0).fail(error);
    expect(refreshing.now).toBe(error);
    expect(sync.errors).toMatchObject([{ phase: 'refresh', willRetry: false }]);
    await pass(100_000);
    expect(sync.pulls).toHaveLength(1);
  });

  it('I8: a hung pull counts as failed, and its late answer still passes the gate', async () => {
    const sync = await bareSync({ pullTimeoutMs: 1000 }).started();
    const refreshing = sync.handle.refresh();
    await pass(1000);
    expect(await kindOf(refreshing)).toBe('timeout');
    await pass(500);
    expect(sync.pulls).toHaveLength(3);
    await sync.pull(1).answer('5');
    expect(sync.handle.getLocalRevision()).toBe('5');
    await sync.pull(2).answer('4');
    expect(sync.applied).toEqual(['1', '5']);
  });
});

describe('throttling', () => {
  it('I8: thins out pulls, and keeps the last', async () => {
    const sync = await bareSync({ throttling: { throttleMs: 100, trailing: false } }).started();
    await sync.announce('2');
    await sync.pull(1).answer('2');
    await sync.announce('3');
    await sync.announce('4');
    expect(sync.pulls).toHaveLength(2);
    await pass(100);
    await sync.pull(2).answer('4');
    expect(sync.applied).toEqual(['1', '2', '4']);
  });

  it('does not pull for what a refresh has brought meanwhile', async () => {
    const sync = await bareSync({ throttling: { debounceMs: 100 } }).started();
    await sync.announce('2');
    sync.handle.refresh();
    await tick();
    await sync.pull(1).answer('2');
    await pass(1000);
    expect(sync.pulls).toHaveLength(2);
  });

  it('I9: nothing pending fires after stop()', async () => {
    const sync = await bareSync({ throttling: { debounceMs: 100 } }).started();
    await sync.announce('2');
    sync.handle.stop();
    await pass(1000);
    expect(sync.pulls).toHaveLength(1);
  });
});

it('logs what it applies', async () => {
  const debug = vi.fn();
  await bareSync({ logger: { debug, warn: vi.fn(), error: vi.fn() } }).started('5');
  expect(debug).toHaveBeenCalledWith('apply', { topic: 'topic', revision: '5' });
});

it('a logger that throws harms nothing', async () => {
  const broken = (): never => {
    throw new Error('no disk');
  };
  const sync = bareSync({ logger: { debug: broken, warn: broken, error: broken } });
  await sync.started();
  await sync.emit(null);
  await sync.announce('2');
  expect(sync.pulls).toHaveLength(2);
});

it('createRevisionSync takes a provider and a subscriber that throw rather than reject', async () => {
  const error = new Error('at once');
  const handle = createRevisionSync({
    topic: 'topic',
    subscriber: { subscribe: async () => () => {} },
    provider: {
      getSnapshot() {
        throw error;
      },
    },
    applier: { apply() {} },
  });
  await expect(handle.start()).rejects.toBe(error);
});
