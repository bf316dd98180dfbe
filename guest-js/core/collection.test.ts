import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { createCollectionStore } from './collection.js';
import type { CollectionStore } from './collection-store.js';
import { noopLogger } from './logger.js';
import { compareRevisions } from './revision.js';

interface Task {
  title: string;
  done: boolean;
}

type TaskAction = { type: 'finish'; key: string };

const task = (title: string, done = false): Task => ({ title, done });
const FIRST = { a: task('A'), b: task('B'), c: task('C') };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setup({ patches = true, first = FIRST as Record<string, Task> } = {}) {
  const backend = createFakeBackend({
    topics: { tasks: first },
    patches,
    reducers: {
      tasks: (state: Record<string, Task>, { key }: TaskAction) => {
        if (!state[key]) throw { code: 'unknown', message: 'There is no such task' };
        return { ...state, [key]: { ...state[key], done: true } };
      },
    },
  });
  return {
    backend,
    open: async (label = 'main') => {
      const { transport } = backend.window(label);
      const store: CollectionStore<Task, TaskAction> = createCollectionStore('tasks', transport, {
        logger: noopLogger,
      });
      void store.get();
      await tick();
      return store;
    },
    data: () => backend.data<Record<string, Task>>('tasks'),
  };
}

const plain = (store: CollectionStore<Task, TaskAction>) => {
  const all = {};
  for (const [key, value] of store.get() ?? []) {
    Object.defineProperty(all, key, { value, enumerable: true });
  }
  return all;
};

