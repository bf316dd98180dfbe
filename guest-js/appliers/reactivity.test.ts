// @vitest-environment happy-dom
import { createPinia, defineStore, setActivePinia } from 'pinia';
import { flushSync } from 'svelte';
import { derived, get, writable } from 'svelte/store';
import { proxy, snapshot, subscribe } from 'valtio/vanilla';
import { subscribeKey } from 'valtio/vanilla/utils';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { computed, nextTick, reactive, ref, shallowRef, watch } from 'vue';
import { createStore } from 'zustand/vanilla';
import { createRevisionSync } from '../core/sync.js';
import type { SnapshotApplier } from '../core/types.js';
import { stateRune } from '../test/appliers.js';
import { rev, tick } from '../test/helpers.js';
import { setup } from '../test/store-setup.js';
import { createPiniaSnapshotApplier } from './pinia.js';
import { createSvelteSnapshotApplier } from './svelte.js';
import { createValtioSnapshotApplier } from './valtio.js';
import { createVueSnapshotApplier } from './vue.js';
import { createZustandSnapshotApplier } from './zustand.js';

type Local = { theme: string; size: number; window: { width: number }; gone?: number };

const first = (): Local => ({ theme: 'light', size: 1, window: { width: 800 } });
/** Only the theme differs, though every part is another object. */
const DARK = { revision: rev(2), data: { ...first(), theme: 'dark' } };
/** Nothing differs, but for the order of the keys. */
const SAME = {
  revision: rev(2),
  data: { window: { width: 800 }, size: 1, theme: 'light' },
};

beforeEach(() => void setActivePinia(createPinia()));

describe('Pinia', () => {
  const useOptions = defineStore('options', { state: first });
  const useSetup = defineStore('setup', () => ({
    theme: ref('light'),
    size: ref<number | undefined>(1),
    window: ref({ width: 800 }),
  }));

  async function checkFires(
    store: ReturnType<typeof useOptions> | ReturnType<typeof useSetup>,
    applier: SnapshotApplier<Local>,
  ): Promise<void> {
    const runs: string[] = [];
    watch(
      () => store.theme,
      (theme) => runs.push(theme),
    );
    watch(
      () => store.size,
      () => runs.push('size'),
    );
    watch(
      () => store.window,
      () => runs.push('window'),
      { deep: true },
    );
    const mutations = vi.fn();
    store.$subscribe(mutations, { flush: 'sync' });
    applier.apply(SAME);
    await nextTick();
    expect([runs, mutations.mock.calls.length]).toEqual([[], 0]);
    applier.apply(DARK);
    await nextTick();
    expect([runs, mutations.mock.calls.length]).toEqual([['dark'], 1]);
  }

  it('an option store: only what reads a key that changed is run again', () => {
    const store = useOptions();
    return checkFires(store, createPiniaSnapshotApplier(store));
  });

  it('a setup store: only what reads a key that changed is run again', () => {
    const store = useSetup();
    return checkFires(store, createPiniaSnapshotApplier(store));
  });

  it('replace is one mutation', () => {
    const store = useOptions();
    const seen: string[] = [];
    store.$subscribe((_, state) => seen.push(JSON.stringify(state)), { flush: 'sync' });
    const applier = createPiniaSnapshotApplier<Local>(store, { mode: 'replace' });
    applier.apply({ revision: rev(2), data: { theme: 'dark', size: 2 } });
    expect(seen).toEqual(['{"theme":"dark","size":2}']);
  });

  it('replace leaves the refs of a setup store in place', () => {
    const store = useSetup();
    const applier = createPiniaSnapshotApplier(store, { mode: 'replace' });
    applier.apply({ revision: rev(2), data: { theme: 'dark' } });
    expect([store.theme, store.size, store.$state.size]).toEqual(['dark', undefined, undefined]);
    applier.apply({ revision: rev(3), data: first() });
    expect([store.theme, store.size, store.$state.size]).toEqual(['light', 1, 1]);
  });
});

