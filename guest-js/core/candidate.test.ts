import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred, outcome, pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import { PRIMARY } from './primary.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const candidates = () => {
  const made = setup({ topics: {} });
  return { ...made, roleIn: (label: string) => made.backend.window(label).role() };
};

describe('looking on', () => {
  it('makes no candidate, and nobody is told of a role that there is not yet', async () => {
    const { backend, roleIn, calls, errors } = candidates();
    const role = roleIn('a');
    const seen: unknown[] = [];
    role.onHolder((next, previous) => seen.push([next?.window, previous?.window]));
    expect([role.holder, role.term]).toEqual([undefined, undefined]);
    await pass(1000);
    expect([backend.has(PRIMARY), calls.count({ command: 'join_role' }), errors]).toEqual([
      false,
      0,
      [],
    ]);
    roleIn('b').join();
    await tick();
    expect(role.holder).toEqual({ window: 'b', term: '1' });
    backend.window('c').role().join();
    await tick();
    expect([seen, calls.count({ command: 'join_role', window: 'a' })]).toEqual([
      [['b', undefined]],
      0,
    ]);
    role.join();
    await tick();
    expect([role.role(), calls.count({ command: 'join_role', window: 'a' })]).toEqual([
      'secondary',
      1,
    ]);
  });

  it('I8: asks again when the page wakes', async () => {
    const { backend, fail } = candidates();
    const window = backend.window('a');
    const role = window.role();
    role.onHolder(() => {});
    await tick();
    const deaf = fail({ kind: 'event' });
    backend.window('b').role().join();
    await tick();
    expect(role.holder).toBeUndefined();
    deaf();
    window.wake();
    await tick();
    expect(role.holder?.window).toBe('b');
  });

  it('who is secondary hears of each new holder', async () => {
    const { backend, roleIn } = candidates();
    const [a, b] = [backend.window('a'), backend.window('b')];
    const seen: unknown[] = [];
    a.role().join();
    await tick();
    b.role().join();
    const c = roleIn('c');
    c.onHolder((next, previous) => seen.push([next, previous]));
    c.onRole(() => {});
    await tick();
    a.close();
    await tick();
    const [first, second] = [
      { window: 'a', term: '1' },
      { window: 'b', term: '2' },
    ];
    expect([seen, c.role()]).toEqual([
      [
        [first, undefined],
        [second, first],
      ],
      'secondary',
    ]);
  });
});

describe('a listener that is added later', () => {
  it('is told what the page is, after the call, and once', async () => {
    const { roleIn } = candidates();
    const role = roleIn('a');
    role.join();
    await tick();
    const told = vi.fn();
    const stop = role.onRole(told);
    expect(told).not.toHaveBeenCalled();
    await tick();
    expect(told.mock.calls).toEqual([['primary', { term: '1', window: 'a' }]]);
    stop();
    role.onRole(told)();
    await tick();
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('hears only of the change where that comes first', async () => {
    const { roleIn } = candidates();
    const role = roleIn('a');
    role.join();
    await tick();
    const told = vi.fn();
    role.onRole(told);
    role.leave();
    await tick();
    expect(told.mock.calls.map(([to]) => to)).toEqual(['secondary']);
  });

  it('what it throws, or rejects with, is told', async () => {
    const { roleIn, errors } = candidates();
    const role = roleIn('a');
    role.join();
    await tick();
    role.onRole(() => {
      throw 'thrown';
    });
    role.onRole(() => Promise.reject('rejected'));
    await tick();
    expect(errors.map(({ error }) => error)).toEqual(['thrown', 'rejected']);
  });
});

describe('a call that hangs', () => {
  it('a join is sent again after a while', async () => {
    const { roleIn, drop, errors } = candidates();
    drop({ command: 'join_role' }, { times: 1 });
    const role = roleIn('a');
    role.join();
    await pass(10_499);
    expect([role.role(), errors]).toMatchObject([
      'unknown',
      [{ phase: 'subscribe', willRetry: true, nextDelayMs: 500, error: { kind: 'timeout' } }],
    ]);
    await pass(1);
    expect(role.role()).toBe('primary');
  });

  it('a leave is sent again, and others get the role', async () => {
    const { roleIn, drop } = candidates();
    const [a, b] = [roleIn('a'), roleIn('b')];
    a.join();
    await tick();
    b.join();
    await tick();
    drop({ command: 'leave_role' }, { times: 1 });
    const left = outcome(a.leave());
    await pass(10_499);
    expect([left.now, b.role()]).toEqual(['pending', 'secondary']);
    await pass(1);
    expect([left.now, b.role()]).toEqual(['resolved', 'primary']);
  });

  it('I6: no join is sent before every leave has been answered, lest a late one undo it', async () => {
    const { roleIn, rule, calls } = candidates();
    const role = roleIn('a');
    role.join();
    await tick();
    const arrives = deferred<void>();
    rule({ kind: 'request', command: 'leave_role' }, () => arrives.promise, { times: 1 });
    role.leave();
    await pass(10_500);
    role.join();
    await pass(60_000);
    expect([role.role(), calls.count({ command: 'join_role' })]).toEqual(['secondary', 1]);
    arrives.resolve();
    await tick();
    expect([role.role(), role.term]).toEqual(['primary', '2']);
  });

  it('I6: a join that arrives after the leave is left again', async () => {
    const { backend, roleIn, rule } = candidates();
    const arrives = deferred<void>();
    rule({ kind: 'request', command: 'join_role' }, () => arrives.promise, { times: 1 });
    const role = roleIn('a');
    role.join();
    await tick();
    const left = outcome(role.leave());
    await pass(11_000);
    expect(left.now).toBe('resolved');
    arrives.resolve();
    await tick();
    expect([role.role(), backend.data(PRIMARY)]).toEqual(['secondary', { holder: null }]);
  });
});
