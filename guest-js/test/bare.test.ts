import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FOLLOW_UPS } from '../core/gate.js';
import { bareSync, pass, tick } from './helpers.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const FORGED = '18446744073709551615';

const action = fc.oneof(
  fc.record({ do: fc.constant('commit' as const) }),
  fc.record({ do: fc.constant('announce' as const), ahead: fc.nat(3) }),
  fc.record({ do: fc.constant('repeat' as const), back: fc.nat(5) }),
  fc.record({ do: fc.constant('forge' as const) }),
  fc.record({ do: fc.constant('refresh' as const) }),
  fc.record({ do: fc.constant('answer' as const), pull: fc.nat(5), lag: fc.nat(2) }),
  fc.record({ do: fc.constant('patch' as const), pull: fc.nat(5) }),
  fc.record({ do: fc.constant('fail' as const), pull: fc.nat(5) }),
  fc.record({ do: fc.constant('nonsense' as const), pull: fc.nat(5), with: fc.jsonValue() }),
  fc.record({ do: fc.constant('applier' as const), fails: fc.boolean() }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 150, 700, 31_000) }),
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

/** A bare handle whose every answer the schedule holds; a commit is only sometimes announced. */
async function run(actions: Action[], stopEarly: boolean) {
  let now = 10;
  let applierFails = false;
  let stopped = false;
  const applied: number[] = [];
  const answered = new Set<number>();
  const counted = { announced: 0, refreshed: 0 };
  const sync = bareSync({
    applier: {
      async apply({ revision }) {
        expect(stopped, 'I9').toBe(false);
        if (applierFails) throw new Error('cannot show');
        applied.push(Number(revision));
      },
    },
    onError: () => expect(stopped, 'I9').toBe(false),
  });
  await sync.started('10');

  /** One of the latest pulls that wait for an answer. */
  const open = (which: number) => {
    const waiting = sync.pulls.map((_, i) => i).filter((i) => i > 0 && !answered.has(i));
    const found = waiting[waiting.length - 1 - (which % (waiting.length || 1))];
    if (found === undefined) return undefined;
    answered.add(found);
    return sync.pull(found);
  };
  const whole = (lag: number) => ({ revision: String(Math.max(1, now - lag)), data: now });
  const announce = (revision: string) => {
    counted.announced++;
    return sync.announce(revision);
  };

  for (const step of actions) {
    if (step.do === 'commit') now++;
    else if (step.do === 'announce') await announce(String(now + step.ahead));
    else if (step.do === 'repeat') await announce(String(Math.max(1, now - step.back)));
    else if (step.do === 'forge') await announce(FORGED);
    else if (step.do === 'refresh') {
      counted.refreshed++;
      void sync.handle.refresh();
    } else if (step.do === 'answer') open(step.pull)?.resolve(whole(step.lag));
    else if (step.do === 'patch') {
      const pull = open(step.pull);
      pull?.resolve({ revision: String(now), base: pull.since ?? '1', patch: [] });
    } else if (step.do === 'fail') open(step.pull)?.reject(new Error('down'));
    else if (step.do === 'nonsense') open(step.pull)?.resolve(step.with);
    else if (step.do === 'applier') applierFails = step.fails;
    else await pass(step.ms);
    await tick();
    const rising = applied.every((revision, i) => i === 0 || revision > (applied[i - 1] ?? 0));
    expect(rising, 'I7').toBe(true);
    expect(Number(sync.handle.getLocalRevision()), 'I7').toBe(applied.at(-1));
  }

  if (stopEarly) {
    sync.handle.stop();
    stopped = true;
    const before = sync.pulls.length;
    for (let i = 1; i < sync.pulls.length; i++) sync.pull(i).resolve(whole(0));
    await sync.announce(FORGED);
    await pass(200_000);
    expect(sync.pulls.length, 'I9').toBe(before);
    expect(vi.getTimerCount(), 'I9').toBe(0);
    return;
  }

  applierFails = false;
  await announce(String(now));
  const honest = counted.announced;
  // The owner answers whatever is asked from now on; nothing else happens.
  const before = sync.pulls.length;
  for (let i = 0; i < 300; i++) {
    for (let pull = open(0); pull; pull = open(0)) pull.resolve(whole(0));
    await pass(1000);
  }
  expect(Number(sync.handle.getLocalRevision()), 'I8').toBe(now);
  expect(sync.pulls.length - before, 'I8: a handful').toBeLessThanOrEqual(FOLLOW_UPS + 3);
  expect(vi.getTimerCount(), 'at rest').toBe(0);
  expect(honest).toBe(counted.announced);
  sync.handle.stop();
}

it('I6, I7, I8, I9: whatever is announced, answered and failed, a bare handle comes to its owner’s state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60, size: 'max' }), fc.boolean(), run),
    { numRuns: 400 },
  );
}, 120_000);

it('I8: forged announcements cost a handful of pulls each, and no more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(0, 1, 99, 101, 350, 900, 5000), { maxLength: 30 }),
      async (pauses) => {
        const sync = bareSync({
          provider: { getSnapshot: async () => ({ revision: '10' as never, data: 0 }) },
        });
        const getSnapshot = vi.fn(async () => ({ revision: '10' as never, data: 0 }));
        const counted = bareSync({ provider: { getSnapshot } });
        await Promise.all([sync.handle.start(), counted.handle.start(), tick()]);
        for (const pause of pauses) {
          await counted.announce(FORGED);
          await pass(pause);
        }
        await pass(100_000);
        expect(getSnapshot.mock.calls.length).toBeLessThanOrEqual(
          1 + pauses.length * (1 + FOLLOW_UPS),
        );
        expect(vi.getTimerCount()).toBe(0);
        sync.handle.stop();
        counted.handle.stop();
      },
    ),
  );
});
