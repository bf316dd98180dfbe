import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  createTauriAdminTransport,
  createTauriFlushTransport,
  createTauriInvalidationSubscriber,
  createTauriRevisionSync,
  createTauriRoleTransport,
  createTauriSnapshotProvider,
  createTauriTransport,
  defineRole,
  defineTopic,
  defineTopicFamily,
  flush,
  listTopics,
  removeTopic,
  type TauriInvoke,
  type TauriListen,
} from './tauri.js';
import { outcome, tick } from './test/helpers.js';
import { createFakeBackend } from './testing/fake-backend.js';

const api = vi.hoisted(() => ({ invoke: vi.fn(), listen: vi.fn() }));
vi.mock('@tauri-apps/api/core', () => ({
  invoke: api.invoke,
  convertFileSrc: (path: string, scheme: string) => `${scheme}://localhost/${path}`,
}));
vi.mock('@tauri-apps/api/event', () => ({ listen: api.listen }));

class Page extends EventTarget {
  visibilityState = 'visible';
}

const page = new Page();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('window', page);
  vi.stubGlobal('document', page);
  vi.stubGlobal('__TAURI_INTERNALS__', { metadata: { currentWebview: { label: 'main' } } });
  api.listen.mockReset().mockResolvedValue(() => {});
  api.invoke.mockReset().mockResolvedValue({ revision: '1', data: 'first' });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('waits for a state at once, and throws where there is none', () => {
  const asked: unknown[] = [];
  const answer = { status: 200, responseText: '{"revision":"1","data":2}' };
  class Request {
    open = (...args: unknown[]) => void asked.push(args);
    send = () => void Object.assign(this, answer);
  }
  vi.stubGlobal('XMLHttpRequest', Request);
  const { getSnapshotNow } = createTauriTransport();
  expect(getSnapshotNow?.('drafts/ä')).toEqual({ revision: '1', data: 2 });
  expect(asked).toEqual([['GET', 'lockstep://localhost/?topic=drafts%2F%C3%A4', false]]);
  answer.status = 403;
  expect(() => getSnapshotNow?.('a')).toThrow('403');
  answer.status = 504;
  expect(() => getSnapshotNow?.('a')).toThrow('504');
  answer.status = 200;
  const before = asked.length;
  expect(() => getSnapshotNow?.('b')).toThrow('late');
  expect(asked.length).toBe(before);
  vi.advanceTimersByTime(1000);
  expect(getSnapshotNow?.('b')).toEqual({ revision: '1', data: 2 });
});

it('calls the commands of PROTOCOL.md', async () => {
  const transport = createTauriTransport();
  expect(transport.label).toBe('main');
  await transport.getSnapshot('a');
  await transport.getSnapshot('a', '3' as never);
  await transport.write({ topic: 'a', session: 's', seq: 1, set: null });
  await transport.subscribe('a', 's');
  await transport.unsubscribe('a', 's');
  expect(api.invoke.mock.calls).toEqual([
    ['plugin:lockstep|get_snapshot', { topic: 'a' }],
    ['plugin:lockstep|get_snapshot', { topic: 'a', since: '3' }],
    ['plugin:lockstep|write', { topic: 'a', session: 's', seq: 1, set: null }],
    ['plugin:lockstep|subscribe', { topic: 'a', session: 's' }],
    ['plugin:lockstep|unsubscribe', { topic: 'a', session: 's' }],
  ]);
  const heard = vi.fn();
  await transport.listen('a', heard);
  const [event, handler] = api.listen.mock.calls[0] as [string, (e: object) => void];
  handler({ payload: null });
  expect(event).toBe('a:invalidated');
  expect(heard).toHaveBeenCalledExactlyOnceWith(null);
});

it('calls the commands of topics with a life, and of the role', async () => {
  const admin = createTauriAdminTransport();
  const role = createTauriRoleTransport();
  expect([admin.label, role.label]).toEqual(['main', 'main']);
  await admin.createTopic({ topic: 'jobs/1', session: 's', initial: 0 });
  await admin.createTopic({ family: 'jobs', session: 's' });
  await admin.removeTopic('jobs/1');
  await admin.listTopics();
  await admin.listTopics('jobs/');
  await role.joinRole('s');
  await role.leaveRole('s');
  expect(api.invoke.mock.calls).toEqual([
    ['plugin:lockstep|create_topic', { topic: 'jobs/1', session: 's', initial: 0 }],
    ['plugin:lockstep|create_topic', { family: 'jobs', session: 's' }],
    ['plugin:lockstep|remove_topic', { topic: 'jobs/1' }],
    ['plugin:lockstep|list_topics', {}],
    ['plugin:lockstep|list_topics', { prefix: 'jobs/' }],
    ['plugin:lockstep|join_role', { session: 's' }],
    ['plugin:lockstep|leave_role', { session: 's' }],
  ]);
});

