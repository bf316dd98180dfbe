import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import type { TopicStore } from './topic-store.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const metas = (store: TopicStore<Settings>) => {
  const seen: unknown[] = [];
  store.subscribe((_, __, { revision, sourceId, changedPaths }) =>
    seen.push([revision, sourceId, changedPaths]),
  );
  return seen;
};

it('the revision, who wrote, and what has changed', async () => {
  const { backend, settings } = setup();
  const other = await settings('other');
  const main = backend.window('main').store<Settings>('settings');
  const seen = metas(main);
  await Promise.all([main.ready, tick()]);
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  await other.merge({ window: { width: 900 } });
  await tick();
  await main.merge({ size: 5, theme: 'blue' });
  await tick();
  expect(seen).toEqual([
    ['1', null, ['']],
    ['3', null, ['/theme']],
    ['4', 'other', ['/window/width']],
    ['5', 'main', ['/theme', '/size']],
  ]);
});

it('I6: an announcement names only the writer of its own revision', async () => {
  const { backend, settings, fail } = setup({ deliveries: false });
  const store = await settings();
  const seen = metas(store);
  backend.emit('settings', { topic: 'settings', revision: '99', sourceId: 'liar' });
  const deaf = fail({ kind: 'event' });
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await store.refresh();
  deaf();
  expect(seen).toEqual([['3', null, ['/theme']]]);
});

it('an answer that brings more than this window wrote is not said to be its own', async () => {
  const { backend, settings, fail } = setup();
  const store = await settings();
  const seen = metas(store);
  fail({ kind: 'event' });
  const refused = [
    store.merge({}, { expectedRevision: '9' as never }),
    store.patch([{ op: 'remove', path: '/no' }]),
  ];
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await Promise.allSettled(refused);
  expect(seen).toEqual([['3', null, ['/theme']]]);
});

it('what has changed is worked out when it is asked for, once', async () => {
  const { backend, settings } = setup();
  const store = await settings();
  const paths: unknown[] = [];
  store.subscribe((_, __, meta) => paths.push(meta.changedPaths, meta.changedPaths));
  backend.set('settings', { ...FIRST, theme: 'dark' });
  await tick();
  expect(paths[0]).toBe(paths[1]);
});

it('a selection is told as well', async () => {
  const { settings } = setup();
  const store = await settings();
  const listener = vi.fn();
  store.select((s) => s.theme).subscribe(listener);
  await store.merge({ theme: 'dark' });
  expect(listener).toHaveBeenCalledExactlyOnceWith(
    'dark',
    'light',
    expect.objectContaining({ revision: '3', sourceId: 'main' }),
  );
});

it.each([['/window/width'], [['window', 'width'] as const]])(
  'a listener on %j is called only when that part has changed',
  async (path) => {
    const { settings } = setup();
    const store = await settings();
    const seen: unknown[] = [];
    store.subscribe((next, previous) => seen.push([next.window, previous?.window]), { path });
    await store.merge({ theme: 'dark' });
    await store.merge({ window: { title: 'x' } });
    await store.merge({ window: { width: 900 } });
    expect(seen).toEqual([
      [
        { width: 900, title: 'x' },
        { width: 800, title: 'x' },
      ],
    ]);
  },
);

it('a listener under an id takes the place of the one before', async () => {
  const { settings } = setup();
  const store = await settings();
  const [one, two, other] = [vi.fn(), vi.fn(), vi.fn()];
  const stopOne = store.subscribe(one, { id: 'a' });
  const stopTwo = store.subscribe(two, { id: 'a' });
  store.subscribe(other, { id: 'b' });
  // Of the one that was replaced there is nothing left to stop.
  stopOne();
  await store.merge({ size: 2 });
  expect([one, two, other].map(({ mock }) => mock.calls.length)).toEqual([0, 1, 1]);
  stopTwo();
  store.subscribe(one, { id: 'a' });
  await store.merge({ size: 3 });
  expect([one, two, other].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 2]);
});

it('what is no path is refused at once', async () => {
  const store = await setup().settings();
  expect(() => store.subscribe(() => {}, { path: 'theme' })).toThrow(TypeError);
});
