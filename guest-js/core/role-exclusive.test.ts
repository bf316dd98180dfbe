import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, pass, tick } from '../test/helpers.js';
import { roles } from '../test/role-setup.js';
import { pageOf } from './page.js';
import { PRIMARY } from './primary.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('I7: a state that names another holder demotes at once, and the page waits again', async () => {
  const { joined, holder } = roles();
  const a = await joined('a');
  const b = await joined('b');
  a.window.silence();
  await tick();
  expect([a.role.role(), b.role.role(), a.told.at(-1)]).toEqual([
    'secondary',
    'primary',
    ['secondary', 'b', '2'],
  ]);
  b.window.close();
  await tick();
  expect([holder()?.window, a.role.role(), a.role.term]).toEqual(['a', 'primary', '3']);
});

it('a primary that was dropped, and heard nothing, asks before it lives again', async () => {
  const { backend, joined, rule, fail } = roles();
  const a = await joined('a');
  const b = await joined('b');
  const deaf = fail({ kind: 'event', window: 'a' });
  a.window.silence();
  await tick();
  expect([a.role.role(), b.role.role()]).toEqual(['primary', 'primary']);
  const { session } = pageOf(a.window.transport);
  expect(backend.alive('a', session)).toBe(false);
  const answer = deferred<void>();
  rule({ kind: 'response', command: 'get_snapshot', window: 'a' }, () => answer.promise);
  a.window.wake();
  await pass(1000);
  expect(backend.alive('a', session)).toBe(false);
  answer.resolve();
  await tick();
  expect([a.role.role(), backend.alive('a', session)]).toEqual(['secondary', true]);
  deaf();
});

it('nobody held the role: a page that was dropped joins again by itself', async () => {
  const { joined } = roles();
  const a = await joined('a');
  a.window.silence();
  await tick();
  expect([a.role.role(), a.role.term]).toEqual(['primary', '2']);
  expect(a.told).toEqual([
    ['primary', 'a', '1'],
    ['secondary', undefined, undefined],
    ['primary', 'a', '2'],
  ]);
});

it('I6: what was pulled before the latest join was answered makes nobody primary', async () => {
  const { joined, rule, fail } = roles();
  const a = await joined('a');
  const b = await joined('b');
  // b is given the role, and loses it again, before it hears of either.
  const pulled = deferred<void>();
  const slow = rule(
    { kind: 'response', command: 'get_snapshot', window: 'b' },
    () => pulled.promise,
  );
  await a.role.leave();
  await tick();
  slow();
  const deaf = fail({ kind: 'event', window: 'b' });
  a.role.join();
  await tick();
  b.window.silence();
  await tick();
  expect(a.role.role()).toBe('primary');
  const joins = deferred<void>();
  rule({ kind: 'response', command: 'join_role', window: 'b' }, () => joins.promise);
  b.window.wake();
  await tick();
  pulled.resolve();
  await tick();
  expect([a.role.role(), b.role.role()]).toEqual(['primary', 'secondary']);
  joins.resolve();
  await tick();
  expect([b.role.role(), b.role.holder]).toEqual(['secondary', { window: 'a', term: '3' }]);
  deaf();
});

it('I7: a term that was given up is not taken up again, whatever the backend answers', async () => {
  const { joined, holder } = roles();
  const a = await joined('a');
  a.window.transport.leaveRole = async () => null;
  await a.role.leave();
  a.role.join();
  await pass(1000);
  expect([holder()?.window, a.role.role(), a.role.term]).toEqual(['a', 'secondary', undefined]);
});

it('a page out of the back/forward cache is not the old holder', async () => {
  const { joined, holder } = roles();
  const a = await joined('a');
  const before = pageOf(a.window.transport).session;
  a.window.hide(true);
  expect([a.role.role(), holder()]).toEqual(['secondary', null]);
  a.window.wake(true);
  await tick();
  expect(pageOf(a.window.transport).session).not.toBe(before);
  expect([a.role.role(), a.role.term]).toEqual(['primary', '2']);
  // Also where it did not notice that it was left.
  a.window.wake(true);
  expect(a.role.role()).toBe('secondary');
  await tick();
  expect([a.role.role(), a.role.term]).toEqual(['primary', '3']);
});

it.each([true, false])(
  'I11: shares its new session with the stores of its page (%j)',
  async (first) => {
    const { backend, roleIn, joined } = roles();
    backend.create('settings', 1);
    const window = backend.window('a');
    const role = roleIn(window);
    const settings = window.store('settings');
    if (first) role.role();
    await Promise.all([settings.ready, tick()]);
    role.role();
    await tick();
    await joined('b');
    window.hide(true);
    window.wake(true);
    await tick();
    const { session } = pageOf(window.transport);
    expect([backend.alive('a', session), backend.readers('settings')]).toEqual([true, ['a']]);
    expect([role.role(), role.holder?.window]).toEqual(['secondary', 'b']);
    expect(backend.readers(PRIMARY)).toEqual(['b', 'a']);
  },
);

it.each([
  null,
  { holder: null },
  { holder: { window: 'a', session: 's' } },
  { holder: { window: 'a', session: 's', term: '01' } },
  { holder: 'a' },
])('%j names nobody', async (data) => {
  const { joined, backend } = roles();
  const a = await joined('a');
  a.window.transport.joinRole = () => new Promise(() => {});
  backend.set(PRIMARY, data);
  await tick();
  expect([a.role.role(), a.role.holder]).toEqual(['secondary', undefined]);
});
