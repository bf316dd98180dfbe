import type { SnapshotEnvelope } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { keysOf, kindOf, type Members, reuse } from './reuse.js';

/**
 * What has to be done to local state for it to hold a snapshot: the keys that differ, each with
 * its new value. Undefined: the key is to be removed.
 */
export type Plan = [key: string, value: unknown][];

/**
 * Makes the plan. Its values are copies of the snapshot's, which nobody else holds. `sharing`:
 * whether they share their equal parts with the state, which is right where the state is never
 * changed in place.
 *
 * @throws TypeError where `strict` forbids what the snapshot holds.
 */
type Planner<S, T> = (state: S, snapshot: SnapshotEnvelope<T>, sharing?: boolean) => Plan;

/**
 * Compares snapshots with local state.
 *
 * @param name Of the applier, for errors.
 * @throws TypeError for both `pickKeys` and `omitKeys`.
 */
export function createPlanner<S, T>(
  name: string,
  { mode, pickKeys, omitKeys, toState, strict = true }: ApplierOptions<S, T>,
): Planner<S, T> {
  if (pickKeys && omitKeys) throw TypeError(`${name}: give pickKeys or omitKeys, not both`);
  const listed: readonly string[] = pickKeys ?? omitKeys ?? [];

  return (state, { revision, data }, sharing) => {
    const next: unknown = toState ? toState(data, { revision, state }) : data;
    if (kindOf(next) !== Object.prototype) {
      if (!strict) return [];
      const found = Object.prototype.toString.call(next);
      throw TypeError(`${name}: the snapshot is ${found}, not a plain object: use toState`);
    }
    const before = state as Members;
    const after = next as Members;
    const keys = keysOf(after);
    const gone = keysOf(mode === 'replace' && before).filter(
      (key) => !keys.includes(key) && isData(before, key),
    );
    const plan: Plan = [];
    for (const key of [...keys, ...gone]) {
      if (listed.includes(key) !== !!pickKeys) continue;
      const value = keys.includes(key) ? reuse(before[key], after[key]) : undefined;
      if (value === before[key]) continue;
      plan.push([key, sharing ? value : reuse(0, value)]);
    }
    return plan;
  };
}

/** Neither one of a store's actions, nor an accessor, which has no value. */
function isData(state: object, key: string): boolean {
  const { value = isData } = Object.getOwnPropertyDescriptor(state, key) ?? {};
  return typeof value !== 'function';
}

/**
 * Carries the plan out on state that is changed in place. `isFixed`: whether a key must stay, and
 * becomes undefined where it would be removed.
 */
export function carryOut(state: object, plan: Plan, isFixed?: (key: string) => boolean): void {
  const members = state as Members;
  for (const [key, value] of plan) {
    if (value === undefined && !isFixed?.(key)) delete members[key];
    else members[key] = value;
  }
}

/** The state with the plan carried out, as a new object; the same one where nothing is to do. */
export function carriedOut<S extends object>(state: S, plan: Plan): S {
  if (!plan.length) return state;
  const next = { ...state };
  carryOut(next, plan);
  return next;
}
