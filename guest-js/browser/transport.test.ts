import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createTopicFamily } from '../core/family.js';
import { noopLogger } from '../core/logger.js';
import { createRole, type RoleName } from '../core/role.js';
import { createTopicStore } from '../core/store.js';
import type { TopicStore } from '../core/topic-store.js';
import type { SyncErrorContext } from '../core/types.js';
import { kindOf, outcome, pass, rev } from '../test/helpers.js';
import {
  type Crossing,
  createFakeBrowser,
  type FakeBrowser,
  type FakeBrowserOptions,
} from '../testing/fake-browser.js';
import type { BrowserTransportOptions, TabRole } from './options.js';
import { CALL_MS, createTransport, SETTLE_MS } from './transport.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const stores: TopicStore<number>[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

const TOPICS: BrowserTransportOptions['topics'] = {
  n: { initial: 0, reduce: (n: number, by: number) => n + by },
};

function openTab(browser: FakeBrowser, options: Partial<BrowserTransportOptions> = {}) {
  const tab = browser.tab();
  const errors: SyncErrorContext[] = [];
  const transport = createTransport(
    {
      ...tab.platform,
      topics: TOPICS,
      families: { jobs: { initial: 'new' } },
      logger: noopLogger,
      onError: (context) => errors.push(context),
      ...options,
    },
    tab.page,
  );
  const roles: TabRole[] = [];
  return {
    ...tab,
    transport,
    errors,
    roles,
    async begin() {
      roles.push(transport.role());
      transport.onRole((role) => roles.push(role));
      await pass(SETTLE_MS + 50);
    },
    store() {
      const store = createTopicStore<number, number>('n', transport, { logger: noopLogger });
      stores.push(store as unknown as TopicStore<number>);
      return store;
    },
  };
}

/** So many tabs, the first of which leads. */
async function openTabs(count: number, how: FakeBrowserOptions = {}) {
  const browser = createFakeBrowser(how);
  const tabs = Array.from({ length: count }, () => openTab(browser));
  for (const tab of tabs) await tab.begin();
  return { browser, tabs, role: () => tabs.map(({ transport }) => transport.role()) };
}

it('one tab leads, the others follow, and another takes over when it closes', async () => {
  const { tabs, role } = await openTabs(3);
  expect(role()).toEqual(['leader', 'follower', 'follower']);
  tabs[0]?.transport.close();
  await pass(10);
  expect(role(), 'nobody knows yet who').toEqual(['candidate', 'candidate', 'candidate']);
  await pass(SETTLE_MS);
  expect(role()).toEqual(['candidate', 'leader', 'follower']);
  tabs[1]?.crash();
  await pass(SETTLE_MS + 50);
  expect(tabs[2]?.roles).toEqual([
    'candidate',
    'follower',
    'candidate',
    'follower',
    'candidate',
    'leader',
  ]);
});

it('a tab that is alone leads at once', async () => {
  const tab = openTab(createFakeBrowser());
  expect(tab.transport.role()).toBe('candidate');
  await pass(1);
  expect(tab.transport.role()).toBe('leader');
});

it('I2: whoever hears of a revision, and asks, gets it or a newer one', async () => {
  const { tabs } = await openTabs(3);
  const got: Promise<unknown>[] = [];
  for (const { transport } of tabs) {
    transport.listen('n', (event) => {
      const { revision } = event as { revision: string };
      const asked = transport.getSnapshot('n').then((snapshot) => {
        const { revision: at } = snapshot as { revision: string };
        expect(BigInt(at)).toBeGreaterThanOrEqual(BigInt(revision));
      });
      got.push(asked);
    });
  }
  for (const seq of [1, 2, 3]) {
    for (const { transport } of tabs) {
      transport.write({ topic: 'n', session: transport.label, seq, set: seq });
    }
  }
  await pass(50);
  await Promise.all(got);
  expect(got.length).toBeGreaterThan(3);
});

it('what one writes, all see, and who wrote it', async () => {
  const { tabs } = await openTabs(3);
  const [a, b, c] = tabs.map((tab) => tab.store());
  const seen: unknown[] = [];
  await Promise.all([c?.ready, pass(10)]);
  c?.subscribe((n, _, { sourceId }) => seen.push([n, sourceId]));
  await Promise.all([b?.dispatch(5), pass(10)]);
  await Promise.all([a?.set(1), pass(10)]);
  expect([a?.get(), b?.get(), c?.get()]).toEqual([1, 1, 1]);
  expect(seen).toEqual([
    [5, tabs[1]?.transport.label],
    [1, tabs[0]?.transport.label],
  ]);
});

