import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startBrowser } from './browser.mjs';

let browser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.stop());
afterEach(async () => {
  const tab = await browser.open();
  await tab.run(() => app.state.set({ count: 0, by: {} }));
  await browser.closeTabs();
});

const role = (tab) => tab.run(() => app.role());
const state = (tab) => tab.run(() => ({ ...app.state.get(), revision: app.state.revision }));

/** The tab that leads, and the others. */
async function sorted(tabs) {
  let roles;
  await expect
    .poll(async () => {
      roles = await Promise.all(tabs.map(role));
      return roles.toSorted();
    })
    .toEqual(['follower', 'follower', 'leader'].slice(-tabs.length));
  const leader = tabs[roles.indexOf('leader')];
  return { leader, others: tabs.filter((tab) => tab !== leader) };
}

/** All show the same, in the end. */
async function converged(tabs) {
  await expect
    .poll(async () => new Set((await Promise.all(tabs.map(state))).map((s) => s.revision)).size)
    .toBe(1);
  const states = await Promise.all(tabs.map(state));
  for (const each of states) expect(each).toEqual(states[0]);
  return states[0];
}

const openThree = async () => [await browser.open(), await browser.open(), await browser.open()];

it('three tabs write, and come to the same state', async () => {
  const tabs = await openThree();
  await sorted(tabs);
  const adding = tabs.map((tab, i) =>
    tab.run(([how, by]) => app.add(how, 50, by), [i ? 'dispatch' : 'update', `t${i}`]),
  );
  expect(await Promise.all(adding)).toEqual(['done', 'done', 'done']);
  expect(await converged(tabs)).toMatchObject({ count: 150, by: { t0: 50, t1: 50, t2: 50 } });
});

it.each([
  ['is closed', 'dispatch', (tab) => tab.page.close()],
  ['is closed', 'update', (tab) => tab.page.close()],
  ['leaves the page', 'update', (tab) => tab.page.goto('about:blank')],
  ['crashes', 'dispatch', (tab) => tab.crash()],
  ['crashes', 'update', (tab) => tab.crash()],
])(
  'I11: the leader %s while three tabs add by %s: what was acknowledged is there, once',
  async (_, how, end) => {
    const { leader, others } = await sorted(await openThree());
    const add = (tab, times, by) =>
      tab.run(([way, n, of]) => app.add(way, n, of), [how, times, by]).catch(() => 'gone');
    const adding = [add(leader, 10_000, 'a'), add(others[0], 100, 'b'), add(others[1], 100, 'c')];
    await expect.poll(() => leader.acknowledged, { interval: 1 }).toBeGreaterThan(20);
    await end(leader);
    expect(await Promise.all(adding)).toEqual(['gone', 'done', 'done']);
    await sorted(others);
    const { count, by } = await converged(others);
    expect(by).toMatchObject({ b: 100, c: 100 });
    // One may have been stored that nobody was told of, and one whose word did not get out.
    expect(by.a - leader.acknowledged).toBeGreaterThanOrEqual(0);
    expect(by.a - leader.acknowledged).toBeLessThanOrEqual(2);
    expect(count).toBe(by.a + by.b + by.c);
  },
);

it('I5: reloads, and a restart of the browser, lose nothing and do not go back', async () => {
  let tabs = [await browser.open(), await browser.open()];
  await tabs[0].run(() => app.add('dispatch', 10, 'a'));
  const before = await converged(tabs);
  for (const tab of tabs) {
    await tab.page.reload();
    await tab.ready();
  }
  await tabs[1].run(() => app.add('update', 10, 'b'));
  const reloaded = await converged(tabs);
  expect(reloaded).toMatchObject({ count: 20, by: { a: 10, b: 10 } });
  expect(BigInt(reloaded.revision)).toBeGreaterThan(BigInt(before.revision));
  await browser.restart();
  tabs = [await browser.open()];
  expect(await converged(tabs)).toEqual(reloaded);
});

it('a leader that navigates away, and back, follows', async () => {
  const { leader, others } = await sorted([await browser.open(), await browser.open()]);
  await leader.page.goto('about:blank');
  await expect.poll(() => role(others[0])).toBe('leader');
  await others[0].run(() => app.add('dispatch', 5, 'a'));
  await leader.page.goBack();
  await leader.ready();
  expect(await converged([leader, others[0]])).toMatchObject({ count: 5 });
  await sorted([leader, others[0]]);
});
