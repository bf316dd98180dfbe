import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { noopLogger } from '../core/logger.js';
import { compareRevisions, type Revision, ZERO_REVISION } from '../core/revision.js';
import { createTopicStore } from '../core/store.js';
import type { TopicStore } from '../core/topic-store.js';
import { kindOf, pass, tick } from '../test/helpers.js';
import {
  type Crossing,
  createFakeBrowser,
  type FakeBrowser,
  type FakeTab,
} from '../testing/fake-browser.js';
import { createTransport, SETTLE_MS } from './transport.js';

interface State {
  count: number;
  tags: Record<string, number>;
}

type Action = { type: 'add'; tag: string };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A tab with the store of one topic, which notes what it was told of its writes. */
function openTab(browser: FakeBrowser, told: { shown: number; unknown: number }) {
  const tab = browser.tab();
  const transport = createTransport(
    {
      ...tab.platform,
      topics: {
        state: {
          initial: { count: 0, tags: {} },
          reduce: (state: State, { tag }: Action) => {
            state.count++;
            state.tags[tag] = (state.tags[tag] ?? 0) + 1;
            return state;
          },
        },
      },
      logger: noopLogger,
      onError: ({ error }) => {
        throw error;
      },
    },
    tab.page,
  );
  let gone = false;
  let last: Revision = ZERO_REVISION;
  const store: TopicStore<State, Action> = createTopicStore<State, Action>('state', transport, {
    logger: noopLogger,
    onError: () => {},
  });
  store.subscribe((_, __, { revision }) => {
    if (gone) return;
    expect(compareRevisions(revision, last), 'I7: revisions rise').toBeGreaterThan(0);
    last = revision;
  });

  const noted = async (write: Promise<Revision>): Promise<void> => {
    const end = await kindOf(write);
    // What a tab that crashed was told, nobody knows.
    if (gone || end === 'timeout' || end === 'transport') told.unknown++;
    else if (end === 'resolved' || end === 'applied') told.shown++;
    else expect(['closed', 'conflict']).toContain(end);
  };

  return {
    tab,
    store,
    transport,
    gone: () => gone,
    add: (tag = 'a') => noted(store.dispatch({ type: 'add', tag })),
    count: () => noted(store.update((s) => ({ ...s, count: s.count + 1 }))),
    end(how: 'crash' | 'hide') {
      if (how === 'hide') tab.hide();
      gone = true;
      tab.crash();
      store.close();
    },
  };
}

type Tab = ReturnType<typeof openTab>;

const leaders = (tabs: Tab[]): Tab[] =>
  tabs.filter((tab) => !tab.gone() && tab.transport.role() === 'leader');

/** All that are left show the same, and that is what they were told. */
function checkEnd(tabs: Tab[], told: { shown: number; unknown: number }): void {
  const left = tabs.filter((tab) => !tab.gone());
  const [first] = left;
  expect(leaders(tabs), 'one leads').toHaveLength(1);
  for (const { store } of left) {
    expect(store.get()).toEqual(first?.store.get());
    expect(store.revision).toBe(first?.store.revision);
    expect(store.status).toBe('synchronized');
  }
  const count = first?.store.get()?.count;
  expect(count, 'I11: nothing acknowledged is lost').toBeGreaterThanOrEqual(told.shown);
  expect(count, 'I11: nothing is applied twice').toBeLessThanOrEqual(told.shown + told.unknown);
}

async function closeAll(tabs: Tab[]): Promise<void> {
  for (const tab of tabs) tab.store.close();
  for (const tab of tabs) tab.transport.close();
  await pass(100_000);
  expect(vi.getTimerCount(), 'I9: no timer is left').toBe(0);
}

/** Three tabs that count, the first of which crashes at its so-many-th crossing of a kind. */
async function crashedAt(kind: Crossing, nth: number, write: 'add' | 'count'): Promise<boolean> {
  let crossings = 0;
  let crashed = false;
  const tabs: Tab[] = [];
  const browser = createFakeBrowser({
    latency: () => 3,
    before(tab: FakeTab, crossing) {
      if (crashed || crossing !== kind || tab !== tabs[0]?.tab || ++crossings !== nth) return;
      crashed = true;
      tabs[0]?.end('crash');
    },
  });
  const told = { shown: 0, unknown: 0 };
  tabs.push(openTab(browser, told));
  await pass(20);
  tabs.push(openTab(browser, told), openTab(browser, told));
  await pass(20);
  const writes = tabs.flatMap((tab) => [tab[write](), tab[write]()]);
  await pass(40);
  writes.push(...tabs.slice(1).map((tab) => tab[write]()));
  await pass(60_000);
  await Promise.all(writes.slice(crashed ? 2 : 0));
  checkEnd(tabs, told);
  if (!crashed) expect(tabs[1]?.store.get()?.count).toBe(8);
  expect(told.unknown, 'only what the crashed tab wrote is unknown').toBeLessThanOrEqual(2);
  await closeAll(tabs);
  return crashed;
}

it.each([
  ['message', 'add'],
  ['message', 'count'],
  ['store', 'add'],
  ['store', 'count'],
] as const)(
  'I11: the leader crashes before each %s, while all write by %s: nothing acknowledged is lost, nothing is applied twice',
  async (kind, write) => {
    let nth = 1;
    while (await crashedAt(kind, nth, write)) nth++;
    expect(nth).toBeGreaterThan(10);
  },
  60_000,
);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), who: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('count' as const), who: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), who: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crashLeader' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cache' as const), who: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('steal' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
);

async function run(
  steps: (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
  delays: number[],
) {
  let at = 0;
  const browser = createFakeBrowser({ latency: () => delays[at++ % delays.length] ?? 0 });
  const told = { shown: 0, unknown: 0 };
  const tabs = [openTab(browser, told), openTab(browser, told)];
  const writes: [Tab, Promise<void>][] = [];
  const cached: Tab[] = [];

  for (const each of steps) {
    const there = tabs.filter((tab) => !tab.gone() && !cached.includes(tab));
    const who = 'who' in each ? there[each.who % there.length] : there[0];
    if (each.do === 'pass') await pass(each.ms);
    else if (each.do === 'open') tabs.push(openTab(browser, told));
    else if (each.do === 'steal') browser.steal('leader');
    else if (each.do === 'crashLeader') leaders(tabs)[0]?.end('crash');
    else if (each.do === 'crash') who?.end('crash');
    else if (each.do === 'leave') who?.end('hide');
    else if (each.do === 'cache' && who) {
      who.tab.hide();
      cached.push(who);
    } else if (who) writes.push([who, each.do === 'add' ? who.add() : who.count()]);
    await tick();
    expect(leaders(tabs).length, 'at most one leads').toBeLessThanOrEqual(1);
  }

  for (const tab of cached) tab.tab.restore();
  tabs.push(openTab(browser, told));
  await pass(200_000);
  await Promise.all(writes.filter(([tab]) => !tab.gone()).map(([, write]) => write));
  // Those that crashed come to their ends, too; what they were told does not count.
  told.unknown += writes.filter(([tab]) => tab.gone()).length;
  checkEnd(tabs, told);
  await closeAll(tabs);
}

it('I5, I7, I11: whatever the schedule, all tabs come to one state, which has what was acknowledged, once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.array(fc.nat(SETTLE_MS - 10), { minLength: 1, maxLength: 40 }),
      run,
    ),
    { numRuns: 150 },
  );
}, 120_000);
