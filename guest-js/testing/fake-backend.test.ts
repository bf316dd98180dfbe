import { expect, it } from 'vitest';
import { PRIMARY } from '../core/primary.js';
import { kindOf } from '../test/helpers.js';
import { createFakeBackend } from './fake-backend.js';
import { settled, waitFor } from './wait-for.js';

it('an older session of a label does not take it over again', async () => {
  const backend = createFakeBackend({ topics: { a: 0, b: 0 } });
  const { transport } = backend.window('main');
  await transport.subscribe('a', 'old');
  await transport.subscribe('b', 'old');
  await transport.subscribe('a', 'new');
  expect([backend.readers('a'), backend.readers('b')]).toEqual([['main'], []]);
  await transport.subscribe('b', 'old');
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
  await window.transport.subscribe('a', 's');
  await window.transport.joinRole('s');
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
