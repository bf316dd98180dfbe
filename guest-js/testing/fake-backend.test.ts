import { afterEach, expect, it, vi } from 'vitest';
import { pageOf } from '../core/page.js';
import { PRIMARY } from '../core/primary.js';
import { kindOf } from '../test/helpers.js';
import { createFakeBackend } from './fake-backend.js';
import { settled, waitFor } from './wait-for.js';

afterEach(() => void vi.useRealTimers());

it('an older session of a label does not take it over again', async () => {
  const backend = createFakeBackend({ topics: { a: 0, b: 0 } });
  const { transport } = backend.window('main');
  await transport.subscribe('a', 'old');
  await transport.subscribe('b', 'old');
  await transport.subscribe('a', 'new');
  expect([backend.readers('a'), backend.readers('b')]).toEqual([['main'], []]);
  await expect(transport.subscribe('b', 'old')).rejects.toMatchObject({
    kind: 'sessionEnded',
    window: 'main',
    session: 'old',
  });
  await transport.unsubscribe('a', 'old');
  expect([backend.readers('a'), backend.readers('b')]).toEqual([['main'], []]);
  expect([backend.alive('main', 'old'), backend.alive('main', 'new')]).toEqual([false, true]);
});

it('a page that was silent lives again by subscribing; one that left does not', async () => {
  const backend = createFakeBackend({ topics: { a: 0 } });
  const window = backend.window('main');
  await window.transport.subscribe('a', 's');
  window.silence();
  expect(backend.readers('a')).toEqual([]);
  await window.transport.subscribe('a', 's');
  expect(backend.readers('a')).toEqual(['main']);
  window.hide(true);
  for (const call of [
    window.transport.subscribe('a', 's'),
    window.transport.subscribe('a', 's', { deliver: true }),
    window.transport.joinRole('s'),
  ]) {
    expect(await kindOf(call)).toBe('sessionEnded');
  }
  expect(await window.transport.leaveRole('s')).toBeNull();
  expect([backend.readers('a'), backend.has(PRIMARY)]).toEqual([[], false]);
});

it('subscriptions end with the topic, and its revisions go on', async () => {
  const backend = createFakeBackend({ topics: { a: 0 }, families: { jobs: 0 } });
  const { transport } = backend.window('main');
  await transport.subscribe('a', 's');
  expect([backend.remove('a'), backend.remove('a'), backend.has('a')]).toEqual([
    true,
    false,
    false,
  ]);
  expect(await kindOf(transport.getSnapshot('a'))).toBe('unknownTopic');
  backend.create('a', 1);
  expect([backend.readers('a'), backend.revision('a'), backend.data('a')]).toEqual([[], '3', 1]);
});

it('creates what a family covers, and nothing else', async () => {
  const backend = createFakeBackend({ topics: { a: 0 }, families: { jobs: 'new' } });
  const { transport } = backend.window('main');
  const create = (request: object) => transport.createTopic({ session: 's', ...request });
  expect(await create({ topic: 'jobs/1' })).toEqual({
    topic: 'jobs/1',
    revision: '2',
    data: 'new',
  });
  expect(await create({ family: 'jobs', initial: 7 })).toEqual({
    topic: 'jobs/0000000000000001',
    revision: '3',
    data: 7,
  });
  expect(await kindOf(create({ topic: 'jobs/1' }))).toBe('alreadyExists');
  for (const request of [{ topic: 'jobs/' }, { topic: 'jobs/a/b' }, { family: 'tasks' }]) {
    expect(await kindOf(create(request))).toBe('invalidRequest');
  }
  expect(await kindOf(create({ topic: 'jobs/ö' }))).toBe('invalidTopic');
  expect(await transport.listTopics('jobs/')).toEqual(['jobs/0000000000000001', 'jobs/1']);
  expect(await transport.listTopics()).toHaveLength(3);
});

it('the role goes to whoever waits longest, with a higher term each time', async () => {
  const backend = createFakeBackend({ topics: {} });
  const windows = ['a', 'b', 'c'].map((label) => backend.window(label));
  const holder = () => (backend.data(PRIMARY) as { holder: unknown }).holder;
  for (const { label, transport } of windows) await transport.joinRole(label);
  expect(holder()).toEqual({ window: 'a', session: 'a', term: '1' });
  await windows[0]?.transport.leaveRole('a');
  await windows[0]?.transport.joinRole('a');
  expect(holder()).toEqual({ window: 'b', session: 'b', term: '2' });
  windows[2]?.silence();
  windows[1]?.close();
  expect(holder()).toEqual({ window: 'a', session: 'a', term: '3' });
  windows[0]?.close();
  expect(holder()).toBeNull();
});

