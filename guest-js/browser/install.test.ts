import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { setDefaultTransport } from '../core/default-transport.js';
import { noopLogger } from '../core/logger.js';
import { defineTopic, defineTopicFamily, listTopics, removeTopic } from '../tauri.js';
import { pass } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { createFakeBrowser } from '../testing/fake-browser.js';
import { installBrowserTransport } from './install.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('document', new EventTarget());
});
afterEach(() => {
  setDefaultTransport();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('stores that were defined before work over what is installed', async () => {
  const store = defineTopic<number>('n', { logger: noopLogger });
  const transport = installBrowserTransport({
    ...createFakeBrowser().tab().platform,
    topics: { n: { initial: 1 } },
  });
  await Promise.all([store.update((n) => n + 1), pass(50)]);
  expect([store.get(), transport?.role()]).toEqual([2, 'leader']);
  store.close();
});

it('a page has one: later calls get the first', async () => {
  const { platform } = createFakeBrowser().tab();
  const first = installBrowserTransport({ ...platform, topics: {} });
  expect(installBrowserTransport({ ...platform, topics: {} })).toBe(first);
  setDefaultTransport();
  expect(installBrowserTransport({ ...platform, topics: {} })).not.toBe(first);
});

it('in a window of Tauri it does nothing', () => {
  vi.stubGlobal('__TAURI_INTERNALS__', {});
  expect(installBrowserTransport({ topics: {} })).toBeUndefined();
});

it('families and lists work over a default transport, too', async () => {
  const backend = createFakeBackend({ topics: { n: 0 }, families: { jobs: 0 } });
  const { scope: _, ...transport } = backend.window('main').transport;
  setDefaultTransport(transport);
  const jobs = defineTopicFamily<number>('jobs', { logger: noopLogger });
  const job = await jobs.create();
  expect(await listTopics({ prefix: 'jobs/' })).toEqual([job.topic]);
  expect(await removeTopic(job.topic)).toBe(true);
  job.close();
});
