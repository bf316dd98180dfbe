import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A store that is denied a topic that changes 50 times a second. */
async function busy() {
  const made = setup();
  const store = made.backend.window('main').store<number>('counter');
  await Promise.all([store.ready, tick()]);
  const allow = made.backend.deny({ topic: 'counter', access: 'read' });
  made.calls.clear();
  return {
    ...made,
    store,
    allow,
    pulls: () => made.calls.count({ command: 'get_snapshot' }),
    async goesOn(ms: number) {
      for (let at = 0; at < ms; at += 20) {
        made.backend.set('counter', at);
        await pass(20);
      }
    },
  };
}

it('I14: a store that is denied a busy topic asks ever more rarely', async () => {
  const { goesOn, pulls, store } = await busy();
  await goesOn(10_000);
  expect([store.status, pulls()]).toEqual(['denied', 7]);
  await goesOn(60_000);
  expect(pulls()).toBe(19);
});

it('I8: what is announced after a while, such as that it is let in, it asks about at once', async () => {
  const { backend, goesOn, store, allow } = await busy();
  await goesOn(60_000);
  await pass(10_000);
  allow();
  backend.reauthorize();
  await tick();
  expect(store.status).toBe('synchronized');
});

it('I8: it is let in within 5 s, however busy the topic is', async () => {
  const { goesOn, store, allow } = await busy();
  await goesOn(60_000);
  allow();
  await goesOn(5000);
  expect(store.status).toBe('synchronized');
});
