import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, pass, tick } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { attach, IDLE_LISTENERS, relink, WAKE_MS } from './link.js';
import { enqueue, pageOf, pageTopicOf } from './page.js';
import { PRIMARY } from './primary.js';

const noError = (error: unknown): never => {
  throw error;
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('I11: a page has one session, of the allowed form, whoever asks first', () => {
  const scope = {};
  const { session } = pageOf({ scope });
  expect(session).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  expect(pageOf({ scope }).session).toBe(session);
  expect(pageOf({ scope: {} }).session).not.toBe(session);
  expect(pageOf({})).toBe(pageOf({ scope: globalThis }));
});

it('I11: what another version of the package has left there is kept, and filled in', () => {
  const topic = { seq: 41, later: 'field' };
  const topics = new Map([['a', topic]]);
  const page = { version: 3, session: 'theirs', topics, extra: 1 };
  const scope = { [Symbol.for('tauri-plugin-lockstep')]: page };
  expect(pageOf({ scope })).toBe(page);
  const entry = pageTopicOf(pageOf({ scope }), 'a');
  expect(entry).toBe(topic);
  expect(entry).toMatchObject({ seq: 41, readers: 0, later: 'field' });
});

it('I11: one job of a topic at a time, in the order of the calls, failed ones included', async () => {
  const entry = pageTopicOf(pageOf({ scope: {} }), 'a');
  const log: string[] = [];
  const first = deferred<void>();
  const one = enqueue(entry, async () => {
    log.push('one begins');
    await first.promise;
    log.push('one ends');
    throw new Error('one failed');
  });
  const two = enqueue(entry, async () => log.push('two'));
  await tick();
  expect(log).toEqual(['one begins']);
  first.resolve();
  await expect(one).rejects.toThrow('one failed');
  await two;
  expect(log).toEqual(['one begins', 'one ends', 'two']);
});

it('I14: all handles share one listener, which is kept once it is made', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  const page = backend.window('main');
  const heard = [vi.fn(), vi.fn()];
  const stops = await Promise.all(
    heard.map((handler) => attach(page.transport, 'a', handler, vi.fn(), noError)),
  );
  expect(page.listeners('a')).toBe(1);
  backend.set('a', 1);
  await tick();
  expect(heard.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);

  for (const stop of stops) stop();
  backend.set('a', 2);
  await tick();
  expect(heard.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  expect(page.listeners('a')).toBe(1);

  await attach(page.transport, 'a', vi.fn(), vi.fn(), noError);
  expect(page.listeners('a')).toBe(1);
});

it('I14: of the topics that nobody needs any more, the last are listened to, and the rest forgotten', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: {}, families: { jobs: 0 } });
  const page = backend.window('main');
  const names = Array.from({ length: 3 * IDLE_LISTENERS }, (_, i) => `jobs/${i}`);
  const listening = () => names.filter((name) => page.listeners(name));
  for (const name of names) {
    backend.create(name, 0);
    const stop = await attach(page.transport, name, vi.fn(), vi.fn(), noError);
    stop();
    await tick();
  }
  const kept = names.slice(-IDLE_LISTENERS);
  expect(listening()).toEqual(kept);
  expect([...pageOf(page.transport).topics.keys()]).toEqual(kept);
  // One that is used again is not the next to go.
  const [longest = '', next = ''] = kept;
  const heard = vi.fn();
  await attach(page.transport, longest, heard, vi.fn(), noError);
  const stop = await attach(page.transport, names[0] as string, vi.fn(), vi.fn(), noError);
  stop();
  await tick();
  backend.set(longest, 1);
  await tick();
  expect([heard.mock.calls.length, page.listeners(longest), page.listeners(next)]).toEqual([
    1, 1, 1,
  ]);
});

it('I11: a topic that was forgotten goes on above the numbers that it had', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 }, families: { jobs: 0 } });
  const window = backend.window('main');
  const write = async () => {
    const store = window.store<number>('a');
    await store.update((n) => n + 1);
    store.close();
    await tick();
  };
  await write();
  await write();
  for (let i = 0; i < IDLE_LISTENERS; i++) {
    backend.create(`jobs/${i}`, 0);
    const stop = await attach(window.transport, `jobs/${i}`, vi.fn(), vi.fn(), noError);
    stop();
    await tick();
  }
  expect(pageOf(window.transport).topics.has('a')).toBe(false);
  await write();
  expect([backend.data('a'), backend.calls.last({ command: 'write' })?.args.seq]).toEqual([3, 3]);
});

