import { get, type Writable } from 'svelte/store';
import type { SnapshotApplier } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { carriedOut, carryOut, createPlanner } from './plan.js';

/**
 * Puts snapshots into Svelte state: an object made by `$state`, or a `writable` store, which may
 * still be empty. Of a `$state` only keys that changed are assigned, and effects see all of them at
 * once. A store is given one new object, of which equal parts are as before (`===`), and only where
 * something changed. What is put in is a copy: the app may change it.
 *
 * @throws TypeError for both `pickKeys` and `omitKeys`. `apply` throws one for a snapshot that is not
 * a plain object, unless `strict` is false. Both name the applier.
 *
 * @example
 * const state = writable({ dark: false, name: '' });
 * const applier = createSvelteSnapshotApplier(state, { pickKeys: ['dark'] });
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createSvelteSnapshotApplier<S extends object, T = Partial<S>>(
  store: Writable<S | undefined> | S,
  options: ApplierOptions<S, T> = {},
): SnapshotApplier<T> {
  const plan = createPlanner('createSvelteSnapshotApplier', options);
  return {
    apply(snapshot) {
      if (!isWritable<S>(store)) return carryOut(store, plan(store, snapshot));
      const before = get(store);
      const next = carriedOut(before, plan(before, snapshot));
      if (next !== before) store.set(next);
    },
  };
}

function isWritable<S>(store: object): store is Writable<S | undefined> {
  return typeof (store as Writable<S>).subscribe === 'function';
}
