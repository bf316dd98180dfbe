import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { effectScope, ref, watch } from 'vue';
import { createCollectionStore } from '../core/collection.js';
import type { CollectionStore } from '../core/collection-store.js';
import { tick } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { useCollection, useEntity } from './index.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('an entity’s ref changes with that entity only, and follows its key, until the scope ends', async () => {
  const backend = createFakeBackend({ topics: { tasks: { a: 1, b: 2 } }, patches: true });
  const store: CollectionStore<number> = createCollectionStore(
    'tasks',
    backend.window('main').transport,
  );
  const scope = effectScope();
  const key = ref('a');
  const seen: unknown[] = [];
  const { entity, all } = scope.run(() => {
    const entity = useEntity(store, key);
    watch(entity, (now) => seen.push(now), { flush: 'sync' });
    return { entity, all: useCollection(store) };
  }) as {
    entity: ReturnType<typeof useEntity<number>>;
    all: ReturnType<typeof useCollection<number>>;
  };
  expect([entity.value, all.entities.value, all.keys.value]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await tick();
  const keys = all.keys.value;
  expect([entity.value, all.entities.value?.size, keys]).toEqual([1, 2, ['a', 'b']]);
  const before = all.entities.value;
  await store.upsert('b', 20);
  expect([entity.value, all.keys.value]).toEqual([1, keys]);
  expect(all.entities.value).not.toBe(before);
  key.value = 'b';
  expect(entity.value).toBe(20);
  await store.upsert('b', 21);
  await store.remove('a');
  expect([entity.value, all.keys.value, seen]).toEqual([21, ['b'], [1, 20, 21]]);
  scope.stop();
  await store.upsert('b', 22);
  expect([entity.value, seen]).toEqual([21, [1, 20, 21]]);
});
