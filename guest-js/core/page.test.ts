import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deferred, pass, tick } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { attach, enqueue, pageOf, pageTopicOf, relink } from './page.js';

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
  expect(vi.getTimerCount()).toBe(0);
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
