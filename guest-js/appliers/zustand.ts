/**
 * Lockstep for Zustand 5: an applier for a store that you have already.
 *
 * @module tauri-plugin-lockstep-api/zustand
 */
import type { SnapshotApplier } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { carriedOut, createPlanner } from './plan.js';

export type { ApplierOptions, KeysOptions, ToStateContext } from './options.js';

/** As much of a Zustand store as is needed: what `create` and `createStore` return has it. */
export interface ZustandStoreLike<S> {
  getState(): S;
  // Its type takes functions, too, which must not be taken for a state.
  setState(state: NoInfer<S>, replace: true): void;
}

/**
 * Puts snapshots into a Zustand store, by one `setState` for each that brings something new, so
 * that subscribers see all of it at once. Keys that did not change keep their value, and so do
 * equal parts of those that did (`===`), so selectors stay quiet. What is put in is a copy: the
 * app may do with it as it likes.
 *
 * @throws TypeError for both `pickKeys` and `omitKeys`. `apply` throws one for a snapshot that is not
 * a plain object, unless `strict` is false. Both name the applier.
 *
 * @example
 * const useSettings = create<Settings>()(() => ({ dark: false, name: '' }));
 * const applier = createZustandSnapshotApplier(useSettings, { mode: 'replace' });
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createZustandSnapshotApplier<S extends object, T = Partial<S>>(
  store: ZustandStoreLike<S>,
  options: ApplierOptions<S, T> = {},
): SnapshotApplier<T> {
  const plan = createPlanner('createZustandSnapshotApplier', options);
  return {
    apply(snapshot) {
      const before = store.getState();
      const next = carriedOut(before, plan(before, snapshot));
      // Also where only some keys are new: Zustand's own merge cannot remove any.
      if (next !== before) store.setState(next, true);
    },
  };
}