describe('a collection', () => {
  it('shows what the backend has, and tells of each entity by its key', async () => {
    const { backend, open, data } = setup();
    const store = await open();
    expect(plain(store)).toEqual(FIRST);
    const heard: unknown[] = [];
    store.key('b').subscribe((next, previous) => heard.push(['b', next, previous]));
    store.key('d').subscribe((next, previous) => heard.push(['d', next, previous]));
    store.keys.subscribe((next, previous) => heard.push([next, previous]));
    backend.set('tasks', { ...data(), a: task('A', true) });
    await tick();
    expect(heard).toEqual([]);
    backend.set('tasks', { ...data(), b: task('B', true), d: task('D') });
    await tick();
    expect(heard).toEqual([
      ['b', task('B', true), task('B')],
      ['d', task('D'), undefined],
      [
        ['a', 'b', 'c', 'd'],
        ['a', 'b', 'c'],
      ],
    ]);
  });

  it('keeps the identity of what did not change, and gives another view after each change', async () => {
    const { backend, open, data } = setup();
    const store = await open();
    const [view, a] = [store.get(), store.key('a').get()];
    expect(store.get()).toBe(view);
    backend.set('tasks', { ...data(), b: task('B', true) });
    await tick();
    expect(store.get()).not.toBe(view);
    expect(store.key('a').get()).toBe(a);
    expect(Object.isFrozen(store.key('b').get())).toBe(true);
    expect([...(view?.keys() ?? [])], 'an earlier view shows what is there now').toEqual([
      'a',
      'b',
      'c',
    ]);
    expect([view?.size, view?.has('b'), view?.get('b')?.done]).toEqual([3, true, true]);
  });

  it('tells everybody which keys have changed', async () => {
    const { backend, open, data } = setup();
    const store = await open();
    const keys: string[][] = [];
    store.subscribe((_, { changedKeys, changedPaths }) => {
      keys.push([...changedKeys]);
      expect(changedPaths).toEqual([...changedKeys].map((key) => `/${key}`));
    });
    const { a: _, ...rest } = data();
    backend.set('tasks', { ...rest, c: task('C', true) });
    await tick();
    expect(keys).toEqual([['a', 'c']]);
  });

  it('I12: writes by key, and shows the result when the promise resolves', async () => {
    const { open, data, backend } = setup();
    const store = await open();
    await store.upsert('d', task('D'));
    await store.merge('a', { done: true });
    await store.remove('b');
    await store.remove('nobody');
    await store.key('c').update((now) => now && { ...now, title: 'CC' });
    await store.dispatch({ type: 'finish', key: 'd' });
    await store.patch([{ op: 'move', from: '/c', path: '/e' }]);
    expect(plain(store)).toEqual({ a: task('A', true), d: task('D', true), e: task('CC') });
    expect(data()).toEqual(plain(store));
    await expect(store.dispatch({ type: 'finish', key: 'x' })).rejects.toMatchObject({
      kind: 'rejected',
      code: 'unknown',
    });
    const sent = backend.calls.of({ command: 'write' }).map(({ args }) => args);
    expect(sent[0]).toMatchObject({ patch: [{ op: 'add', path: '/d', value: task('D') }] });
    expect(sent[2]).toMatchObject({ merge: { b: null } });
  });

  it('update removes what it returns nothing for, and loses no change of another window', async () => {
    const { open, data } = setup();
    const [one, two] = [await open('one'), await open('two')];
    const add = (now?: Task) => task(`${now?.title ?? ''}+`);
    const counts = [one, two].flatMap((store) => [1, 2, 3].map(() => store.update('n', add)));
    await pass(10_000);
    await Promise.all(counts);
    expect(data().n?.title).toBe('++++++');
    await one.update('n', () => undefined);
    expect(data().n).toBeUndefined();
  });

  it('I10: shows optimistic writes at once, by key, and takes back only the one that is refused', async () => {
    const { open, backend } = setup();
    const store = await open();
    const net = backend.hold();
    const heard: unknown[] = [];
    store.key('a').subscribe((now) => heard.push(now?.title));
    const first = store.merge('a', { title: 'early' }, { optimistic: true });
    const second = store.upsert('d', task('D'), { optimistic: true });
    const third = store.remove('b', { optimistic: true });
    const bad = store.patch([{ op: 'test', path: '/c/title', value: 'x' }], { optimistic: true });
    bad.catch(() => {});
    expect([store.pending, [...(store.get()?.keys() ?? [])]]).toEqual([4, ['a', 'c', 'd']]);
    expect(store.key('a').get()?.title).toBe('early');
    net.release();
    await pass(100);
    await Promise.all([first, second, third]);
    await expect(bad).rejects.toMatchObject({ kind: 'invalidData' });
    expect([store.pending, heard]).toEqual([0, ['early']]);
    expect(plain(store)).toEqual({ a: task('early'), c: task('C'), d: task('D') });
  });

  it('a refused optimistic write leaves what others wrote beneath it', async () => {
    const { open, backend, data } = setup();
    const store = await open();
    const refuse = backend.deny({ access: 'write' });
    const net = backend.hold();
    const write = store.merge('a', { title: 'mine' }, { optimistic: true });
    write.catch(() => {});
    backend.set('tasks', { ...data(), a: task('theirs'), b: task('B', true) });
    expect(store.key('a').get()?.title).toBe('mine');
    net.release();
    await pass(1000);
    await expect(write).rejects.toMatchObject({ kind: 'denied' });
    expect(plain(store)).toEqual(data());
    refuse();
  });

  it.each([true, false])(
    'takes `__proto__` and the like for keys (patches: %s)',
    async (patches) => {
      const { open, data } = setup({ patches });
      const store = await open();
      for (const key of ['__proto__', 'constructor', 'a/b~c', '']) {
        await store.upsert(key, task(key));
        await store.merge(key, { done: true });
        expect(store.key(key).get()).toEqual(task(key, true));
      }
      expect(Object.keys(data()).sort()).toEqual([
        '',
        '__proto__',
        'a',
        'a/b~c',
        'b',
        'c',
        'constructor',
      ]);
      for (const key of ['__proto__', 'constructor']) {
        await store.remove(key);
        expect(store.get()?.has(key)).toBe(false);
      }
      expect(({} as { done?: boolean }).done).toBeUndefined();
    },
  );

  it('pulls the whole where a patch does not apply, and says so where a whole is none', async () => {
    const { open, backend, data } = setup();
    const store = await open();
    const pulls = () => backend.calls.count({ command: 'get_snapshot' });
    const before = pulls();
    // It pulls, rather than be told.
    const { receive: _, ...transport } = backend.window('other').transport;
    let crooked = true;
    const other: CollectionStore<Task> = createCollectionStore(
      'tasks',
      {
        ...transport,
        async getSnapshot(topic, since) {
          const answer = (await transport.getSnapshot(topic, since)) as { patch?: unknown };
          if (answer.patch && crooked) answer.patch = [{ op: 'remove', path: '/nobody' }];
          return answer;
        },
      },
      { logger: noopLogger, onError: () => {} },
    );
    void other.get();
    await tick();
    backend.set('tasks', { ...data(), a: task('new') });
    await tick();
    expect(other.key('a').get()).toEqual(task('new'));
    expect(pulls() - before).toBeGreaterThanOrEqual(3);
    crooked = false;
    backend.set('tasks', [1]);
    await tick();
    expect([store.status, store.key('a').get()]).toEqual(['stale', task('new')]);
  });

  it('I9: nothing is called back after close()', async () => {
    const { open, backend, data } = setup();
    const store = await open();
    const called = vi.fn();
    store.subscribe(called);
    store.key('a').subscribe(called);
    store.keys.subscribe(called);
    store.close();
    backend.set('tasks', { ...data(), a: task('x'), z: task('z') });
    await pass(1000);
    expect(called).not.toHaveBeenCalled();
    expect([store.status, store.get()?.size]).toEqual(['closed', 3]);
  });

  it('an empty collection is there, too', async () => {
    const { open } = setup({ first: {} });
    const store = await open();
    expect([store.get()?.size, store.keys.get()]).toEqual([0, []]);
  });
});

