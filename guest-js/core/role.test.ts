import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { roles } from '../test/role-setup.js';
import { noopLogger } from './logger.js';
import { onError } from './on-error.js';
import { pageOf } from './page.js';
import { PRIMARY } from './primary.js';
import { createRole } from './role.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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