it('I8: a follower hears of what the leader stored, and came not to announce', async () => {
  const { tabs } = await openTabs(2);
  const [a, b] = tabs.map((tab) => tab.store());
  await Promise.all([a?.ready, b?.ready, pass(10)]);
  const write = tabs[0]?.platform.storage.setItem;
  if (!write || !tabs[0]) throw new Error('no tab');
  tabs[0].platform.storage.setItem = (key, value) => {
    write(key, value);
    tabs[0]?.crash();
  };
  void a?.set(7);
  await pass(SETTLE_MS + 100);
  expect([b?.get(), b?.status]).toEqual([7, 'synchronized']);
});

it('I11: what a leader stored, and only it was told of, is there when another takes over', async () => {
  // Others see and hear of it when the lock is theirs already.
  const slow = (crossing: Crossing, from: number, to: number): number =>
    crossing !== 'lock' && from !== to ? SETTLE_MS - 20 : 0;
  const { tabs } = await openTabs(2, { latency: slow });
  const [a, b] = tabs.map((tab) => tab.store());
  b?.get();
  await pass(1000);
  const shown = outcome(a?.dispatch(7) ?? Promise.resolve(rev(0)));
  await pass(1);
  expect(shown.now).toBe(a?.revision);
  tabs[0]?.crash();
  await pass(1000);
  expect([tabs[1]?.transport.role(), b?.get()]).toEqual(['leader', 7]);
});

it('I11: what any tab has heard of is there when another takes over, however long that takes', async () => {
  // The second tab, which takes over, sees and hears of it late; the third was told.
  const slow = (crossing: Crossing, from: number, to: number): number =>
    crossing !== 'lock' && from === 1 && to === 2 ? 1000 : 1;
  const { tabs } = await openTabs(3, { latency: slow });
  const [, b, c] = tabs.map((tab) => tab.store());
  b?.get();
  await pass(3000);
  const shown = outcome(c?.dispatch(7) ?? Promise.resolve(rev(0)));
  await pass(10);
  expect(shown.now).toBe(c?.revision);
  tabs[0]?.crash();
  await pass(500);
  expect(tabs[1]?.transport.role()).toBe('candidate');
  await pass(1000);
  expect([tabs[1]?.transport.role(), b?.get(), c?.get()]).toEqual(['leader', 7, 7]);
});

it('a leader that goes into the back/forward cache leads no more, and follows when it is back', async () => {
  const { tabs, role } = await openTabs(2);
  const [first] = tabs;
  const [a, b] = tabs.map((tab) => tab.store());
  await Promise.all([a?.ready, pass(10)]);
  first?.hide();
  await pass(SETTLE_MS + 50);
  // A page that is really in the cache hears nothing; this one is only about to be.
  expect(role()).toEqual(['follower', 'leader']);
  await Promise.all([b?.set(3), pass(10)]);
  expect(a?.get()).toBe(3);
  const waiting = outcome<unknown>(a?.set(4) ?? Promise.resolve());
  first?.restore();
  await pass(1000);
  expect(role()).toEqual(['follower', 'leader']);
  expect([b?.get(), waiting.now]).toEqual([4, b?.revision]);
});

it('what the leader writes while its page is left is stored', async () => {
  const { browser, tabs } = await openTabs(1);
  const [a] = tabs.map((tab) => tab.store());
  await Promise.all([a?.ready, pass(10)]);
  const written = outcome<unknown>(a?.set(9) ?? Promise.resolve());
  // The queue has sent it.
  await Promise.resolve();
  await Promise.resolve();
  tabs[0]?.hide();
  tabs[0]?.crash();
  expect(browser.stored.get('lockstep/app/topic/n')).toContain('"data":9');
  await pass(1);
  expect(written.now).toBe(a?.revision);
});

it('nonsense on the channel is reported, and changes nothing', async () => {
  const { browser, tabs } = await openTabs(2);
  const stranger = browser.tab().platform.channel('lockstep/app/');
  const nonsense = [
    null,
    'x',
    { type: 'event' },
    { type: 'lead', from: 'x' },
    { type: 'call', from: 'x', id: 'x/1', method: 'toString', args: [] },
    { type: 'call', from: 'x', id: 'x/1', method: 'getSnapshot', args: 7 },
    { type: 'answer', to: 'x', id: 'x', counter: '07' },
  ];
  for (const message of nonsense) stranger.postMessage(message);
  await pass(50);
  const [a, b] = tabs.map((tab) => tab.store());
  await Promise.all([b?.set(4), a?.ready, pass(50)]);
  expect([a?.get(), b?.get()]).toEqual([4, 4]);
  expect(tabs[0]?.errors.length).toBeGreaterThan(0);
});

