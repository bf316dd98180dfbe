/**
 * Lockstep for Valtio 2: an applier for a proxy that you have already.
 *
 * @module tauri-plugin-lockstep-api/valtio
 */
import type { SnapshotApplier } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { carryOut, createPlanner } from './plan.js';

export type { ApplierOptions, KeysOptions, ToStateContext } from './options.js';

/**
 * Puts snapshots into a Valtio proxy. Only keys that changed are assigned, all in one go, which
 * Valtio tells its subscribers and `useSnapshot` as one batch (one that subscribed with
 * `notifyInSync` hears each key). What is put in is a copy: the app may change it.
 *
 * @param state What `proxy` returned.
 * @throws TypeError for both `pickKeys` and `omitKeys`. `apply` throws one for a snapshot that is not
 * a plain object, unless `strict` is false. Both name the applier.
 *
 * @example
 * const state = proxy({ dark: false, name: '' });
 * const applier = createValtioSnapshotApplier(state);
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createValtioSnapshotApplier<S extends object, T = Partial<S>>(
  state: S,
  options: ApplierOptions<S, T> = {},
): SnapshotApplier<T> {
  const plan = createPlanner('createValtioSnapshotApplier', options);
  return {
    apply: (snapshot) => carryOut(state, plan(state, snapshot)),
  };
}