it('I9: who comes back just when the topic is given up hears all the same', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 }, families: { jobs: 0 } });
  const window = backend.window('main');
  const { transport } = window;
  const names = ['a', ...Array.from({ length: IDLE_LISTENERS }, (_, i) => `jobs/${i}`)];
  const stops = await Promise.all(
    names.map((name) => attach(transport, name, vi.fn(), vi.fn(), () => {})),
  );
  const heard = vi.fn();
  const attaching = attach(transport, 'a', heard, vi.fn(), noError);
  // It does not have to be made up for when the backend is told.
  const held = backend.hold({ command: 'subscribe' });
  for (const stop of stops) stop();
  await attaching;
  expect(window.listeners('a')).toBe(1);
  held.release();
  await tick();
  backend.set('a', 1);
  await tick();
  expect(heard).toHaveBeenCalledTimes(1);
});

it('I6: a handler that throws reaches neither the others nor the transport', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  const { transport } = backend.window('main');
  const report = vi.fn();
  const heard = vi.fn();
  const oops = (): never => {
    throw new Error('oops');
  };
  await attach(transport, 'a', oops, vi.fn(), report);
  await attach(transport, 'a', heard, vi.fn(), report);
  backend.set('a', 1);
  await tick();
  expect(heard).toHaveBeenCalledTimes(1);
  expect(report).toHaveBeenCalledTimes(1);
});

it('I9: a listen that hangs holds no handler', () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  backend.drop({});
  const { transport } = backend.window('main');
  void attach(transport, 'a', vi.fn(), vi.fn(), noError);
  expect(pageTopicOf(pageOf(transport), 'a').handlers.size).toBe(0);
});

it('a listen that failed is tried again by the next', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  const heal = backend.fail({ kind: 'listen' }, { error: new Error('denied') });
  const page = backend.window('main');
  await expect(attach(page.transport, 'a', vi.fn(), vi.fn(), noError)).rejects.toThrow('denied');
  heal();
  await attach(page.transport, 'a', vi.fn(), vi.fn(), noError);
  expect(page.listeners('a')).toBe(1);
});

it('the backend knows the page as a reader from the first handle to the last', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  const { transport } = backend.window('main');
  const stopOne = await attach(transport, 'a', vi.fn(), vi.fn(), noError);
  const stopTwo = await attach(transport, 'a', vi.fn(), vi.fn(), noError);
  await tick();
  expect(backend.readers('a')).toEqual(['main']);
  stopOne();
  stopOne();
  await tick();
  expect(backend.readers('a')).toEqual(['main']);
  stopTwo();
  await tick();
  expect(backend.readers('a')).toEqual([]);
});

it('subscribe and unsubscribe stay in order, and a failed one is reported', async () => {
  const said: string[] = [];
  const first = deferred<void>();
  const { transport } = createFakeBackend({ deliveries: false, topics: { a: 0 } }).window('main');
  transport.subscribe = async () => {
    await first.promise;
    said.push('subscribe');
    throw new Error('late');
  };
  transport.unsubscribe = async () => void said.push('unsubscribe');
  const report = vi.fn();
  const stop = await attach(transport, 'a', vi.fn(), vi.fn(), report);
  stop();
  await tick();
  expect(said).toEqual([]);
  first.resolve();
  await tick();
  expect(said).toEqual(['subscribe', 'unsubscribe']);
  expect(report).toHaveBeenCalledTimes(1);
});

it('relink tells the backend again', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  const { transport } = backend.window('main');
  await attach(transport, 'a', vi.fn(), vi.fn(), noError);
  await transport.unsubscribe('a', pageOf(transport).session);
  await tick();
  expect(backend.readers('a')).toEqual([]);
  relink(transport, 'a', noError);
  await tick();
  expect(backend.readers('a')).toEqual(['main']);
});

it('I8, I14: a page that the backend takes for gone reads on under another session, and is told at a pace', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0, b: 0, [PRIMARY]: 0 } });
  const { transport } = backend.window('main');
  const page = pageOf(transport);
  const gone = new Set<string>();
  const real = transport.subscribe;
  const subscribe = vi.fn(async (topic: string, session: string) => {
    // Else a page that asks without end would ask without end here, too.
    if (subscribe.mock.calls.length > 50) await new Promise(() => {});
    if (gone.has(session)) throw { kind: 'sessionEnded', message: 'gone', session };
    return real(topic, session);
  });
  transport.subscribe = subscribe;
  for (const topic of ['a', 'b', PRIMARY])
    await attach(transport, topic, vi.fn(), vi.fn(), noError);
  await tick();
  const before = page.session;
  gone.add(before);
  subscribe.mockClear();
  relink(transport, 'a', noError);
  await tick();
  expect(page.session).not.toBe(before);
  expect(backend.readers('a')).toEqual(['main']);
  expect(subscribe.mock.calls.sort()).toEqual(
    [
      ['a', before],
      ['a', page.session],
      ['b', page.session],
    ].sort(),
  );

  // A backend that says so of every session.
  gone.has = () => true;
  subscribe.mockClear();
  relink(transport, 'a', noError);
  await pass(10 * WAKE_MS);
  expect(subscribe.mock.calls.length).toBeLessThan(30);
});

