import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kindOf, outcome, pass, tick } from '../test/helpers.js';
import { createFakeBackend } from './fake-backend.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Two windows that listen to one topic, and what each has heard. */
async function listening() {
  const backend = createFakeBackend({ topics: { a: 0, b: 0 } });
  const windows = ['one', 'two'].map((label) => backend.window(label));
  const heard: Record<string, unknown[]> = { one: [], two: [] };
  for (const { label, transport } of windows) {
    await transport.listen('a', (event) => heard[label]?.push(Object(event).revision));
  }
  const [one, two] = windows.map(({ transport }) => transport);
  if (!one || !two) throw new Error('there are two windows');
  return { backend, heard, one, two };
}

it('a delay is for what matches; where delays differ, the order is lost', async () => {
  const { backend, heard } = await listening();
  let lag = 30;
  backend.delay({ kind: 'event', window: 'one' }, () => {
    lag -= 10;
    return lag;
  });
  backend.set('a', 1);
  backend.set('a', 2);
  await tick();
  expect(heard).toEqual({ one: [], two: ['3', '4'] });
  await pass(20);
  expect(heard.one).toEqual(['4', '3']);
});

it('what fails rejects, or is not heard; what is dropped says nothing', async () => {
  const { backend, heard, one } = await listening();
  const heal = backend.fail({ topic: 'a' });
  await expect(one.getSnapshot('a')).rejects.toThrow('down');
  expect(await one.getSnapshot('b')).toMatchObject({ data: 0 });
  backend.set('a', 1);
  heal();
  await tick();
  expect(heard).toEqual({ one: [], two: [] });
  backend.drop({ command: 'get_snapshot', kind: 'response' }, { times: 1 });
  const lost = outcome(one.getSnapshot('a'));
  await pass(100_000);
  expect(lost.now).toBe('pending');
  expect(await one.getSnapshot('a')).toMatchObject({ data: 1 });
});

it('what is repeated is heard twice, or run twice', async () => {
  const { backend, heard, one } = await listening();
  backend.repeat({ kind: 'event', window: 'one' });
  backend.repeat({ kind: 'request', command: 'remove_topic' }, { times: 1 });
  expect(await one.removeTopic('a')).toEqual({ removed: false });
  await tick();
  expect([backend.has('a'), heard]).toEqual([false, { one: ['3', '3'], two: ['3'] }]);
});

it('what is held goes on in any order, or is lost', async () => {
  const { backend, heard, one } = await listening();
  const held = backend.hold({ kind: 'event', window: 'one' });
  for (const n of [1, 2, 3, 4]) backend.set('a', n);
  expect(held.waiting).toHaveLength(4);
  expect([held.deliver(2), held.lose(), held.waiting.length]).toEqual([true, true, 2]);
  held.deliverAll({ reversed: true });
  await tick();
  expect(heard.one).toEqual(['5', '6', '4']);
  expect([held.deliver(), held.lose()]).toEqual([false, false]);
  const calls = backend.hold({ command: 'get_snapshot' });
  const reading = outcome(one.getSnapshot('a'));
  calls.lose(7, new Error('cut'));
  await tick();
  expect(reading.now).toEqual(new Error('cut'));
  held.release();
  backend.set('a', 5);
  await tick();
  expect(heard.one).toHaveLength(4);
});

it('the oldest rule that matches decides; one that returns nothing leaves it to the next', async () => {
  const { backend, one } = await listening();
  const seen: string[] = [];
  backend.rule(
    ({ kind }) => kind === 'request',
    ({ command }) => {
      seen.push(String(command));
      return undefined;
    },
  );
  backend.fail({ kind: 'request' }, { error: { kind: 'panicked' } });
  backend.drop({});
  expect(await kindOf(one.getSnapshot('a'))).toBe('panicked');
  expect(seen).toEqual(['get_snapshot']);
});

it('a write whose answer is lost is sent again, and applied once', async () => {
  const backend = createFakeBackend({ topics: { counter: 0 } });
  const store = backend.window('main').store<number>('counter');
  await store.ready;
  backend.fail({ kind: 'response', command: 'write' }, { times: 1 });
  const counting = store.update((n) => n + 1);
  await pass(1000);
  await counting;
  const [first, second] = backend.calls.of({ command: 'write' });
  expect(first?.args).toEqual(second?.args);
  expect([first?.error, second?.answer]).toEqual([new Error('down'), expect.anything()]);
  expect(backend.data('counter')).toBe(1);
});