it('flushes by a command', async () => {
  api.invoke.mockResolvedValueOnce({ revision: '7' });
  expect(await flush('settings')).toBe('7');
  expect(api.invoke).toHaveBeenCalledExactlyOnceWith('plugin:lockstep|flush', {
    topic: 'settings',
  });
});

it('families, lists and removals go to Tauri', async () => {
  api.invoke.mockResolvedValueOnce({ topic: 'jobs/1', revision: '1', data: 'first' });
  const jobs = defineTopicFamily<string>('jobs');
  const job = await jobs.create({ id: '1', initial: 'first' });
  expect([job.topic, job.get()]).toEqual(['jobs/1', 'first']);
  expect(api.listen.mock.calls[0]?.[0]).toBe('jobs/1:invalidated');
  job.close();
  api.invoke.mockResolvedValueOnce(['jobs/1']);
  expect(await listTopics({ prefix: 'jobs/' })).toEqual(['jobs/1']);
  api.invoke.mockResolvedValueOnce({ removed: true });
  expect(await removeTopic('jobs/1')).toBe(true);
});

it('defining a role touches nothing; a page has one', async () => {
  vi.unstubAllGlobals();
  const role = defineRole();
  await tick();
  expect([api.invoke.mock.calls, api.listen.mock.calls]).toEqual([[], []]);
  expect(defineRole({ whenHidden: 'yield' })).toBe(role);
});

it('notices that the page is hidden, or left, until it is told to stop', () => {
  const transport = createTauriRoleTransport();
  const handler = vi.fn();
  const stop = transport.onHide?.(handler);
  page.visibilityState = 'hidden';
  page.dispatchEvent(new Event('visibilitychange'));
  expect(transport.hidden?.()).toBe(true);
  page.visibilityState = 'visible';
  page.dispatchEvent(new Event('visibilitychange'));
  expect(transport.hidden?.()).toBe(false);
  page.dispatchEvent(new Event('pagehide'));
  stop?.();
  page.dispatchEvent(new Event('pagehide'));
  expect(handler.mock.calls).toEqual([[{ leaving: false }], [{ leaving: true }]]);
});

it('defining a topic touches nothing, also where there is no window', async () => {
  vi.unstubAllGlobals();
  const store = defineTopic('untouched');
  await tick();
  expect(store.status).toBe('idle');
  expect(createTauriTransport().label).toBe('');
  expect(api.invoke).not.toHaveBeenCalled();
  expect(api.listen).not.toHaveBeenCalled();
});

it('defineTopic is the store over Tauri', async () => {
  const store = defineTopic<string>('topic-a');
  await store.ready;
  expect(store.get()).toBe('first');
  expect(api.listen.mock.calls[0]?.[0]).toBe('topic-a:invalidated');
  api.invoke.mockResolvedValue({ revision: '2', data: 'second' });
  expect(await store.set('second')).toBe('2');
  const request = api.invoke.mock.calls.at(-1)?.[1];
  expect(request).toMatchObject({ topic: 'topic-a', seq: 1, since: '1', set: 'second' });
  store.close();
});

it('a refusal of Tauri becomes denied, for each of the calls', async () => {
  api.listen.mockRejectedValue('Command plugin:event|listen not allowed by ACL');
  const onError = vi.fn();
  const store = defineTopic<string>('topic-b', {
    onError,
    logger: { debug() {}, warn() {}, error() {} },
  });
  store.get();
  await tick();
  expect(store.status).toBe('denied');
  const listening = onError.mock.calls[0]?.[0].error;
  expect(listening).toMatchObject({ kind: 'denied', permission: 'core:event:allow-listen' });
  api.invoke.mockRejectedValue('Command plugin:lockstep|write not allowed by ACL');
  await expect(store.set('x')).rejects.toMatchObject({
    kind: 'denied',
    window: 'main',
    permission: 'lockstep:write',
  });
  store.close();
});