it('a store and a role go on under a new session where the backend takes their page for gone', async () => {
  vi.useFakeTimers();
  const backend = createFakeBackend({ topics: { a: 0 } });
  const window = backend.window('main');
  const store = window.store<number>('a');
  const role = window.role();
  role.join();
  await settled(store);
  await waitFor(() => role.role() === 'primary');
  const { session } = pageOf(window.transport);
  // Another page of the window: this one was replaced, and does not know.
  await backend.window('main').transport.subscribe('a', 'another');
  expect([backend.alive('main', session), role.term]).toEqual([false, '1']);
  await waitFor(() => role.term === '2');
  window.wake();
  await waitFor(() => backend.alive('main', pageOf(window.transport).session));
  backend.set('a', 1);
  await settled(backend);
  expect([store.get(), backend.readers('a')]).toEqual([1, ['main']]);
});

it('refuses what more calls than may be under way at the hooks ask for', async () => {
  const backend = createFakeBackend({ topics: { a: 0, b: 0 }, families: { jobs: 0 } });
  const { transport } = backend.window('main');
  const hooks = backend.hold({ kind: 'hook' });
  const write = (session: string, topic = 'a') =>
    kindOf(transport.write({ topic, session, seq: 1, set: 1 }));
  const writes = Array.from({ length: 16 }, (_, n) => write(`s${n}`));
  expect(await write('one-more')).toBe('busy');
  expect(await kindOf(transport.removeTopic('a'))).toBe('busy');
  expect(await kindOf(transport.getSnapshot('a'))).toBe('resolved');
  // The topics are many, the window is one.
  const creations = Array.from({ length: 48 }, () =>
    kindOf(transport.createTopic({ family: 'jobs', session: 's' })),
  );
  expect(await write('s', 'b')).toBe('busy');
  expect(hooks.waiting).toHaveLength(64);
  expect(hooks.waiting[0]).toMatchObject({ window: 'main', topic: 'a', command: 'write' });
  expect([backend.data('a'), backend.has('jobs/0000000000000001')]).toEqual([0, false]);
  // Another window is not held up.
  hooks.stop();
  const other = backend.window('other').transport;
  expect(await other.write({ topic: 'a', session: 'o', seq: 1, set: 2 })).toMatchObject({
    data: 2,
  });
  hooks.deliver();
  expect(await write('s', 'b')).toBe('resolved');
  hooks.deliverAll();
  await Promise.all([...writes, ...creations]);
  expect(backend.has('jobs/0000000000000030')).toBe(true);
});

it('a write that a hook refuses, or that is not allowed, changes nothing', async () => {
  const backend = createFakeBackend({ topics: { a: 0 } });
  const { transport } = backend.window('main');
  const write = (set: number) =>
    kindOf(transport.write({ topic: 'a', session: 's', seq: set, set }));
  const why = { kind: 'rejected', topic: 'a', code: 'timeout', reason: 'too slow' };
  const heal = backend.fail({ kind: 'hook' }, { error: why });
  expect(await write(1)).toBe('rejected');
  const allow = backend.deny({ window: 'main', access: 'write' });
  expect(await write(2)).toBe('denied');
  allow();
  heal();
  expect(backend.revision('a')).toBe('1');
  expect(await write(3)).toBe('resolved');
  expect(backend.data('a')).toBe(3);
});

it('nobody creates, writes or removes the topic of the role', async () => {
  const backend = createFakeBackend({ topics: {}, families: {} });
  const { transport } = backend.window('main');
  const reserved = { kind: 'rejected', topic: PRIMARY, code: 'reserved' };
  const write = () => transport.write({ topic: PRIMARY, session: 's', seq: 1, set: {} });
  await expect(write()).rejects.toMatchObject(reserved);
  const creation = transport.createTopic({ topic: PRIMARY, session: 's' });
  await expect(creation).rejects.toMatchObject(reserved);
  await expect(transport.removeTopic(PRIMARY)).rejects.toMatchObject(reserved);
  await transport.joinRole('s');
  await expect(write()).rejects.toMatchObject(reserved);
  await expect(transport.removeTopic(PRIMARY)).rejects.toMatchObject(reserved);
  expect(backend.data(PRIMARY)).toMatchObject({ holder: { window: 'main', term: '1' } });
});

