import { isReactive, isRef, type Ref } from 'vue';
import type { SnapshotApplier } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { carriedOut, createPlanner } from './plan.js';
import { carryOutReactive } from './reactive.js';

/**
 * Puts snapshots into Vue state: what `reactive`, `ref` or `shallowRef` returned. Only keys that
 * changed are assigned; a `shallowRef`, and a ref that is still empty, is given one new object, of
 * which equal parts are as before (`===`), and only where something changed. What is put in is a
 * copy: the app may change it.
 *
 * A ref within a `reactive` stays where it is: a key that `replace` would remove becomes undefined.
 * Watchers and components see all keys at once; a watcher with `flush: 'sync'` on state that is
 * not shallow sees them one after another.
 *
 * @throws TypeError for both `pickKeys` and `omitKeys`. `apply` throws one for a snapshot that is not
 * a plain object, unless `strict` is false. Both name the applier.
 *
 * @example
 * const state = reactive({ dark: false, name: '' });
 * const applier = createVueSnapshotApplier(state, { mode: 'replace' });
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createVueSnapshotApplier<S extends object, T = Partial<S>>(
  store: S | Ref<S | undefined>,
  options: ApplierOptions<S, T> = {},
): SnapshotApplier<T> {
  const plan = createPlanner('createVueSnapshotApplier', options);
  return {
    apply(snapshot) {
      const ref = isRef<S | undefined>(store) ? store : undefined;
      const state = ref ? ref.value : (store as S);
      if (ref && !isReactive(state)) ref.value = carriedOut(state, plan(state, snapshot));
      else carryOutReactive(Object(state), plan(state, snapshot));
    },
  };
}
