import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { noopLogger } from '../core/logger.js';
import { compareRevisions, type Revision } from '../core/revision.js';
import { createTopicStore } from '../core/store.js';
import type { TopicStore } from '../core/topic-store.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { pass, rev, tick } from './helpers.js';
import { seededRandom } from './random.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A second bundled copy of the package: other modules, the same page. */
vi.resetModules();
const { createTopicStore: createTopicStoreOfCopy } = await import('../core/store.js');

interface State {
  count: number;
  tags: Record<string, number>;
}

const FORGED = ['18446744073709551615', '7', '1', '007', ''];
const WINDOWS = 3;

const who = fc.nat(WINDOWS);
const index = fc.nat(20);
const action = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('deliver' as const), index }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deliverAll' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('count' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tag' as const), who, index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('owner' as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refresh' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wake' as const), who, restored: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hide' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('silence' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('forge' as const), forged: fc.constantFrom(...FORGED) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('nonsense' as const), payload: fc.jsonValue() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 90, 600, 11_000, 31_000),
    }),
  },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/**
 * Several windows over one backend, one of them with two copies of the package, under a schedule
 * that owns every crossing and the time.
 */
async function run(
  actions: Action[],
  seed: number,
  patches: boolean,
  deliveries: boolean,
  hang: boolean,
  byWake: boolean,
) {
  // Of a run that failed: or what it is shrunk to would fail by them.
  vi.clearAllTimers();
  vi.spyOn(Math, 'random').mockImplementation(seededRandom(seed));
  const backend = createFakeBackend({
    topics: { state: { count: 0, tags: {} } },
    patches,
    deliveries,
  });
  const net = backend.hold();
  const pages = Array.from({ length: WINDOWS }, (_, i) => backend.window(`w${i}`));
  const closed = new Set<number>();
  const silent = new Set<(typeof pages)[0]>();
  const counts = { shown: 0, unknown: 0 };

  const stores = [...pages, pages[0]].map((page, i) => {
    const make = i === WINDOWS ? createTopicStoreOfCopy : createTopicStore;
    let last = rev(0);
    const quiet = (): void => {
      if (closed.has(i)) throw new Error(`I9: store ${i} calls back after close()`);
    };
    const store: TopicStore<State> = make<State>('state', (page as (typeof pages)[0]).transport, {
      logger: {
        ...noopLogger,
        debug(message, extra) {
          quiet();
          if (message !== 'apply') return;
          const { revision } = extra as { revision: Revision };
          expect(compareRevisions(revision, last), 'I7: revisions rise').toBeGreaterThan(0);
          last = revision;
        },
      },
      onError: quiet,
      // Of the page with two copies, one follows.
      ...(i < 2 && { whenHidden: 'rest' }),
    });
    store.subscribe(quiet);
    return store;
  });
  const wake = (i: number, restored = false): void => {
    const page = pages[i] as (typeof pages)[0];
    silent.delete(page);
    page.wake(restored);
  };
  const silence = (i: number): void => {
    const page = pages[i] as (typeof pages)[0];
    silent.add(page);
    page.silence();
  };
  const at = (i: number): TopicStore<State> => stores[i] as TopicStore<State>;

  async function count(store: TopicStore<State>): Promise<void> {
    try {
      const revision = await store.update((s) => ({ ...s, count: s.count + 1 }));
      counts.shown++;
      if (store.status !== 'closed') {
        expect(compareRevisions(store.revision, revision), 'I12').toBeGreaterThanOrEqual(0);
      }
    } catch (error) {
      const { kind } = error as { kind: string };
      if (kind === 'applied') counts.shown++;
      else if (kind === 'timeout' || kind === 'transport') counts.unknown++;
      else expect(['closed', 'conflict', 'outOfOrder']).toContain(kind);
    }
  }

  for (const step of actions) {
    if (step.do === 'deliver') net.deliver(step.index);
    else if (step.do === 'lose') net.lose(step.index);
    else if (step.do === 'deliverAll') net.deliverAll();
    else if (step.do === 'count') void count(at(step.who));
    else if (step.do === 'tag')
      at(step.who)
        .merge({ tags: { [step.index % 5]: step.index } })
        .catch(() => {});
    else if (step.do === 'owner') {
      const now = backend.data('state') as State;
      backend.set('state', { ...now, tags: { ...now.tags, owner: step.index } });
    } else if (step.do === 'refresh') void at(step.who).refresh();
    else if (step.do === 'wake') wake(step.who % WINDOWS, step.restored);
    else if (step.do === 'silence') silence(step.who % WINDOWS);
    else if (step.do === 'hide') pages[step.who % WINDOWS]?.hide();
    else if (step.do === 'close') {
      at(step.who).close();
      closed.add(step.who);
    } else if (step.do === 'forge')
      backend.emit('state', { topic: 'state', revision: step.forged });
    else if (step.do === 'nonsense') backend.emit('state', step.payload);
    else await pass(step.ms);
    await tick();
  }

  if (hang) net.stop();
  else net.release();
  for (const page of pages) if (page.transport.hidden?.() || silent.has(page)) page.wake();
  // Whatever hangs comes to its timeouts; every retry, and every write in a queue, to its end.
  await pass(200_000);
  // The backend may have run a farewell whose answer hangs for ever: no announcement is to be heard then.
  if (byWake || (hang && deliveries)) for (const page of pages) page.wake();
  // What is delivered needs nobody who says that there is something.
  else if (!deliveries)
    backend.emit('state', { topic: 'state', revision: backend.revision('state'), sourceId: null });
  await pass(100_000);

  const state = backend.data('state') as State;
  stores.forEach((store, i) => {
    if (closed.has(i)) return;
    expect(store.get(), `store ${i}`).toEqual(state);
    expect(store.revision).toBe(backend.revision('state'));
    expect(store.status).toBe('synchronized');
  });
  expect(state.count, 'I11: no count is lost').toBeGreaterThanOrEqual(counts.shown);
  expect(state.count, 'I11: none is counted twice').toBeLessThanOrEqual(
    counts.shown + counts.unknown,
  );
  for (const store of stores) store.close();
  await pass(100_000);
  // Of a page whose farewells were all lost, the backend asks once a minute for as long as it is there.
  for (const page of pages) page.close();
  await pass(100_000);
  expect(vi.getTimerCount(), 'I9: no timer is left').toBe(0);
}

it('I6, I7, I8, I9, I11, I12: whatever the schedule, every window comes to the backend’s state', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 80, size: 'max' }),
      fc.nat(),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      run,
    ),
    { numRuns: 400 },
  );
}, 120_000);
