import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTopicFamily } from '../core/family.js';
import { noopLogger } from '../core/logger.js';
import { compareRevisions, type Revision } from '../core/revision.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { pass, rev, tick } from './helpers.js';
import { seededRandom } from './random.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Job {
  began: number;
  done: number[];
}

const WINDOWS = 3;
const NAME = 'jobs/1';

const who = fc.nat(WINDOWS - 1);
const index = fc.nat(20);
const one = <D extends string>(...names: D[]) =>
  fc.record({ do: fc.constantFrom(...names), who, index });
const action = fc.oneof(
  { weight: 12, arbitrary: one('deliver') },
  { weight: 3, arbitrary: one('lose', 'deliverAll') },
  { weight: 3, arbitrary: one('create', 'getOrCreate', 'remove') },
  { weight: 3, arbitrary: one('owner creates', 'owner removes') },
  { weight: 5, arbitrary: one('dispatch') },
  { weight: 2, arbitrary: one('wake', 'restore', 'silence', 'hide') },
  { weight: 3, arbitrary: one('pass') },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

const PAUSES = [1, 90, 600, 11_000, 31_000];

/** A topic that comes and goes, written and read by windows that may miss any of it. */
async function run(actions: Action[], seed: number, optimistic: boolean, deliveries: boolean) {
  // Of a run that failed: or what it is shrunk to would fail by them.
  vi.clearAllTimers();
  vi.spyOn(Math, 'random').mockImplementation(seededRandom(seed));
  const applied = new Set<number>();
  let rising = true;
  const backend = createFakeBackend({
    topics: {},
    deliveries,
    families: { jobs: { began: 0, done: [] } },
    reducers: {
      jobs(job: Job, item: number): Job {
        expect(applied, 'I11: once, also where the topic began anew').not.toContain(item);
        applied.add(item);
        return { ...job, done: [...job.done, item] };
      },
    },
  });
  const net = backend.hold();
  const windows = Array.from({ length: WINDOWS }, (_, i) => {
    const page = backend.window(`w${i}`);
    let last = rev(0);
    const jobs = createTopicFamily<Job, number>('jobs', page.transport, {
      logger: {
        ...noopLogger,
        debug(message, extra) {
          if (message !== 'apply') return;
          const { revision } = extra as { revision: Revision };
          rising &&= compareRevisions(revision, last) > 0;
          last = revision;
        },
      },
      onError: () => {},
      ...(i && { whenHidden: 'rest' }),
    });
    const store = jobs.topic('1');
    store.get();
    return { page, jobs, store };
  });

  let items = 0;
  const known = (kinds: string[]) => (error: { kind: string }) =>
    expect(kinds).toContain(error.kind);
  const lost = ['transport', 'timeout'];
  for (const step of actions) {
    const { page, jobs, store } = windows[step.who] as (typeof windows)[0];
    const initial = { began: ++items, done: [] };
    if (step.do === 'deliver') net.deliver(step.index);
    else if (step.do === 'lose') net.lose(step.index);
    else if (step.do === 'deliverAll') net.deliverAll();
    else if (step.do === 'create')
      jobs.create({ id: '1', initial }).catch(known(['alreadyExists', ...lost]));
    else if (step.do === 'getOrCreate')
      jobs.getOrCreate('1', { initial }).catch(known(['unknownTopic', ...lost]));
    else if (step.do === 'remove') jobs.remove('1').catch(known(lost));
    else if (step.do === 'owner creates') {
      if (!backend.has(NAME)) backend.create(NAME, initial);
    } else if (step.do === 'owner removes') backend.remove(NAME);
    else if (step.do === 'dispatch') {
      const item = items;
      const foreseen = (job: Job): Job => ({ ...job, done: [...job.done, item] });
      store
        .dispatch(item, optimistic ? { optimistic: foreseen } : {})
        .then(() => expect(applied, 'I12').toContain(item))
        .catch(known(['unknownTopic', 'outOfOrder', 'applied', ...lost]));
    } else if (step.do === 'wake') page.wake();
    else if (step.do === 'silence') page.silence();
    else if (step.do === 'hide') page.hide();
    else if (step.do === 'restore') {
      page.hide(true);
      page.wake(true);
    } else await pass(PAUSES[step.index % PAUSES.length] ?? 1);
    await tick();
    expect(rising, 'I7: higher than in all lives before').toBe(true);
  }

  net.release();
  // One that was taken for dead wakes sometime.
  for (const { page } of windows) page.wake();
  await pass(200_000);
  // What is delivered needs nothing else; an event may have been lost.
  if (!deliveries) for (const { page } of windows) page.wake();
  await pass(100_000);

  for (const { page, store } of windows) {
    expect(store.pending, 'I10: nothing is left of what was refused').toBe(0);
    if (backend.has(NAME)) {
      expect([store.status, store.get()]).toEqual(['synchronized', backend.data(NAME)]);
      expect(store.revision).toBe(backend.revision(NAME));
      expect(backend.readers(NAME)).toContain(page.label);
    } else {
      const status = store.get() === undefined ? 'stale' : 'removed';
      expect(store.status).toBe(status);
    }
    store.close();
  }
  await pass(100_000);
  for (const { page } of windows) page.close();
  await pass(100_000);
  expect(vi.getTimerCount(), 'I9: no timer is left').toBe(0);
}

it('I6, I7, I8, I10, I11: whatever comes and goes, every window ends at the backend’s state, or removed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 60, size: 'max' }),
      fc.nat(),
      fc.boolean(),
      fc.boolean(),
      run,
    ),
    { numRuns: 400 },
  );
}, 120_000);