it('a leader whose lock is stolen steps down, and asks for it again', async () => {
  const { browser, tabs, role } = await openTabs(2);
  browser.steal('leader');
  await pass(SETTLE_MS + 100);
  expect(role().sort()).toEqual(['follower', 'leader']);
  const [a, b] = tabs.map((tab) => tab.store());
  await Promise.all([a?.set(3), b?.ready, pass(100)]);
  expect(b?.get()).toBe(3);
});

it('topics of a family come and go, whoever leads', async () => {
  const { tabs } = await openTabs(2);
  const families = tabs.map(({ transport }) =>
    createTopicFamily<string>('jobs', transport, { logger: noopLogger }),
  );
  const [a, b] = families;
  const made = b?.create({ initial: 'mine' });
  await pass(50);
  const id = (await made)?.topic.slice('jobs/'.length) ?? '';
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  const listed = a?.list();
  await pass(50);
  expect(await listed).toEqual([id]);
  const removed = a?.remove(id);
  await pass(50);
  expect(await removed).toBe(true);
  expect(b?.topic(id).status).toBe('removed');
  for (const family of families) family.topic(id).close();
});

it('I11: a creation that is sent again to the next leader is done once; a removal fails instead', async () => {
  const { tabs } = await openTabs(2);
  const [first, second] = tabs;
  if (!first || !second) throw new Error('no tabs');
  const lead = first.platform.storage.setItem;
  first.platform.storage.setItem = (key, value) => {
    lead(key, value);
    if (key.endsWith('counter')) first.crash();
  };
  const made = outcome(second.transport.createTopic({ family: 'jobs', session: 's' }));
  await pass(SETTLE_MS + 100);
  expect(made.now).toMatchObject({ data: 'new' });
  const listed = outcome(second.transport.listTopics('jobs/'));
  await pass(10);
  expect(listed.now).toHaveLength(1);

  const { tabs: others } = await openTabs(2);
  const removal = kindOf(others[1]?.transport.removeTopic('n') ?? Promise.resolve());
  others[0]?.crash();
  await pass(SETTLE_MS + 100);
  expect(await removal).toMatchObject({ message: 'the tab that was asked is gone' });
});

it('one page holds the role, and another when it is gone, whoever leads', async () => {
  const { tabs } = await openTabs(3);
  const roles = tabs.map(({ transport }) => createRole(transport, { logger: noopLogger }));
  const names = (): RoleName[] => roles.map((each) => each.role());
  names();
  await pass(50);
  expect(names()).toEqual(['primary', 'secondary', 'secondary']);
  const terms = [BigInt(roles[0]?.term ?? 0)];
  const left = roles[0]?.leave();
  await pass(50);
  await left;
  expect(names()).toEqual(['secondary', 'primary', 'secondary']);
  terms.push(BigInt(roles[1]?.term ?? 0));
  tabs[1]?.crash();
  await pass(50);
  expect(roles[2]?.role()).toBe('primary');
  terms.push(BigInt(roles[2]?.term ?? 0));
  // The leader goes: whoever takes over knows of no candidates, until they have joined again.
  tabs[0]?.crash();
  await pass(SETTLE_MS + 100);
  expect(roles[2]?.role()).toBe('primary');
  terms.push(BigInt(roles[2]?.term ?? 0));
  expect(terms).toEqual([...new Set(terms)].sort((a, b) => Number(a - b)));
});

it('whoever waits for the role waits on when another tab takes over', async () => {
  const { tabs } = await openTabs(4);
  const sessions = ['a', 'b', 'c', 'd'];
  for (const [i, { transport }] of tabs.entries()) {
    transport.joinRole(sessions[i] ?? '').catch(() => {});
    await pass(10);
  }
  const holder = async () => {
    const read = tabs[3]?.transport.getSnapshot('lockstep/primary');
    await pass(10);
    return (await read) as { data: { holder: { session: string } } };
  };
  tabs[0]?.crash();
  await pass(SETTLE_MS + 100);
  const { session } = (await holder()).data.holder;
  expect(['b', 'c', 'd']).toContain(session);
  // All of them wait, though none has asked again.
  const seen = new Set([session]);
  for (let turn = 0; turn < 3; turn++) {
    const now = (await holder()).data.holder.session;
    seen.add(now);
    const left = tabs[sessions.indexOf(now)]?.transport.leaveRole(now);
    await pass(10);
    await left;
  }
  expect(seen).toEqual(new Set(['b', 'c', 'd']));
  expect((await holder()).data.holder).toBeNull();
});