describe('Zustand', () => {
  it('subscribers and selectors hear only of what changed', () => {
    const store = createStore<Local>()(first);
    const applier = createZustandSnapshotApplier(store);
    const heard: [boolean, boolean][] = [];
    store.subscribe((now, before) =>
      heard.push([now.theme === before.theme, now.window === before.window]),
    );
    applier.apply(SAME);
    expect(heard).toEqual([]);
    applier.apply(DARK);
    expect(heard).toEqual([[false, true]]);
  });

  it('replace is one change, and keeps the actions', () => {
    const store = createStore<Partial<Local> & { grow(): void }>()((set) => ({
      ...first(),
      grow: () => set(({ size = 0 }) => ({ size: size + 1 })),
    }));
    const seen: string[] = [];
    store.subscribe((now) => seen.push(JSON.stringify(now)));
    const applier = createZustandSnapshotApplier<Partial<Local> & { grow(): void }>(store, {
      mode: 'replace',
    });
    applier.apply({ revision: rev(2), data: { theme: 'dark', size: 2 } });
    expect(seen).toEqual(['{"theme":"dark","size":2}']);
    store.getState().grow();
    expect(store.getState().size).toBe(3);
  });
});

describe('Valtio', () => {
  it('a key that did not change is not told of, and its snapshot stays', async () => {
    const state = proxy(first());
    const applier = createValtioSnapshotApplier(state);
    const told: string[] = [];
    subscribe(state, () => told.push('all'));
    for (const key of ['theme', 'size', 'window'] as const) {
      subscribeKey(state, key, () => told.push(key));
    }
    const before = snapshot(state);
    applier.apply(SAME);
    await Promise.resolve();
    expect(told).toEqual([]);
    applier.apply(DARK);
    await Promise.resolve();
    expect(told.sort()).toEqual(['all', 'theme']);
    expect(snapshot(state).window).toBe(before.window);
  });

  it('replace is one batch', async () => {
    const state = proxy<Local>({ ...first(), gone: 1 });
    const seen: string[] = [];
    subscribe(state, () => seen.push(JSON.stringify(snapshot(state))));
    const applier = createValtioSnapshotApplier(state, { mode: 'replace' });
    applier.apply({ revision: rev(2), data: { theme: 'dark', size: 2 } });
    await Promise.resolve();
    expect(seen).toEqual(['{"theme":"dark","size":2}']);
  });
});

describe('Vue', () => {
  it.each([
    ['reactive', () => reactive(first())],
    ['ref', () => ref(first())],
    ['shallowRef', () => shallowRef(first())],
  ])('%s: only what reads a key that changed is run again', async (_, make) => {
    const made = make();
    const now = (): Local => ('value' in made ? made.value : made);
    const applier = createVueSnapshotApplier<Local>(made);
    const runs: string[] = [];
    watch(
      () => now().theme,
      (theme) => runs.push(theme),
    );
    watch(
      () => now().size,
      () => runs.push('size'),
    );
    watch(
      () => now().window,
      () => runs.push('window'),
    );
    applier.apply(SAME);
    await nextTick();
    expect(runs).toEqual([]);
    applier.apply(DARK);
    await nextTick();
    expect(runs).toEqual(['dark']);
  });

  it('a shallowRef is given one new object, and none where nothing changed', () => {
    const state = shallowRef<Local>({ ...first(), gone: 1 });
    const seen: string[] = [];
    watch(state, (now) => seen.push(JSON.stringify(now)), { flush: 'sync' });
    const applier = createVueSnapshotApplier(state, { mode: 'replace', omitKeys: ['window'] });
    applier.apply({ revision: rev(2), data: { theme: 'light', size: 1, gone: 1 } });
    expect(seen).toEqual([]);
    applier.apply({ revision: rev(3), data: { theme: 'dark', size: 2 } });
    expect(seen).toEqual(['{"theme":"dark","size":2,"window":{"width":800}}']);
  });

  it('replace is seen at once by watchers and computed values', async () => {
    const state = reactive<Local>({ ...first(), gone: 1 });
    const seen: string[] = [];
    watch(
      computed(() => JSON.stringify(state)),
      (now) => seen.push(now),
    );
    const applier = createVueSnapshotApplier<Local>(state, { mode: 'replace' });
    applier.apply({ revision: rev(2), data: { theme: 'dark', size: 2 } });
    await nextTick();
    expect(seen).toEqual(['{"theme":"dark","size":2}']);
  });

  it('replace leaves a ref within a reactive object in place', () => {
    const size = ref<number | undefined>(1);
    const state = reactive({ theme: 'light', size });
    const applier = createVueSnapshotApplier(state, { mode: 'replace' });
    applier.apply({ revision: rev(2), data: { theme: 'dark' } });
    expect(size.value).toBe(undefined);
    applier.apply({ revision: rev(3), data: { theme: 'dark', size: 3 } });
    expect(size.value).toBe(3);
  });
});

