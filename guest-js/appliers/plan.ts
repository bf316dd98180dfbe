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
type Planner<S, T> = (
  state: S | undefined,
  snapshot: SnapshotEnvelope<T>,
  sharing?: boolean,
) => Plan;

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
    const before: Members = Object(state);
    const context = { revision, state: before as Partial<S> };
    const next: unknown = toState ? toState(data, context) : data;
    if (kindOf(next) !== Object.prototype) {
      if (!strict) return [];
      throw TypeError(`${name}: the snapshot is not a plain object: make one with toState`);
    }
    // Undefined is what a key shall be that is gone.
    const goal: Members = {};
    for (const key of keysOf(mode === 'replace' && before)) {
      if (isData(before, key)) goal[key] = undefined;
    }
    for (const key of keysOf(next)) goal[key] = reuse(before[key], (next as Members)[key]);
    return Object.entries(goal)
      .filter(([key, value]) => value !== before[key] && listed.includes(key) === !!pickKeys)
      .map(([key, value]) => [key, sharing ? value : reuse(0, value)]);
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

/** The state with the plan carried out: a new object, unless there is nothing to do. */
export function carriedOut<S>(state: S, plan: Plan): S {
  if (state && !plan.length) return state;
  const next = { ...(state as object) };
  carryOut(next, plan);
  return next as S;
}
