import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pass, tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import type { FakeBackendOptions } from '../testing/fake-backend.js';
import { createConsoleLogger, tagLogger } from './logger.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The lines that a window's console gets, and the store that writes them. */
async function debugged(options: Partial<FakeBackendOptions> = {}) {
  const lines: string[] = [];
  vi.spyOn(console, 'debug').mockImplementation((line) => lines.push(line));
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(line));
  const made = setup(options);
  const logger = tagLogger(createConsoleLogger({ debug: true }), { window: 'main' });
  const store = made.backend.window('main').store<Settings>('settings', { logger });
  return { ...made, lines, store, take: () => lines.splice(0) };
}

it('each step is a line, with label, topic, revision and duration', async () => {
  const { backend, store, lines, take, delay } = await debugged({ deliveries: false });
  delay({ kind: 'response' }, 30);
  delay({ kind: 'listen' }, 5);
  store.get();
  await pass(100);
  const begin = '[debug] [lockstep] [window=main] ';
  expect(lines.filter((line) => !line.startsWith(begin))).toEqual([]);
  const steps = () => take().map((line) => line.slice(begin.length));
  expect(steps()).toEqual([
    'subscribe { topic: "settings", ms: 5 }',
    'getSnapshot { topic: "settings", revision: "1", ms: 30 }',
    'apply { topic: "settings", revision: "1" }',
  ]);
  backend.set('settings', { ...FIRST, size: 2 });
  await pass(100);
  expect(steps()).toEqual([
    'invalidation { topic: "settings", revision: "3", timestampMs: 1760000000000 }',
    'getSnapshot { topic: "settings", revision: "3", ms: 30 }',
    'apply { topic: "settings", revision: "3" }',
  ]);
  store.merge({ size: 3 });
  await pass(100);
  expect(steps()).toEqual([
    'invalidation { topic: "settings", revision: "4", sourceId: "main", timestampMs: 1760000000000 }',
    'write { topic: "settings", revision: "4", ms: 30 }',
    'apply { topic: "settings", revision: "4" }',
  ]);
});

it('a failed step is an error', async () => {
  const { store, lines, fail } = await debugged();
  fail({ command: 'get_snapshot' });
  store.get();
  await tick();
  expect(lines.at(-1)).toMatch(
    /^\[error\] \[lockstep\] \[window=main\] getSnapshot failed \{ topic/,
  );
  store.close();
});

it('I9: nothing is logged after close()', async () => {
  const { store, lines, take, delay } = await debugged();
  store.get();
  await tick();
  delay({ kind: 'response' }, 30);
  const writing = [store.refresh().catch(() => {}), store.merge({ size: 3 })];
  take();
  store.close();
  await pass(100);
  await Promise.all(writing);
  expect(lines).toEqual([]);
});