it('I8, I14: a subscribe that hangs holds up the next for a while, and however many follow, one does', async () => {
  const { transport } = createFakeBackend({ deliveries: false, topics: { a: 0 } }).window('main');
  const subscribe = vi.fn(() => new Promise<never>(() => {}));
  transport.subscribe = subscribe;
  const report = vi.fn();
  await attach(transport, 'a', vi.fn(), vi.fn(), report);
  for (let wakes = 0; wakes < 10; wakes++) relink(transport, 'a', report);
  await pass(9999);
  expect([subscribe.mock.calls.length, report.mock.calls.length]).toEqual([1, 0]);
  await pass(1);
  expect([subscribe.mock.calls.length, report.mock.calls.length]).toEqual([2, 1]);
  await pass(10_000);
  expect([subscribe.mock.calls.length, report.mock.calls.length]).toEqual([2, 2]);
});

it('I8: a subscribe that failed is tried again, less and less often, and anew when asked for', async () => {
  const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
  const { transport } = backend.window('main');
  const heal = backend.fail({ command: 'subscribe' });
  const report = vi.fn();
  const calls = () => backend.calls.count({ command: 'subscribe' });
  await attach(transport, 'a', vi.fn(), vi.fn(), report);
  await pass(0);
  expect(report.mock.calls).toMatchObject([
    [{}, { attempt: 1, willRetry: true, nextDelayMs: 500 }],
  ]);
  await pass(500 + 1000 + 2000);
  expect(calls()).toBe(4);
  relink(transport, 'a', report);
  await pass(500);
  expect([calls(), report.mock.lastCall?.[1].attempt]).toEqual([6, 2]);
  heal();
  await pass(1000);
  expect([backend.readers('a'), calls(), vi.getTimerCount()]).toEqual([['main'], 7, 0]);
});

it.each([{ kind: 'denied' }, { kind: 'unknownTopic' }, 'Command not allowed by ACL'])(
  'I14: a subscribe that is refused (%j) is not tried again by itself',
  async (error) => {
    const backend = createFakeBackend({ deliveries: false, topics: { a: 0 } });
    backend.fail({ command: 'subscribe' }, { error });
    const report = vi.fn();
    await attach(backend.window('main').transport, 'a', vi.fn(), vi.fn(), report);
    await pass(60_000);
    expect(report.mock.calls).toEqual([[error, { attempt: 1, willRetry: false }]]);
  },
);

it('I14: what cannot be unsubscribed is given up later', async () => {
  const names = Array.from({ length: 2 * IDLE_LISTENERS }, (_, i) => `jobs/${i}`);
  const backend = createFakeBackend({ deliveries: false, topics: {}, families: { jobs: 0 } });
  const { transport } = backend.window('main');
  for (const name of names) backend.create(name, 0);
  const heal = backend.fail({ command: 'unsubscribe' });
  const stops = await Promise.all(
    names.map((name) => attach(transport, name, vi.fn(), vi.fn(), () => {})),
  );
  await pass(0);
  for (const stop of stops) stop();
  await pass(10_000);
  expect(pageOf(transport).topics.size).toBe(names.length);
  expect(backend.calls.count({ command: 'unsubscribe', topic: 'jobs/0' })).toBe(5);
  await pass(100_000);
  expect(vi.getTimerCount()).toBe(0);
  heal();
  const stop = await attach(transport, 'jobs/0', vi.fn(), vi.fn(), noError);
  stop();
  await pass(0);
  expect(pageOf(transport).topics.size).toBe(IDLE_LISTENERS);
});

it('I14: the backend is told how it is when it is told', async () => {
  const said: string[] = [];
  const { transport } = createFakeBackend({ deliveries: false, topics: { a: 0 } }).window('main');
  const first = deferred<void>();
  transport.subscribe = async () => {
    said.push('subscribe');
    await first.promise;
  };
  transport.unsubscribe = async () => void said.push('unsubscribe');
  const stop = await attach(transport, 'a', vi.fn(), vi.fn(), noError);
  await tick();
  stop();
  const stopAgain = await attach(transport, 'a', vi.fn(), vi.fn(), noError);
  stopAgain();
  first.resolve();
  await tick();
  expect(said).toEqual(['subscribe', 'unsubscribe']);
});
