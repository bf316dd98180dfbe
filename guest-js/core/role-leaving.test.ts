import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, outcome, pass, tick } from '../test/helpers.js';
import { roles } from '../test/role-setup.js';
import { STOPPING_MS } from './candidate.js';
import { PRIMARY } from './primary.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells the listeners first, and the backend when they have stopped', async () => {
  const { joined, holder } = roles();
  const a = await joined('a');
  const b = await joined('b');
  const stopped = deferred<void>();
  a.role.onRole(() => stopped.promise);
  const left = outcome(a.role.leave());
  expect([a.role.role(), a.role.term, a.told.at(-1)]).toEqual([
    'secondary',
    undefined,
    ['secondary', 'a', '1'],
  ]);
  await pass(STOPPING_MS - 1);
  expect([holder()?.window, left.now, b.role.role()]).toEqual(['a', 'pending', 'secondary']);
  stopped.resolve();
  await tick();
  expect([holder()?.window, left.now, b.role.role(), b.role.term]).toEqual([
    'b',
    'resolved',
    'primary',
    '2',
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

it('waits for them no longer than 5 s', async () => {
  const { joined, holder } = roles();
  const a = await joined('a');
  await joined('b');
  a.role.onRole(() => new Promise(() => {}));
  void a.role.leave();
  await pass(STOPPING_MS - 1);
  expect(holder()?.window).toBe('a');
  await pass(1);
  expect(holder()?.window).toBe('b');
});

it('goes on where listeners throw or reject, and says so', async () => {
  const { joined, holder, errors } = roles();
  const a = await joined('a');
  await joined('b');
  const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
  a.role.onRole(() => {
    throw thrown;
  });
  a.role.onRole(() => Promise.reject(rejected));
  await a.role.leave();
  expect([holder()?.window, a.told.length]).toEqual(['b', 2]);
  expect(errors).toMatchObject([
    { phase: 'apply', error: thrown, topic: PRIMARY },
    { phase: 'apply', error: rejected },
  ]);
});

it('is for good, until the page joins again with a higher term', async () => {
  const { joined } = roles();
  const a = await joined('a');
  await a.role.leave();
  a.window.wake();
  await pass(100_000);
  expect([a.role.role(), a.role.holder]).toEqual(['secondary', undefined]);
  a.role.join();
  await tick();
  expect([a.role.role(), a.role.term]).toEqual(['primary', '2']);
});

it('before the first use joins nothing', async () => {
  const { backend, roleIn, calls } = roles();
  const role = roleIn(backend.window('a'));
  await role.leave();
  role.role();
  await tick();
  expect([role.role(), calls.all.length]).toEqual(['unknown', 0]);
  role.join();
  await tick();
  expect(role.role()).toBe('primary');
});

it('while the join is under way gives back what that brings', async () => {
  const { joined, rule, holder } = roles();
  const answer = deferred<void>();
  rule({ kind: 'response', command: 'join_role', window: 'a' }, () => answer.promise);
  const a = await joined('a');
  const left = outcome(a.role.leave());
  const b = await joined('b');
  expect([holder()?.window, left.now]).toEqual(['a', 'pending']);
  answer.resolve();
  await tick();
  expect([holder()?.window, left.now, b.role.role()]).toEqual(['b', 'resolved', 'primary']);
  expect(a.told.flat()).not.toContain('primary');
});

it('is tried again until the backend knows', async () => {
  const { joined, holder, fail } = roles();
  const a = await joined('a');
  await joined('b');
  const heal = fail({ command: 'leave_role' });
  const left = outcome(a.role.leave());
  a.role.join();
  await pass(3000);
  expect([holder()?.window, left.now, a.role.role()]).toEqual(['a', 'pending', 'secondary']);
  heal();
  await pass(30_000);
  expect([holder()?.window, left.now, a.role.role()]).toEqual(['b', 'resolved', 'secondary']);
});

it('a listener that leaves makes news of its own: all hear both, in order', async () => {
  const { backend, roleIn } = roles();
  const role = roleIn(backend.window('a'));
  const told: string[] = [];
  role.onRole((to) => {
    if (to === 'primary') void role.leave();
  });
  const stop = role.onRole((to) => void told.push(to));
  await tick();
  expect(told).toEqual(['primary', 'secondary']);
  stop();
  role.join();
  await tick();
  expect(told).toHaveLength(2);
});
