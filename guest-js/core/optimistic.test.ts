import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kindOf, outcome, pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface List {
  items: string[];
  note: string;
}

const reduce = (list: List, item: string): List => ({ ...list, items: [...list.items, item] });
const early = { optimistic: reduce };

/** A list whose answers are held, and what its listeners see. */
async function list(options: Parameters<typeof setup>[0] = {}) {
  const made = setup({
    topics: { list: { items: [], note: '' } },
    reducers: {
      list(state: List, item: string) {
        if (item.startsWith('bad')) throw { code: 'bad', reason: 'no' };
        return reduce(state, item);
      },
    },
    ...options,
  });
  const window = made.backend.window('main');
  const store = window.store<List, string>('list', { writeTimeoutMs: 1000 });
  await Promise.all([store.ready, tick()]);
  const seen: unknown[] = [];
  store.subscribe(({ items, note }, _, { sourceId }) => seen.push([items.join(), note, sourceId]));
  const hold = () => {
    const held = made.backend.hold({ kind: 'request', command: 'write' });
    return () => {
      held.release();
      return tick();
    };
  };
  const items = () => store.get()?.items.join();
  return { ...made, window, list: store, seen, hold, items };
}

it('shows the result at once, and once', async () => {
  const { list: store, seen, hold } = await list();
  const release = hold();
  const writing = outcome(store.dispatch('a', early));
  expect([store.get()?.items, store.pending, store.revision]).toEqual([['a'], 1, '1']);
  expect(store.status).toBe('synchronized');
  await release();
  expect([writing.now, store.pending, store.revision]).toEqual(['2', 0, '2']);
  await pass(1000);
  expect(seen).toEqual([['a', '', 'main']]);
});

it('tells how many are pending, when what is shown is in keeping with that', async () => {
  const { list: store, hold } = await list();
  const told: unknown[] = [];
  const stop = store.onPending((next, previous) =>
    told.push([previous, next, store.get()?.items.join()]),
  );
  const release = hold();
  const writing = ['a', 'bad', 'c'].map((item) => kindOf(store.dispatch(item, early)));
  // What is shown does not change by it: the count does.
  writing.push(kindOf(store.merge({}, { optimistic: true })));
  expect(told).toEqual([
    [0, 1, 'a'],
    [1, 2, 'a,bad'],
    [2, 3, 'a,bad,c'],
    [3, 4, 'a,bad,c'],
  ]);
  told.length = 0;
  await release();
  expect(await Promise.all(writing)).toEqual(['resolved', 'rejected', 'resolved', 'resolved']);
  expect(told.at(-1)).toEqual([expect.any(Number), 0, 'a,c']);
  stop();
  await store.merge({}, { optimistic: true });
  expect(told.at(-1)).toEqual([expect.any(Number), 0, 'a,c']);
});

