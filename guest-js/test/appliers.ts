import { createPinia, defineStore, setActivePinia } from 'pinia';
import { mount } from 'svelte';
import { get, writable } from 'svelte/store';
import { proxy } from 'valtio/vanilla';
import { reactive, ref, shallowRef, toRaw } from 'vue';
import { createStore } from 'zustand/vanilla';
import type { ApplierOptions } from '../appliers/options.js';
import { createPiniaSnapshotApplier } from '../appliers/pinia.js';
import { createSvelteSnapshotApplier } from '../appliers/svelte.js';
import { createValtioSnapshotApplier } from '../appliers/valtio.js';
import { createVueSnapshotApplier } from '../appliers/vue.js';
import { createZustandSnapshotApplier } from '../appliers/zustand.js';
import type { SnapshotApplier } from '../core/types.js';
import Applied from './Applied.svelte';

/** What a window has of its own; `more` stands for members that come and go. */
export interface Local {
  theme?: string;
  size?: number;
  window?: { width: number; title?: string };
  [more: string]: unknown;
}

type Options = ApplierOptions<Local, Local>;

/** A rune, which only a component can make. */
export function stateRune(initial: Local, onread?: (key: string, value: unknown) => void): Local {
  let made: Local | undefined;
  const onstate = (state: Local): void => {
    made = state;
  };
  mount(Applied, { target: document.body, props: { initial, onstate, onread } });
  if (!made) throw new Error('the component has made no state');
  return made;
}

/** Every kind of store that there is an applier for, each with the same local state. */
export const KINDS: Record<
  string,
  {
    applier: string;
    make(initial: Local, options?: Options): { now(): Local; applier: SnapshotApplier<Local> };
  }
> = {
  'a Pinia store': {
    applier: 'createPiniaSnapshotApplier',
    make(initial, options) {
      setActivePinia(createPinia());
      const store = defineStore('local', { state: () => initial })();
      return {
        now: () => toRaw(store.$state),
        applier: createPiniaSnapshotApplier<Local, Local>(store, options),
      };
    },
  },
  'a Zustand store': {
    applier: 'createZustandSnapshotApplier',
    make(initial, options) {
      const store = createStore<Local>()(() => initial);
      return { now: store.getState, applier: createZustandSnapshotApplier(store, options) };
    },
  },
  'a Valtio proxy': {
    applier: 'createValtioSnapshotApplier',
    make(initial, options) {
      const state = proxy(initial);
      return { now: () => state, applier: createValtioSnapshotApplier(state, options) };
    },
  },
  'a Vue reactive': {
    applier: 'createVueSnapshotApplier',
    make(initial, options) {
      const state = reactive(initial);
      return { now: () => state, applier: createVueSnapshotApplier<Local, Local>(state, options) };
    },
  },
  'a Vue ref': {
    applier: 'createVueSnapshotApplier',
    make(initial, options) {
      const state = ref(initial);
      return {
        now: () => state.value,
        applier: createVueSnapshotApplier<Local, Local>(state, options),
      };
    },
  },
  'a Vue shallowRef': {
    applier: 'createVueSnapshotApplier',
    make(initial, options) {
      const state = shallowRef(initial);
      return {
        now: () => state.value,
        applier: createVueSnapshotApplier<Local, Local>(state, options),
      };
    },
  },
  'a Svelte store': {
    applier: 'createSvelteSnapshotApplier',
    make(initial, options) {
      const state = writable(initial);
      return {
        now: () => get(state),
        applier: createSvelteSnapshotApplier<Local, Local>(state, options),
      };
    },
  },
  'a Svelte $state': {
    applier: 'createSvelteSnapshotApplier',
    make(initial, options) {
      const state = stateRune(initial);
      return { now: () => state, applier: createSvelteSnapshotApplier(state, options) };
    },
  },
};
