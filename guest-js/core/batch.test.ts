import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kindOf, outcome, pass, rev, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import type { WriteRequest } from './transport.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A second bundled copy of the package: other modules, the same page. */
vi.resetModules();
const { createTopicStore: createTopicStoreOfCopy } = await import('./store.js');

/** A window whose requests are seen, and a list that actions append to. */
function list(options: Parameters<typeof setup>[0] = {}) {
  const made = setup({
    topics: { list: [], other: 0 },
    reducers: {
      list(state: string[], action: string) {
        if (action.startsWith('bad')) throw { code: 'bad', reason: `not ${action}` };
        return [...state, action];
      },
    },
    ...options,
  });
  const window = made.backend.window('main');
  const store = window.store<string[], string>('list');
  const hold = () => {
    const held = made.backend.hold({ kind: 'response', command: 'write' });
    return () => {
      held.release();
      return tick();
    };
  };
  return { ...made, window, list: store, hold };
}

const contents = (request: WriteRequest | undefined): unknown[] =>
  (request?.writes ?? [request]).map((write) => write?.action ?? write?.set ?? write?.patch);

it('I11: what is called for at once travels together, in the order of the calls', async () => {
  const { list: store, sent, backend } = list();
  await store.ready;
  const writing = [
    store.dispatch('a'),
    store.patch([{ op: 'add', path: '/-', value: 'b' }]),
    store.dispatch('c'),
  ];
  expect(await Promise.all(writing)).toEqual(['3', '4', '5']);
  expect(sent()).toHaveLength(1);
  expect(sent()[0]).toMatchObject({ seq: 1, since: '1', writes: [{ action: 'a' }, {}, {}] });
  expect(backend.data('list')).toEqual(['a', 'b', 'c']);
});

it('I11: a single write takes the single form', async () => {
  const { list: store, sent } = list();
  await store.ready;
  await store.dispatch('a');
  expect(sent()).toEqual([
    { topic: 'list', session: expect.any(String), seq: 1, since: '1', action: 'a' },
  ]);
});

it('I11: one batch is under way, and what is called for meanwhile goes out in the next', async () => {
  const { list: store, sent, hold, backend } = list();
  const release = hold();
  void store.dispatch('a');
  await tick();
  for (const item of ['b', 'c', 'd']) {
    void store.dispatch(item);
    await tick();
  }
  expect(sent().map(contents)).toEqual([['a']]);
  await release();
  expect(sent().map(contents)).toEqual([['a'], ['b', 'c', 'd']]);
  expect(sent().map(({ seq }) => seq)).toEqual([1, 2]);
  expect(backend.data('list')).toEqual(['a', 'b', 'c', 'd']);
});

it('I11: the topics of a page do not wait for one another', async () => {
  const { list: store, sent, hold, window } = list();
  const other = window.store<number>('other');
  hold();
  void store.dispatch('a');
  await tick();
  void other.set(1);
  await tick();
  expect(sent().map(({ topic, seq }) => [topic, seq])).toEqual([
    ['list', 1],
    ['other', 1],
  ]);
});

it('I11: a batch holds at most 256 writes', async () => {
  const { list: store, sent, backend } = list();
  const items = Array.from({ length: 600 }, (_, i) => String(i));
  const revisions = await Promise.all(items.map((item) => store.dispatch(item)));
  expect(sent().map(({ writes }) => writes?.length)).toEqual([256, 256, 88]);
  expect(backend.data('list')).toEqual(items);
  expect(new Set(revisions).size).toBe(600);
});

it('I10, I11: each write of a batch has its own end', async () => {
  const { list: store, sent } = list();
  await store.ready;
  const writing = [
    store.dispatch('a'),
    store.dispatch('bad one'),
    store.set(['x'], { expectedRevision: rev(1) }),
    store.dispatch('b'),
  ].map(outcome);
  await tick();
  expect(sent()).toHaveLength(1);
  expect(writing.map(({ now }) => now)).toMatchObject([
    '3',
    { name: 'LockstepError', kind: 'rejected', code: 'bad', reason: 'not bad one' },
    { kind: 'conflict', expectedRevision: '1', revision: '3' },
    '4',
  ]);
  expect(store.get()).toEqual(['a', 'b']);
});

it('I12: a batch’s answer passes the gate once, before any of its promises resolves', async () => {
  const { list: store } = list();
  await store.ready;
  const seen: unknown[] = [];
  store.subscribe((next) => seen.push(next));
  const shown = (): void => void seen.push([store.revision, store.get()?.length]);
  void store.dispatch('a').then(shown);
  store.dispatch('bad').catch(shown);
  await store.dispatch('b').then(shown);
  expect(seen).toEqual([['a', 'b'], ...Array(3).fill(['4', 2])]);
});

