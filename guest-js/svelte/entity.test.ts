// @vitest-environment happy-dom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCollectionStore } from '../core/collection.js';
import type { CollectionStore } from '../core/collection-store.js';
import Entity from '../test/Entity.svelte';
import { tick } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { collectionState, entityState } from './index.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('outside of a component they are what the store has', async () => {
  const backend = createFakeBackend({ topics: { tasks: { a: 1, b: 2 } }, patches: true });
  const store: CollectionStore<number> = createCollectionStore(
    'tasks',
    backend.window('main').transport,
  );
  let key = 'a';
  const [entity, moving, all] = [
    entityState(store, 'b'),
    entityState(store, () => key),
    collectionState(store),
  ];
  expect([entity.current, all.current, all.keys]).toEqual([undefined, undefined, undefined]);
  await tick();
  expect([entity.current, moving.current, all.current?.size]).toEqual([2, 1, 2]);
  key = 'b';
  await store.upsert('b', 3);
  expect([entity.current, moving.current, all.keys, all.store]).toEqual([3, 3, ['a', 'b'], store]);
});

it('an effect runs when its entity has changed, not when others have', async () => {
  const backend = createFakeBackend({ topics: { tasks: { a: 1, b: 2 } }, patches: true });
  const store: CollectionStore<number> = createCollectionStore(
    'tasks',
    backend.window('main').transport,
  );
  const target = document.createElement('div');
  const onrun = vi.fn();
  const component = mount(Entity, { target, props: { given: store, id: 'a', onrun } });
  const shown = () => target.textContent?.replace(/\s+/g, ' ').trim();
  flushSync();
  expect(shown()).toBe('a none of ;');
  await tick();
  flushSync();
  expect([shown(), onrun.mock.calls.length]).toEqual(['a 1 of a,b;', 2]);
  await store.upsert('b', 20);
  flushSync();
  expect(onrun).toHaveBeenCalledTimes(2);
  await store.upsert('a', 10);
  await store.remove('b');
  flushSync();
  expect([shown(), onrun.mock.calls.length]).toEqual(['a 10 of a;', 3]);
  await unmount(component);
  store.close();
});