it('a page that the app refuses is told so when it lists topics; what it may not read is left out', async () => {
  const backend = createFakeBackend({ topics: { 'a/1': 0, 'a/2': 0 } });
  const { transport } = backend.window('main');
  const why = { code: 'guest', reason: 'Sign in first' };
  backend.deny({ topic: 'a/1' }, why);
  backend.deny({ window: 'other' }, why);
  expect(await transport.listTopics('a/')).toEqual(['a/2']);
  const allow = backend.deny({ window: 'main' }, why);
  const refusal = { kind: 'denied', window: 'main', ...why };
  await expect(transport.listTopics('a/')).rejects.toMatchObject({ ...refusal, topic: 'a/*' });
  await expect(transport.listTopics()).rejects.toMatchObject({ ...refusal, topic: '*' });
  allow();
  // A capability that is missing grants nothing, and is no refusal.
  backend.deny({ window: 'main' });
  expect(await transport.listTopics()).toEqual([]);
});

it('keeps what was called and what came of it, and what was announced', async () => {
  const backend = createFakeBackend({ topics: { a: 0, b: 0 } });
  const [main, other] = [backend.window('main'), backend.window('other')];
  await main.transport.listen('a', () => {});
  await main.transport.write({ topic: 'a', session: 's', seq: 1, set: 1 });
  await kindOf(other.transport.getSnapshot('c'));
  expect(backend.calls.all.map(({ command, window }) => [command, window])).toEqual([
    ['listen', 'main'],
    ['write', 'main'],
    ['get_snapshot', 'other'],
  ]);
  const write = backend.calls.last({ command: 'write' });
  expect([write?.args.set, write?.answer]).toEqual([1, { revision: '3', data: 1 }]);
  expect(backend.calls.last()?.error).toMatchObject({ kind: 'unknownTopic' });
  expect([backend.calls.count({ window: 'main' }), backend.calls.count({ topic: 'b' })]).toEqual([
    2, 0,
  ]);
  expect(backend.announced.of('a')).toMatchObject([
    { payload: { revision: '3', sourceId: 'main' }, windows: ['main'] },
  ]);
  backend.calls.clear();
  backend.announced.clear();
  expect([backend.calls.all, backend.announced.all]).toEqual([[], []]);
});

it('writes of the backend build on what is there', () => {
  const backend = createFakeBackend({ topics: { list: ['a'] } });
  backend.update<string[]>('list', (list) => [...list, 'b']);
  expect([backend.data('list'), backend.revision('list')]).toEqual([['a', 'b'], '2']);
});

it('denies while it is told to, by capability or by the app', async () => {
  const backend = createFakeBackend({ topics: { a: 0 } });
  const store = backend.window('main').store<number>('a');
  await store.ready;
  const allow = backend.deny({ window: 'main', access: 'write' });
  await expect(store.set(1)).rejects.toMatchObject({ permission: 'lockstep:write' });
  backend.deny({ topic: 'a', access: 'read' }, { code: 'guest', reason: 'Sign in first' });
  backend.reauthorize();
  await waitFor(() => store.status === 'denied');
  expect(backend.errors.at(-1)?.error).toMatchObject({ kind: 'denied', code: 'guest' });
  allow();
  expect(await store.set(2)).toBe('3');
  store.close();
});

it('a page that reloads is another; one that crashes is missed only later', async () => {
  const backend = createFakeBackend({ topics: { a: 0 } });
  const page = backend.window('main');
  const store = page.store<number>('a');
  await settled(store);
  const next = page.reload();
  expect([next.label, backend.readers('a')]).toEqual(['main', []]);
  const after = next.store<number>('a');
  await settled(after);
  backend.set('a', 1);
  await settled(backend);
  expect([store.get(), after.get(), page.listeners('a')]).toEqual([0, 1, 0]);
  next.crash();
  backend.set('a', 2);
  await settled(backend);
  expect([after.get(), backend.readers('a')]).toEqual([1, ['main']]);
  next.silence();
  expect(backend.readers('a')).toEqual([]);
});

it('its windows have families and a role, too', async () => {
  const backend = createFakeBackend({ topics: {}, families: { jobs: 0 } });
  const window = backend.window('main');
  const job = await window.family<number>('jobs').create({ id: '1', initial: 5 });
  expect(job.get()).toBe(5);
  const role = window.role();
  role.join();
  await waitFor(() => role.role() === 'primary');
});