it('a call that nobody answers fails after a while', async () => {
  const { tabs } = await openTabs(2);
  tabs[1]?.hide();
  const call = kindOf(tabs[1]?.transport.getSnapshot('n') ?? Promise.resolve());
  await pass(CALL_MS);
  expect(await call).toMatchObject({ message: `no tab answered within ${CALL_MS} ms` });
});

it('apps of different names have nothing to do with one another', async () => {
  const browser = createFakeBrowser();
  const tabs = [openTab(browser, { name: 'one' }), openTab(browser, { name: 'two' })];
  for (const tab of tabs) await tab.begin();
  expect(tabs.map(({ transport }) => transport.role())).toEqual(['leader', 'leader']);
  const [a, b] = tabs.map((tab) => tab.store());
  await Promise.all([a?.set(1), b?.ready, pass(10)]);
  expect([a?.get(), b?.get()]).toEqual([1, 0]);
});

it('what is damaged is reported, with the key under which it is kept', async () => {
  const { browser, tabs } = await openTabs(1);
  tabs[0]?.transport.close();
  browser.stored.set('lockstep/app/topic/n', '{"format":');
  const next = openTab(browser);
  await next.begin();
  expect(next.errors).toMatchObject([
    { phase: 'protocol', topic: 'n', error: { kind: 'protocol' } },
  ]);
  const [aside = ''] = [...browser.stored.keys()].filter((key) => key.startsWith('damaged:'));
  expect(String(next.errors[0]?.error)).toContain(aside);
  expect(browser.stored.get(aside)).toBe('{"format":');
});

/** A tab of a browser that has none of it, or denies it. */
function bare(options: Partial<BrowserTransportOptions> = {}) {
  vi.stubGlobal('BroadcastChannel', undefined);
  vi.stubGlobal('navigator', {});
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get() {
      throw new DOMException('denied', 'SecurityError');
    },
  });
  const { page } = createFakeBrowser().tab();
  const errors: SyncErrorContext[] = [];
  const onError = (context: SyncErrorContext): void => void errors.push(context);
  const transport = createTransport(
    { topics: TOPICS, logger: noopLogger, onError, ...options },
    page,
  );
  return { transport, errors };
}

it('where the browser lacks what it takes, the tab is alone, and says so', async () => {
  const { transport, errors } = bare();
  const store = createTopicStore<number, number>('n', transport, { logger: noopLogger });
  await Promise.all([store.dispatch(2), pass(50)]);
  expect([store.get(), transport.role()]).toEqual([2, 'leader']);
  expect(errors).toMatchObject([{ error: { kind: 'transport' } }]);
  expect(String(errors[0]?.error)).toMatch(
    /no localStorage and no Web Locks and no BroadcastChannel/,
  );
  store.close();
});

it('where the browser lacks what it takes, every call fails, where that is asked for', async () => {
  const { transport } = bare({ whenUnsupported: 'fail' });
  expect(await kindOf(transport.getSnapshot('n'))).toBe('transport');
  expect(await kindOf(transport.write({ topic: 'n', session: 's', seq: 1, set: 1 }))).toBe(
    'transport',
  );
});

it('where the browser gives no locks, every call fails', async () => {
  const tab = createFakeBrowser().tab();
  const locks = { request: () => Promise.reject(new Error('no')), query: async () => ({}) };
  const transport = createTransport(
    { ...tab.platform, locks, topics: TOPICS, logger: noopLogger, onError: () => {} },
    tab.page,
  );
  const call = kindOf(transport.getSnapshot('n'));
  await pass(10);
  expect(await call).toMatchObject({ message: 'no' });
});

it('making it touches nothing, and closing it ends it', async () => {
  const { transport } = bare({ whenUnsupported: 'fail' });
  transport.close();
  expect(await kindOf(transport.getSnapshot('n'))).toBe('closed');
  const { tabs } = await openTabs(2);
  const call = kindOf(tabs[1]?.transport.getSnapshot('n') ?? Promise.resolve());
  tabs[1]?.transport.close();
  expect(await call).toBe('closed');
});