describe('Svelte', () => {
  it('a store is set only where something changed, and unchanged parts stay', () => {
    const state = writable<Local>({ ...first(), gone: 1 });
    const seen: string[] = [];
    const windows: object[] = [];
    state.subscribe((now) => seen.push(now.theme));
    derived(state, (now) => now.window).subscribe((part) => windows.push(part));
    const applier = createSvelteSnapshotApplier(state, { mode: 'replace' });
    applier.apply({ revision: rev(2), data: { ...SAME.data, gone: 1 } });
    expect(seen).toEqual(['light']);
    applier.apply(DARK);
    expect(seen).toEqual(['light', 'dark']);
    expect(new Set(windows).size).toBe(1);
    expect(get(state)).toEqual(DARK.data);
  });

  it('a $state runs only the effects of keys that changed', () => {
    const runs: string[] = [];
    const state = stateRune(first(), (key) => runs.push(key));
    flushSync();
    expect(runs.splice(0)).toEqual(['theme', 'size', 'window']);
    const applier = createSvelteSnapshotApplier(state);
    applier.apply(SAME);
    flushSync();
    expect(runs).toEqual([]);
    applier.apply(DARK);
    flushSync();
    expect(runs).toEqual(['theme']);
  });
});

describe('with a revision sync', () => {
  it('the store follows the backend, and changing it changes no snapshot', async () => {
    vi.useFakeTimers();
    const { backend } = setup();
    const { transport } = backend.window('main');
    const state = proxy<{ theme?: string; window?: { width: number } }>({});
    const sync = createRevisionSync<typeof state>({
      topic: 'settings',
      subscriber: { subscribe: (handler) => transport.listen('settings', handler as never) },
      provider: { getSnapshot: (since) => transport.getSnapshot('settings', since) as never },
      applier: createValtioSnapshotApplier(state, { pickKeys: ['theme', 'window'] }),
    });
    await sync.start();
    expect(state).toEqual({ theme: 'light', window: { width: 800 } });
    if (state.window) state.window.width = 1;
    backend.set('settings', { theme: 'dark', size: 3, window: { width: 800 } });
    await tick();
    expect(state).toEqual({ theme: 'dark', window: { width: 800 } });
    expect(sync.getLocalRevision()).toBe(backend.revision('settings'));
    sync.stop();
    vi.useRealTimers();
  });

  it('a snapshot that is refused moves no revision, and is told', async () => {
    const { backend } = setup();
    const { transport } = backend.window('main');
    const sync = createRevisionSync<object>({
      topic: 'counter',
      subscriber: { subscribe: (handler) => transport.listen('counter', handler as never) },
      provider: { getSnapshot: () => transport.getSnapshot('counter') as never },
      applier: createZustandSnapshotApplier(createStore(() => ({}))),
    });
    await expect(sync.start()).rejects.toThrow('createZustandSnapshotApplier: the snapshot is');
    expect(sync.getLocalRevision()).toBe('0');
    sync.stop();
  });
});
