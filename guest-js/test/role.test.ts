import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { noopLogger } from '../core/logger.js';
import { pageOf } from '../core/page.js';
import { PRIMARY } from '../core/primary.js';
import { compareRevisions } from '../core/revision.js';
import { createRole } from '../core/role.js';
import { createFakeBackend, type FakeWindow } from '../testing/index.js';
import { pass, rev, tick } from './helpers.js';
import { seededRandom } from './random.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const WINDOWS = 3;

const who = fc.nat(WINDOWS - 1);
const index = fc.nat(20);
const one = <D extends string>(...names: D[]) =>
  fc.record({ do: fc.constantFrom(...names), who, index });
const action = fc.oneof(
  { weight: 12, arbitrary: one('deliver') },
  { weight: 3, arbitrary: one('lose', 'deliverAll') },
  { weight: 5, arbitrary: one('join', 'leave', 'leave') },
  { weight: 3, arbitrary: one('reload', 'restore') },
  { weight: 4, arbitrary: one('hide', 'wake', 'wake') },
  { weight: 2, arbitrary: one('silence') },
  { weight: 5, arbitrary: one('pass') },
);

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

const PAUSES = [1, 90, 600, 4000, 11_000, 31_000];

/** Pages that come, go, hide and lose what they are told, under a schedule that owns every crossing. */
async function run(actions: Action[], seed: number, yields: boolean[]) {
  // Pages that are gone go on trying, and reach nobody.
  vi.clearAllTimers();
  vi.spyOn(Math, 'random').mockImplementation(seededRandom(seed));
  const backend = createFakeBackend({ topics: {} });
  const net = backend.hold();
  let highest = rev(0);
  let failure: unknown;

  const open = (i: number) => {
    const window = backend.window(`w${i}`);
    const page = { window, wants: true, hidden: false, working: false, role: make(window, i) };
    page.role.onRole(async (to, { term }) => {
      if (to === 'primary') {
        expect(term).toBe(page.role.term);
        // One that is taken for dead may hear late that it was: what its term is there for.
        if (backend.alive(`w${i}`, pageOf(window.transport).session)) {
          expect(compareRevisions(term ?? rev(0), highest), 'terms rise').toBeGreaterThan(0);
          highest = term ?? highest;
        }
        page.working = true;
        check();
        return;
      }
      const stops = PAUSES[Math.floor(Math.random() * 4)] ?? 0;
      await new Promise((resolve) => setTimeout(resolve, stops));
      if (page.role.role() !== 'primary') page.working = false;
    });
    return page;
  };
  const make = ({ transport }: FakeWindow, i: number) =>
    createRole(transport, {
      whenHidden: yields[i] ? 'yield' : 'keep',
      logger: noopLogger,
      onError({ phase, error }) {
        if (phase === 'apply') failure = error;
      },
    });
  const pages = Array.from({ length: WINDOWS }, (_, i) => open(i));

  function check(): void {
    if (failure) throw failure;
    const live = pages.filter(({ window: { label, transport } }) =>
      backend.alive(label, pageOf(transport).session),
    );
    const primary = live.filter(({ role }) => role.role() === 'primary');
    expect(primary.length, 'one primary at most').toBeLessThanOrEqual(1);
    const working = live.filter((page) => page.working);
    expect(working.length, 'one at most does its work').toBeLessThanOrEqual(1);
    for (const { role } of pages) expect(role.term !== undefined).toBe(role.role() === 'primary');
  }

  for (const step of actions) {
    const page = pages[step.who] as (typeof pages)[0];
    if (step.do === 'deliver') net.deliver(step.index);
    else if (step.do === 'lose') net.lose(step.index);
    else if (step.do === 'deliverAll') net.deliverAll();
    else if (step.do === 'join') {
      page.role.join();
      page.wants = true;
    } else if (step.do === 'leave') {
      void page.role.leave();
      page.wants = false;
    } else if (step.do === 'reload') {
      page.window.close();
      pages[step.who] = open(step.who);
    } else if (step.do === 'restore') {
      page.window.hide(true);
      page.window.wake(true);
      page.hidden = false;
    } else if (step.do === 'hide') {
      page.window.hide();
      page.hidden = true;
    } else if (step.do === 'wake') {
      page.window.wake();
      page.hidden = false;
    } else if (step.do === 'silence') {
      // What a page had sent a minute ago has arrived, or never will.
      const { label } = page.window;
      const late = () =>
        net.waiting.findIndex(({ kind, window }) => window === label && kind === 'request');
      for (let at = late(); at >= 0; at = late()) net.lose(at);
      page.window.silence();
    } else await pass(PAUSES[step.index % PAUSES.length] ?? 1);
    check();
    await tick();
    check();
  }

  net.release();
  await pass(100_000);
  check();
  // What was lost is found on waking. One that yields stays hidden.
  pages.forEach(({ window, hidden }, i) => {
    if (!(hidden && yields[i])) window.wake();
  });
  await pass(100_000);
  check();
  const holds = pages.filter(({ role }) => role.role() === 'primary');
  const candidates = pages.filter(({ wants, hidden }, i) => wants && !(hidden && yields[i]));
  const there = candidates.filter(({ window: { label, transport } }) =>
    backend.alive(label, pageOf(transport).session),
  );
  if (there.length) expect(holds, 'one is primary').toHaveLength(1);
  for (const page of holds) expect(candidates).toContain(page);
  const state = backend.has(PRIMARY)
    ? (backend.data(PRIMARY) as { holder: { window: string } | null }).holder?.window
    : undefined;
  const [held] = there.length ? holds : [];
  expect(state).toBe(held?.window.label);
}

it('I6, I7: whatever the schedule, no two live pages are primary, terms rise, and one is at the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 80, size: 'max' }),
      fc.nat(),
      fc.array(fc.boolean(), { minLength: WINDOWS, maxLength: WINDOWS }),
      run,
    ),
    { numRuns: 300 },
  );
}, 300_000);
