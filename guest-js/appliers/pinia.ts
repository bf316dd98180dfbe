/**
 * Lockstep for Pinia 3: an applier for a store that you have already.
 *
 * @module tauri-plugin-lockstep-api/pinia
 */
import type { SnapshotApplier } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { createPlanner } from './plan.js';
import { carryOutReactive } from './reactive.js';

export type { ApplierOptions, KeysOptions, ToStateContext } from './options.js';

/** As much of a Pinia store as is needed: what `useStore()` returns has it. */
export interface PiniaStoreLike<S extends object> {
  $state: S;
  $patch(mutate: (state: S) => void): void;
}

/**
 * Puts snapshots into a Pinia store, by one `$patch` for each that brings something new, so that
 * `$subscribe` and the devtools see one mutation. Only keys that changed are assigned. What is put
 * in is a copy: the app may change it.
 *
 * In a setup store, a key that `replace` would remove becomes undefined instead: its ref is the
 * app's. As everywhere in Vue, watchers and components see all keys at once; a watcher with
 * `flush: 'sync'` sees them one after another.
 *
 * @throws TypeError for both `pickKeys` and `omitKeys`. `apply` throws one for a snapshot that is not
 * a plain object, unless `strict` is false. Both name the applier.
 *
 * @example
 * const useSettings = defineStore('settings', { state: () => ({ dark: false, name: '' }) });
 * const applier = createPiniaSnapshotApplier(useSettings(), { omitKeys: ['name'] });
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createPiniaSnapshotApplier<S extends object, T = Partial<S>>(
  store: PiniaStoreLike<S>,
  options: ApplierOptions<S, T> = {},
): SnapshotApplier<T> {
  const plan = createPlanner('createPiniaSnapshotApplier', options);
  return {
    apply(snapshot) {
      const todo = plan(store.$state, snapshot);
      if (todo.length) store.$patch((state) => carryOutReactive(state, todo));
    },
  };
}
