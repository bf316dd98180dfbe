import { isReactive, isRef, type Ref } from 'vue';
import type { SnapshotApplier } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { carriedOut, createPlanner } from './plan.js';
import { carryOutReactive } from './reactive.js';

/**
 * Puts snapshots into Vue state: what `reactive`, `ref` or `shallowRef` returned. Only keys that
 * changed are assigned; a `shallowRef` is given one new object, of which equal parts are as before
 * (`===`), and only where something changed. What is put in is a copy: the app may change it.
 *
 * A ref within a `reactive` stays where it is: a key that `replace` would remove becomes undefined.
 * Watchers and components see all keys at once; a watcher with `flush: 'sync'` on state that is
 * not shallow sees them one after another.
 *
 * @throws TypeError for both `pickKeys` and `omitKeys`. `apply` throws one that names the applier for
 * a snapshot that is not a plain object, unless `strict` is false.
 *
 * @example
 * const state = reactive({ dark: false, name: '' });
 * const applier = createVueSnapshotApplier(state, { mode: 'replace' });
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createVueSnapshotApplier<S extends object, T = Partial<S>>(
  store: S | Ref<S>,
  options: ApplierOptions<S, T> = {},
): SnapshotApplier<T> {
  const plan = createPlanner('createVueSnapshotApplier', options);
  return {
    apply(snapshot) {
      const state = isRef(store) ? store.value : store;
      if (!isRef(store) || isReactive(state)) {
        return carryOutReactive(state, plan(state, snapshot));
      }
      const next = carriedOut(state, plan(state, snapshot, true));
      if (next !== state) store.value = next;
    },
  };
}