it('I12: what was applied but cannot be shown is applied, each at its revision', async () => {
  const { list: store, window, fail } = list();
  await store.ready;
  fail({ kind: 'event' });
  fail({ kind: 'request', command: 'get_snapshot' });
  const { write } = window.transport;
  window.transport.write = async (request) => ({
    ...((await write(request)) as object),
    data: undefined,
    base: '77',
    patch: [],
  });
  const writing = ['a', 'bad', 'b'].map((item) => outcome(store.dispatch(item)));
  await pass(100);
  expect(writing.map(({ now }) => now)).toMatchObject([
    { kind: 'applied', revision: '3' },
    { kind: 'rejected' },
    { kind: 'applied', revision: '4' },
  ]);
});

it('a batch whose answer does not say what became of it rejects with protocol', async () => {
  const { list: store, window } = list();
  await store.ready;
  const { write } = window.transport;
  window.transport.write = async (request) => ({
    ...((await write(request)) as object),
    results: [{ revision: '3' }],
  });
  const writing = ['a', 'b'].map((item) => kindOf(store.dispatch(item)));
  expect(await Promise.all(writing)).toEqual(['protocol', 'protocol']);
});

it('a window that may not read resolves when its batch is applied', async () => {
  const { list: store } = list({ grants: (_, __, access) => access === 'write' });
  const writing = ['a', 'bad', 'b'].map((item) => outcome(store.dispatch(item)));
  await pass(0);
  expect(writing.map(({ now }) => now)).toMatchObject(['3', { kind: 'rejected' }, '4']);
  expect(await kindOf(Promise.all([store.dispatch('bad'), store.dispatch('bad')]))).toBe(
    'rejected',
  );
});

it('I11: update goes alone, in its place in the order', async () => {
  const { list: store, sent, backend } = list();
  await store.ready;
  void store.dispatch('a');
  void store.dispatch('b');
  void store.update((items) => [...items, `after ${items.join()}`]);
  void store.dispatch('c');
  void store.dispatch('d');
  await tick();
  expect(sent().map(contents)).toEqual([['a', 'b'], [['a', 'b', 'after a,b']], ['c', 'd']]);
  expect(backend.data('list')).toEqual(['a', 'b', 'after a,b', 'c', 'd']);
});

it('I11: two bundled copies of the package in one page share the order, and the batches', async () => {
  const { list: one, sent, hold, backend, window } = list();
  const two = createTopicStoreOfCopy<string[], string>('list', window.transport);
  await Promise.all([one.ready, two.ready]);
  const release = hold();
  void one.dispatch('a');
  await tick();
  const late = [two.dispatch('b'), one.dispatch('c'), two.dispatch('bad'), one.dispatch('d')];
  const ends = late.map(outcome);
  await release();
  expect(sent().map(contents)).toEqual([['a'], ['b', 'c', 'bad', 'd']]);
  expect(ends.map(({ now }) => now)).toMatchObject(['4', '5', { kind: 'rejected' }, '6']);
  for (const store of [one, two]) {
    expect([store.revision, store.get()]).toEqual(['6', ['a', 'b', 'c', 'd']]);
  }
  expect(backend.data('list')).toEqual(['a', 'b', 'c', 'd']);
});

it('I11: copies at different revisions get the whole', async () => {
  const {
    list: one,
    sent,
    hold,
    window,
    backend,
    fail,
  } = list({ patches: true, deliveries: false });
  await one.ready;
  const two = createTopicStoreOfCopy<string[], string>('list', window.transport);
  fail({ kind: 'event' });
  backend.set('list', ['x']);
  await two.ready;
  const release = hold();
  void one.dispatch('a');
  void two.dispatch('b');
  await tick();
  expect(sent()[0]).not.toHaveProperty('since');
  await release();
  expect([one.get(), two.get()]).toEqual(Array(2).fill(['x', 'a', 'b']));
});

it('I10: one that is too large does not take the others of its batch with it', async () => {
  const { list: store, sent, backend } = list({ maxBytes: 300 });
  await store.ready;
  const items = ['a', 'b', 'x'.repeat(400), 'c', 'y'.repeat(80), 'z'.repeat(80)];
  const ends = items.map((item) => outcome(store.dispatch(item)));
  await tick();
  const [, , large, ...others] = ends.map(({ now }) => now);
  expect(large).toMatchObject({ kind: 'tooLarge', limit: 300 });
  expect(others).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
  expect(backend.data('list')).toEqual(items.filter((item) => item.length < 100));
  // Each attempt has a number of its own.
  expect(sent().map(({ seq }) => seq)).toEqual(sent().map((_, i) => i + 1));
});

it('I11: a write is what it was when it was called for', async () => {
  const { list: store, backend } = list();
  const mine = ['a'];
  const writing = store.set(mine);
  mine.push('later');
  await writing;
  expect([backend.data('list'), store.get()]).toEqual([['a'], ['a']]);
});

it.each([[undefined], [1n]])('%s, which has no JSON, spoils no batch', async (value) => {
  const { list: store, backend } = list();
  const writing = [store.dispatch('a'), store.dispatch(value as never), store.dispatch('b')];
  const ends = writing.map(outcome);
  await tick();
  expect(ends.map(({ now }) => now)).toMatchObject([
    '3',
    { kind: 'invalidRequest', field: 'action' },
    '4',
  ]);
  expect(backend.data('list')).toEqual(['a', 'b']);
});