it('I1, I7, I10, I12: whatever the order of arrivals, every window comes to the backend’s entities', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', '__proto__');
  const who = fc.nat(2);
  const early = fc.boolean();
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), index: fc.nat(20) }) },
    fc.record({ do: fc.constant('lose' as const), index: fc.nat(20) }),
    fc.record({ do: fc.constant('upsert' as const), who, key, early }),
    fc.record({ do: fc.constant('merge' as const), who, key, early }),
    fc.record({ do: fc.constant('remove' as const), who, key, early }),
    fc.record({ do: fc.constant('update' as const), who, key }),
    fc.record({ do: fc.constant('owner' as const), key }),
    fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 90, 600, 11_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.boolean(), async (steps, patches) => {
      const { backend, open, data } = setup({ patches });
      const stores = [await open('w0'), await open('w1'), await open('w2')] as const;
      // What somebody holds who only listens.
      const followed = stores.map((store) => {
        const held = new Map(store.get());
        store.subscribe((all, { changedKeys }) => {
          for (const key of changedKeys) {
            const value = all.get(key);
            if (value) held.set(key, value);
            else held.delete(key);
          }
        });
        return held;
      });
      const net = backend.hold();
      let n = 0;
      for (const each of steps) {
        const store = 'who' in each ? stores[each.who as 0] : stores[0];
        const ends = (write: Promise<string>): void =>
          void write.then(
            (at) => expect(compareRevisions(store.revision, at as never)).toBeGreaterThanOrEqual(0),
            (error) =>
              expect(['timeout', 'transport', 'invalidData', 'conflict', 'outOfOrder']).toContain(
                error.kind,
              ),
          );
        n++;
        if (each.do === 'deliver') net.deliver(each.index);
        else if (each.do === 'lose') net.lose(each.index);
        else if (each.do === 'upsert')
          ends(store.upsert(each.key, task(`${n}`), { optimistic: each.early }));
        else if (each.do === 'merge')
          ends(store.merge(each.key, { title: `${n}` }, { optimistic: each.early }));
        else if (each.do === 'remove') ends(store.remove(each.key, { optimistic: each.early }));
        else if (each.do === 'update') ends(store.update(each.key, () => task(`${n}`)));
        else if (each.do === 'owner') backend.set('tasks', { ...data(), [each.key]: task(`${n}`) });
        else await pass(each.ms);
        await tick();
      }
      net.release();
      await pass(200_000);
      backend.emit('tasks', {
        topic: 'tasks',
        revision: backend.revision('tasks'),
        sourceId: null,
      });
      await pass(100_000);
      stores.forEach((store, i) => {
        expect(plain(store), `window ${i}`).toEqual(data());
        expect([store.pending, store.status]).toEqual([0, 'synchronized']);
        expect(followed[i]).toEqual(new Map(store.get()));
        store.close();
      });
      await pass(100_000);
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: 150 },
  );
}, 120_000);
