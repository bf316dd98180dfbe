import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { applyJsonPatch, type JsonPatchOperation } from '../core/json-patch.js';
import { noopLogger } from '../core/logger.js';
import { mergePatch } from '../core/merge-patch.js';
import { compareRevisions, type Revision } from '../core/revision.js';
import { createTopicStore } from '../core/store.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { pass, tick } from './helpers.js';
import { seededRandom } from './random.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface State {
  items: number[];
  note: number;
}

const WINDOWS = 2;
const reduce = (state: State, item: number): State => {
  if (item < 0) throw { code: 'unlucky', reason: 'No' };
  return { ...state, items: [...state.items, item] };
};

const who = fc.nat(WINDOWS - 1);
const index = fc.nat(9);
const optimistic = fc.boolean();
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deliverAll' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'dispatch',
        'dispatch',
        'foresees wrongly',
        'set',
        'merge',
        'patch',
        'conflict',
      ),
      who,
      refused: fc.boolean(),
      optimistic,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('update' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('owner' as const), index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 120, 300, 1100),
    }),
  },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;
type Change = (state: State) => State;

/** Windows that write, optimistically and not, under a schedule that owns every crossing. */
async function run(actions: Action[], seed: number, patches: boolean, deliveries: boolean) {
  vi.spyOn(Math, 'random').mockImplementation(seededRandom(seed));
  const backend = createFakeBackend({
    topics: { state: { items: [], note: 0 } },
    reducers: { state: reduce },
    patches,
    deliveries,
  });

  const windows = Array.from({ length: WINDOWS }, (_, i) => {
    const store = createTopicStore<State, number>('state', backend.window(`w${i}`).transport, {
      logger: noopLogger,
      writeTimeoutMs: 1000,
    });
    const pending = new Set<{ change: Change; at?: Revision }>();
    let last: State | undefined;
    let inOrder = true;
    store.subscribe((next, previous) => {
      inOrder &&= previous === last;
      last = next;
    });

    /** What must be on the screen now: what is pending, replayed on what is confirmed. */
    function check(): void {
      for (const each of pending) {
        if (each.at && compareRevisions(each.at, store.revision) <= 0) pending.delete(each);
      }
      let state = backend.at('state', store.revision) as State;
      for (const { change } of pending) {
        try {
          state = change(state);
        } catch {
          // It shows nothing early.
        }
      }
      expect(store.get(), `window ${i}`).toEqual(state);
      expect(store.get()).toBe(last);
      expect(inOrder, 'a listener hears every state, in their order').toBe(true);
      expect(store.pending).toBe(pending.size);
    }

    function follow(writing: Promise<Revision>, change: Change | false): void {
      const entry: { change: Change; at?: Revision } | false = change && { change };
      if (entry) pending.add(entry);
      writing.then(
        (revision) => {
          expect(compareRevisions(store.revision, revision), 'I12').toBeGreaterThanOrEqual(0);
          if (entry) pending.delete(entry);
        },
        (error) => {
          if (entry && error.kind === 'applied' && error.revision) entry.at = error.revision;
          else if (entry) pending.delete(entry);
        },
      );
    }

    return { store, check, follow };
  });
  await Promise.all(windows.map(({ store }) => store.ready));
  await tick();
  const net = backend.hold();

  let items = 0;
  for (const step of actions) {
    if (step.do === 'deliver') net.deliver(step.index);
    else if (step.do === 'lose') net.lose(step.index);
    else if (step.do === 'deliverAll') net.deliverAll();
    else if (step.do === 'owner') {
      const now = backend.data('state') as State;
      backend.set('state', { ...now, note: 100 + step.index });
    } else if (step.do === 'pass') await pass(step.ms);
    else if (step.do === 'update') {
      const { store, follow } = windows[step.who] as (typeof windows)[0];
      follow(
        store.update((state) => ({ ...state, note: state.note + 1 })),
        false,
      );
    } else {
      const { store, follow } = windows[step.who] as (typeof windows)[0];
      const { optimistic: early } = step;
      // Whose write it was, and which; what the reducer refuses is negative.
      const item = ++items * WINDOWS + step.who;
      const value = { items: [item], note: item };
      const how = { optimistic: early };
      if (step.do === 'set') follow(store.set(value, how), early && (() => value));
      else if (step.do === 'merge') {
        const patch = { note: item };
        follow(store.merge(patch, how), early && ((s) => mergePatch(s, patch) as State));
      } else if (step.do === 'patch') {
        // Where there is no such item, all of it is refused, here as there.
        const patch: JsonPatchOperation[] = [
          { op: 'replace', path: '/note', value: item },
          { op: 'remove', path: `/items/${item % 3}` },
        ];
        follow(store.patch(patch, how), early && ((s) => applyJsonPatch(s, patch) as State));
      } else if (step.do === 'conflict') {
        const expectedRevision = store.revision;
        follow(store.set(value, { ...how, expectedRevision }), early && (() => value));
      } else {
        const sent = step.refused ? -item : item;
        const change: (state: State, item: number) => State =
          step.do === 'dispatch' ? reduce : (state) => ({ ...state, note: -1 });
        follow(
          store.dispatch(sent, early ? { optimistic: change } : {}),
          early && ((state) => change(state, sent)),
        );
      }
    }
    await tick();
    if (!patches) for (const { check } of windows) check();
    const there = (backend.data('state') as State).items;
    for (let i = 0; i < WINDOWS; i++) {
      const own = there.filter((item) => item % WINDOWS === i);
      const rising = own.every((item, at) => at === 0 || item > (own[at - 1] as number));
      expect(rising, 'I11: each write once, in the order of the calls').toBe(true);
    }
  }

  net.release();
  await pass(20_000);
  backend.emit('state', { topic: 'state', revision: backend.revision('state'), sourceId: null });
  await pass(20_000);
  for (const { store, check } of windows) {
    check();
    expect(store.pending).toBe(0);
    expect(store.get()).toEqual(backend.data('state'));
    expect(store.revision).toBe(backend.revision('state'));
    store.close();
  }
  await pass(1000);
  expect(vi.getTimerCount(), 'I9: no timer is left').toBe(0);
}

it('I7, I10, I11, I12: whatever the schedule, each window shows what is pending on top of what is confirmed, and ends at the backend’s state', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 16, size: 'max' }),
      fc.nat(),
      fc.boolean(),
      fc.boolean(),
      run,
    ),
    { numRuns: 2000 },
  );
}, 120_000);
