import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred, outcome, pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import type { FakeWindow } from '../testing/index.js';
import { STOPPING_MS } from './candidate.js';
import { noopLogger } from './logger.js';
import { onError } from './on-error.js';
import { pageOf } from './page.js';
import { PRIMARY } from './primary.js';
import { createRole, type RoleOptions } from './role.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function roles() {
  const made = setup({ topics: {} });
  const roleIn = (window: FakeWindow, options?: RoleOptions) => window.role(options);
  return {
    ...made,
    roleIn,
    /** A window that has joined, and what it was told. */
    async joined(label: string, options: RoleOptions = {}) {
      const window = made.backend.window(label);
      const role = roleIn(window, options);
      const told: unknown[] = [];
      role.onRole((to, { term, window: by }) => void told.push([to, by, term]));
      await tick();
      return { window, role, told };
    },
    holder: () =>
      (made.backend.data(PRIMARY) as { holder: { window: string; term: string } | null }).holder,
  };
}

describe('joining', () => {
  it('happens on first use, and makes one page primary', async () => {
    const { backend, roleIn, joined, calls } = roles();
    const idle = roleIn(backend.window('idle'));
    await tick();
    expect([calls.all.length, backend.has(PRIMARY)]).toEqual([0, false]);
    const a = await joined('a');
    const b = await joined('b');
    expect([a.role.role(), a.role.term, a.role.holder]).toEqual([
      'primary',
      '1',
      { window: 'a', term: '1' },
    ]);
    expect([b.role.role(), b.role.term, b.role.holder]).toEqual([
      'secondary',
      undefined,
      { window: 'a', term: '1' },
    ]);
    expect([a.told, b.told]).toEqual([[['primary', 'a', '1']], [['secondary', 'a', '1']]]);
    expect(idle.role()).toBe('unknown');
  });

  it('I14: subscribes the page, with no call but the join', async () => {
    const { backend, joined, calls } = roles();
    await joined('a');
    expect([backend.readers(PRIMARY), calls.count({ command: 'subscribe' })]).toEqual([['a'], 0]);
    expect([
      calls.count({ command: 'join_role' }),
      calls.count({ command: 'get_snapshot' }),
    ]).toEqual([1, 1]);
  });

  it('is tried again until it succeeds, and what fails is told', async () => {
    const { rule, joined, errors } = roles();
    const heal = rule({ kind: 'request', command: 'join_role' }, () =>
      Promise.reject('Command plugin:lockstep|join_role not allowed by ACL'),
    );
    const { role, told } = await joined('a');
    await pass(1000);
    expect([role.role(), role.term, role.holder, told]).toEqual([
      'unknown',
      undefined,
      undefined,
      [],
    ]);
    expect(errors).toMatchObject([
      { phase: 'subscribe', topic: PRIMARY, attempt: 1, willRetry: true, nextDelayMs: 500 },
      { attempt: 2, nextDelayMs: 1000, error: { kind: 'denied', permission: 'lockstep:role' } },
    ]);
    heal();
    await pass(1000);
    expect(role.role()).toBe('primary');
  });

  it('I5: begins anew under another session where the backend takes the page for gone', async () => {
    const { rule, joined, holder, errors } = roles();
    const a = await joined('a');
    const before = pageOf(a.window.transport).session;
    const heal = rule({ kind: 'request', command: 'join_role' }, () =>
      Promise.reject({ kind: 'sessionEnded', message: 'gone' }),
    );
    await a.role.leave();
    a.role.join();
    await tick();
    heal();
    await pass(500);
    expect(pageOf(a.window.transport).session).not.toBe(before);
    expect(errors).toMatchObject([{ phase: 'subscribe', error: { kind: 'sessionEnded' } }]);
    expect([a.role.role(), holder()?.window]).toEqual(['primary', 'a']);
  });

  it('is tried again at once when the page wakes', async () => {
    const { joined, fail } = roles();
    const heal = fail({ kind: 'request', command: 'join_role' });
    const { role, window } = await joined('a');
    await pass(20_000);
    heal();
    window.wake();
    await tick();
    expect(role.role()).toBe('primary');
  });

  it('a page is one candidate, whoever asks', async () => {
    const { backend, roleIn } = roles();
    const window = backend.window('a');
    expect(roleIn(window)).toBe(roleIn(window, { whenHidden: 'yield' }));
    vi.resetModules();
    const copy = await import('./role.js');
    expect(copy.createRole(window.transport)).toBe(roleIn(window));
  });

  it('errors go to the app-wide handler where the role has none of its own', async () => {
    const { backend, fail } = roles();
    const { transport } = backend.window('a');
    const heard = vi.fn();
    onError(heard, transport);
    fail({ kind: 'request', command: 'join_role' });
    createRole(transport, { logger: noopLogger }).role();
    await tick();
    expect(heard.mock.calls).toMatchObject([[{ phase: 'subscribe', topic: PRIMARY }]]);
  });
});

describe('giving up', () => {
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
});

describe('never two at once', () => {
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
});

describe('hiding', () => {
  it('keeps the role', async () => {
    const { joined } = roles();
    const a = await joined('a');
    a.window.hide();
    await pass(1000);
    expect([a.role.role(), a.role.term]).toEqual(['primary', '1']);
  });

  it('yields it where that is asked for, and joins again when it is shown', async () => {
    const { joined } = roles();
    const a = await joined('a', { whenHidden: 'yield' });
    const b = await joined('b', { whenHidden: 'yield' });
    a.window.hide();
    expect(a.role.role()).toBe('secondary');
    await tick();
    expect(b.role.role()).toBe('primary');
    a.window.wake();
    b.window.hide();
    await tick();
    expect([a.role.role(), a.role.term, b.role.role()]).toEqual(['primary', '3', 'secondary']);
  });

  it('what wakes a page that stays hidden does not make it join', async () => {
    const { backend, roleIn, calls } = roles();
    const window = backend.window('a');
    let hidden = true;
    window.transport.hidden = () => hidden;
    const role = roleIn(window, { whenHidden: 'yield' });
    role.role();
    window.wake();
    await tick();
    expect(calls.count({ command: 'join_role' })).toBe(0);
    hidden = false;
    window.wake();
    await tick();
    expect(role.role()).toBe('primary');
  });
});
