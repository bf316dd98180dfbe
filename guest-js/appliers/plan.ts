import type { SnapshotEnvelope } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { kindOf, type Members, membersOf, reuse } from './reuse.js';

/**
 * What has to be done to local state for it to hold a snapshot: the keys that differ, each with
 * its new value. Undefined: the key is to be removed.
 */
export type Plan = [key: string, value: unknown][];

/**
 * Makes the plan. Of its values, parts that equal the state's are the state's; the rest are copies,
 * which nobody else holds.
 *
 * @throws {TypeError} for a snapshot that is not a plain object, unless `strict` is false.
 */
type Planner<S, T> = (state: S | undefined, snapshot: SnapshotEnvelope<T>) => Plan;

/**
 * Compares snapshots with local state.
 *
 * @throws {TypeError} for both `pickKeys` and `omitKeys`.
 */
export function createPlanner<S, T>(
  name: string,
  { mode, pickKeys, omitKeys, toState, strict = true }: ApplierOptions<S, T>,
): Planner<S, T> {
  if (pickKeys && omitKeys) throw TypeError(`${name}: give pickKeys or omitKeys, not both`);
  // One of them at most is there.
  const isShared = (key: string): boolean =>
    pickKeys?.includes(key as keyof S & string) ?? !omitKeys?.includes(key as keyof S & string);

  return (state, { revision, data }) => {
    const before: Members = Object(state);
    const context = { revision, state: before as Partial<S> };
    const next: unknown = toState ? toState(data, context) : data;
    // Undefined is what a key shall be that is gone.
    const goal: Members = {};
    if (kindOf(next) === Object.prototype) {
      for (const [key, value] of membersOf(mode === 'replace' && before)) {
        const isAccessor = Object.getOwnPropertyDescriptor(before, key)?.get;
        // Nor does a snapshot bring what is one of the store's actions.
        if (!isAccessor && typeof value !== 'function') goal[key] = undefined;
      }
      for (const [key, value] of membersOf(next)) goal[key] = reuse(before[key], value);
    } else if (strict) {
      throw TypeError(`${name}: the snapshot is not a plain object: make one with toState`);
    }
    return Object.entries(goal).filter(([key, value]) => value !== before[key] && isShared(key));
  };
}

/**
 * Carries the plan out on state that is changed in place, by copies of its values: parts of the state may
 * be proxies. `isFixed`: whether a key must stay, and becomes undefined where it would be removed.
 */
export function carryOut(state: object, plan: Plan, isFixed?: (key: string) => boolean): void {
  const members = state as Members;
  for (const [key, value] of plan) {
    if (value === undefined && !isFixed?.(key)) delete members[key];
    else members[key] = reuse(0, value);
  }
}

/**
 * The state with the plan carried out: a new object, which shares its equal parts with the state,
 * unless there is nothing to do.
 */
export function carriedOut<S>(state: S, plan: Plan): S {
  if (state && !plan.length) return state;
  const next = { ...state } as Members;
  for (const [key, value] of plan) {
    if (value === undefined) delete next[key];
    else next[key] = value;
  }
  return next as S;
}