it.each<[string, () => void, boolean]>([
  ['focus', () => page.dispatchEvent(new Event('focus')), false],
  ['on-line', () => page.dispatchEvent(new Event('online')), false],
  ['the plugin’s word', () => page.dispatchEvent(new Event('tauri-plugin-lockstep:wake')), false],
  ['shown', () => page.dispatchEvent(new Event('visibilitychange')), false],
  [
    'back/forward cache',
    () => page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true })),
    true,
  ],
])('wakes on %s, until it is told to stop', (_, happen, restored) => {
  const handler = vi.fn();
  const stop = createTauriTransport().onWake?.(handler);
  happen();
  expect(handler).toHaveBeenCalledExactlyOnceWith({ restored });
  stop?.();
  happen();
  expect(handler).toHaveBeenCalledTimes(1);
});

it('does not wake when it is hidden, nor when the page is shown for the first time', () => {
  const handler = vi.fn();
  const stop = createTauriTransport().onWake?.(handler);
  page.visibilityState = 'hidden';
  page.dispatchEvent(new Event('visibilitychange'));
  page.visibilityState = 'visible';
  page.dispatchEvent(new Event('pageshow'));
  expect(handler).not.toHaveBeenCalled();
  stop?.();
});

it('a revision sync talks to this plugin unless told otherwise', async () => {
  const apply = vi.fn();
  const sync = createTauriRevisionSync({ topic: 'a', applier: { apply } });
  await sync.start();
  expect(api.listen.mock.calls[0]?.[0]).toBe('a:invalidated');
  expect(api.invoke).toHaveBeenCalledExactlyOnceWith('plugin:lockstep|get_snapshot', {
    topic: 'a',
  });
  expect(apply).toHaveBeenCalledExactlyOnceWith({ revision: '1', data: 'first' });
  sync.stop();
});

it('I8: a revision sync asks again when the page wakes, and needs no page', async () => {
  const sync = createTauriRevisionSync({ topic: 'a', applier: { apply() {} } });
  await sync.start();
  page.dispatchEvent(new Event('focus'));
  await tick();
  expect(api.invoke).toHaveBeenCalledTimes(2);
  sync.stop();
  await tick();
  page.dispatchEvent(new Event('focus'));
  await tick();
  expect(api.invoke).toHaveBeenCalledTimes(2);
  vi.stubGlobal('window', undefined);
  vi.stubGlobal('document', undefined);
  const inWorker = createTauriRevisionSync({ topic: 'a', applier: { apply() {} } });
  await inWorker.start();
  inWorker.stop();
});

it('a revision sync talks to a backend of one’s own', async () => {
  const invoke = vi.fn(async () => ({ revision: '4', data: 1 }));
  const listen = vi.fn(async (_: string, __: (event: { payload: never }) => void) => () => {});
  const sync = createTauriRevisionSync<number>({
    topic: 'a',
    applier: { apply() {} },
    listen: listen as unknown as TauriListen,
    invoke: invoke as unknown as TauriInvoke,
    eventName: 'a-changed',
    commandName: 'read_a',
    args: { id: 1 },
  });
  await sync.start();
  expect(invoke).toHaveBeenCalledExactlyOnceWith('read_a', { id: 1 });
  expect(listen.mock.calls[0]?.[0]).toBe('a-changed');
  listen.mock.calls[0]?.[1]({ payload: { topic: 'a', revision: '5' } as never });
  await tick();
  expect(invoke).toHaveBeenCalledTimes(2);
  expect(api.invoke).not.toHaveBeenCalled();
  sync.stop();
});

it('a bare sync rejects with Tauri’s own words', async () => {
  api.listen.mockRejectedValue('Command plugin:event|listen not allowed by ACL');
  const sync = createTauriRevisionSync({ topic: 'a', applier: { apply() {} } });
  const starting = outcome(sync.start());
  await tick();
  expect(starting.now).toBe('Command plugin:event|listen not allowed by ACL');
});

it('the parts stand alone', async () => {
  await createTauriInvalidationSubscriber({ eventName: 'e' }).subscribe(() => {});
  expect(api.listen.mock.calls[0]?.[0]).toBe('e');
  await createTauriSnapshotProvider({ topic: 'a' }).getSnapshot();
  expect(api.invoke).toHaveBeenCalledExactlyOnceWith('plugin:lockstep|get_snapshot', {
    topic: 'a',
  });
});

it('the fake backend stands in for Tauri’s transport', async () => {
  const backend = createFakeBackend({ topics: { a: 1 } });
  const { transport } = backend.window('main');
  const ours = {
    ...createTauriAdminTransport(),
    ...createTauriRoleTransport(),
    ...createTauriFlushTransport(),
  };
  expect(
    Object.keys(transport)
      .filter((key) => key !== 'scope')
      .sort(),
  ).toEqual(Object.keys(ours).sort());
});