it('nothing is pending once it is closed, and who counts hears so', async () => {
  const { list: store, hold } = await list();
  const told = vi.fn();
  store.onPending(told);
  hold();
  store.dispatch('a', early).catch(() => {});
  store.close();
  expect(told.mock.calls).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

it.each<[string, (store: Awaited<ReturnType<typeof list>>['list']) => Promise<unknown>, object]>([
  [
    'set',
    (s) => s.set({ items: ['x'], note: 'n' }, { optimistic: true }),
    { items: ['x'], note: 'n' },
  ],
  ['merge', (s) => s.merge({ note: 'n' }, { optimistic: true }), { items: [], note: 'n' }],
  [
    'patch',
    (s) => s.patch([{ op: 'add', path: '/items/-', value: 'x' }], { optimistic: true }),
    { items: ['x'], note: '' },
  ],
])('%s foresees its result', async (_, write, result) => {
  const { list: store, hold, backend, seen } = await list();
  const release = hold();
  void write(store);
  expect(store.get()).toEqual(result);
  await release();
  expect([store.get(), backend.data('list')]).toEqual([result, result]);
  expect(seen).toHaveLength(1);
});

it('without optimistic, nothing is shown early', async () => {
  const { list: store, hold } = await list();
  hold();
  void store.merge({ note: 'n' }, { optimistic: false });
  void store.dispatch('a');
  expect([store.get(), store.pending]).toEqual([{ items: [], note: '' }, 0]);
});

it('I10: a refused write is taken back, it alone, and without a flicker', async () => {
  const { list: store, hold, seen, items } = await list();
  const release = hold();
  const ends = ['a', 'bad', 'b'].map((item) => outcome(store.dispatch(item, early)));
  expect([items(), store.pending]).toEqual(['a,bad,b', 3]);
  await release();
  expect(ends.map(({ now }) => now)).toMatchObject(['2', { kind: 'rejected', code: 'bad' }, '3']);
  expect([items(), store.pending]).toEqual(['a,b', 0]);
  expect(seen.map((each) => (each as string[])[0])).toEqual(['a', 'a,bad', 'a,bad,b', 'a,b']);
});

it('I10: a refusal keeps what is pending after it', async () => {
  const { list: store, hold, items, sent } = await list();
  const release = hold();
  const refused = kindOf(store.dispatch('bad', early));
  await tick();
  const second = hold();
  void store.dispatch('a', early);
  void store.merge({ note: 'n' }, { optimistic: true });
  await release();
  expect(await refused).toBe('rejected');
  expect([items(), store.get()?.note, store.pending, sent().length]).toEqual(['a', 'n', 2, 2]);
  await second();
  expect([items(), store.pending]).toEqual(['a', 0]);
});

it('I7: what is newer comes beneath what is pending', async () => {
  const { list: store, hold, backend, items, seen } = await list();
  const release = hold();
  void store.dispatch('mine', early);
  backend.set('list', { items: ['theirs'], note: 'x' });
  await pass(300);
  expect([items(), store.revision, store.pending]).toEqual(['theirs,mine', '2', 1]);
  await release();
  expect([items(), store.revision, store.pending]).toEqual(['theirs,mine', '3', 0]);
  expect(seen).toHaveLength(2);
});

it('what did not change stays the same object, through all of it', async () => {
  const { list: store, hold, backend } = await list();
  const notes = vi.fn();
  store.subscribe(notes, { path: '/note' });
  const release = hold();
  const refused = outcome(store.dispatch('bad', early));
  backend.set('list', { items: ['theirs'], note: 'x' });
  await pass(300);
  const { items } = backend.data('list') as List;
  await release();
  expect(refused.now).toMatchObject({ kind: 'rejected' });
  expect(store.get()).toEqual({ items, note: 'x' });
  expect(notes).toHaveBeenCalledTimes(1);
});

it('a write that times out, or fails on its way, is taken back', async () => {
  const { list: store, items, fail } = await list();
  const heal = fail({ kind: 'request', command: 'write' });
  const ends = [outcome(store.dispatch('a', early)), outcome(store.dispatch('b', early))];
  await pass(1000);
  expect(ends.map(({ now }) => now)).toMatchObject([{ kind: 'timeout' }, { kind: 'timeout' }]);
  heal();
  expect([items(), store.pending]).toEqual(['', 0]);
});

it('I12: what was applied stays on the screen until the confirmed state has it', async () => {
  const { list: store, window, items, seen, fail } = await list();
  fail({ kind: 'event' });
  const heal = fail({ kind: 'request', command: 'get_snapshot' });
  const { write } = window.transport;
  window.transport.write = async (request) => ({
    ...((await write(request)) as object),
    data: undefined,
    base: '77',
    patch: [],
  });
  expect(await kindOf(store.dispatch('a', early))).toBe('applied');
  expect([items(), store.pending, store.revision]).toEqual(['a', 1, '1']);
  heal();
  await pass(10_000);
  expect([items(), store.pending, store.revision]).toEqual(['a', 0, '2']);
  expect(seen).toHaveLength(1);
});

it('I12: an answer that must be pulled for leaves no flicker', async () => {
  const { list: store, window, seen } = await list();
  const { write } = window.transport;
  window.transport.write = async (request) => {
    const { revision } = (await write(request)) as { revision: string };
    return { revision, base: '77', patch: [] };
  };
  await store.dispatch('a', early);
  expect([seen, store.pending]).toEqual([[['a', '', 'main']], 0]);
});

it('a change that throws shows nothing early, is reported once, and the write goes out', async () => {
  const { list: store, hold, backend, errors, seen } = await list();
  const release = hold();
  const oops = new Error('oops');
  const writing = outcome(
    store.dispatch('a', {
      optimistic() {
        throw oops;
      },
    }),
  );
  backend.set('list', { items: ['theirs'], note: '' });
  await pass(300);
  expect([store.get()?.items, store.pending]).toEqual([['theirs'], 1]);
  await release();
  expect([writing.now, store.get()?.items, store.pending]).toEqual(['3', ['theirs', 'a'], 0]);
  expect(errors).toMatchObject([{ error: oops }]);
  expect(seen).toHaveLength(2);
});

it('before the first snapshot, nothing is shown, and then all of it', async () => {
  const { backend, fail, drop } = await list();
  const store = backend.window('late').store<List, string>('list');
  const heal = fail({ window: 'late', command: 'get_snapshot' });
  drop({ window: 'late', command: 'write' });
  void store.dispatch('a', early).catch(() => {});
  await pass(100);
  expect([store.get(), store.pending]).toEqual([undefined, 1]);
  heal();
  await pass(1000);
  expect(store.get()).toEqual({ items: ['a'], note: '' });
});

it('update goes by the confirmed state, not by what is pending', async () => {
  const { list: store, backend, items } = await list();
  const updating = store.update((state) => reduce(state, 'counted'));
  const later = store.dispatch('later', early);
  expect(items()).toBe('later');
  await Promise.all([updating, later]);
  expect(backend.data('list')).toMatchObject({ items: ['counted', 'later'] });
  expect(items()).toBe('counted,later');
});

it('I11: a listener that writes when it is told comes after what it was told of', async () => {
  const { list: store, backend, items } = await list();
  const told: unknown[] = [];
  const stop = store.subscribe(() => {
    stop();
    void store.dispatch('second', early);
  });
  store.subscribe((next, previous) => told.push([previous?.items.length, next.items.length]));
  void store.dispatch('first', early);
  expect(items()).toBe('first,second');
  await tick();
  expect(backend.data('list')).toMatchObject({ items: ['first', 'second'] });
  expect(told).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

it('a window that may not read has nothing pending when the write is applied', async () => {
  const { backend } = await list({
    grants: (window, _, access) => window === 'main' || access === 'write',
  });
  const store = backend.window('blind').store<List, string>('list');
  await store.dispatch('a', early);
  expect([store.get(), store.pending]).toEqual([undefined, 0]);
});

it('I9: after close() the last state stays, and nothing is pending', async () => {
  const { list: store, hold, seen, errors } = await list();
  const release = hold();
  const ends = ['a', 'bad'].map((item) => outcome(store.dispatch(item, early)));
  store.close();
  expect(store.pending).toBe(0);
  await release();
  expect(ends.map(({ now }) => now)).toMatchObject(['2', { kind: 'rejected' }]);
  expect([store.get()?.items, store.pending]).toEqual([['a', 'bad'], 0]);
  expect([seen.length, errors]).toEqual([2, []]);
});
