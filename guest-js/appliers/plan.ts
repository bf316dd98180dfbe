import { own } from '../core/own.js';
import type { SnapshotEnvelope } from '../core/types.js';
import type { ApplierOptions } from './options.js';
import { isPlain, keysOf, reuse } from './reuse.js';

/** What has to be done to local state for it to hold a snapshot; empty lists: nothing. */
export interface Plan {
  /** The keys that differ. Each value is a copy of the snapshot's, which nobody else holds. */
  assign: [key: string, value: unknown][];
  remove: string[];
}

/**
 * Makes the plan. `sharing`: whether the values to be assigned share their equal parts with the
 * state, which is right where the state is never changed in place.
 *
 * @throws TypeError where `strict` forbids what the snapshot holds.
 */
type Planner<S, T> = (state: S, snapshot: SnapshotEnvelope<T>, sharing: boolean) => Plan;

/**
 * Compares snapshots with local state.
 *
 * @param name Of the applier, for errors.
 * @throws TypeError for both `pickKeys` and `omitKeys`, and for a mode that there is not.
 */
export function createPlanner<S, T>(
  name: string,
  { mode = 'patch', pickKeys, omitKeys, toState, strict = true }: ApplierOptions<S, T>,
): Planner<S, T> {
  if (pickKeys && omitKeys) throw TypeError(`${name}: give pickKeys or omitKeys, not both`);
  if (mode !== 'patch' && mode !== 'replace') {
    throw TypeError(`${name}: mode must be 'patch' or 'replace', not ${mode}`);
  }
  const listed = new Set<string>(pickKeys ?? omitKeys);
  const isOurs = (key: string): boolean => listed.has(key) === !!pickKeys;

  return (state, { revision, data }, sharing) => {
    const next: unknown = toState ? toState(data, { revision, state }) : data;
    const plan: Plan = { assign: [], remove: [] };
    if (!isPlain(next) || Array.isArray(next)) {
      if (!strict) return plan;
      const kind = Object.prototype.toString.call(next).slice(8, -1);
      throw TypeError(`${name}: expected a plain object, got ${kind}: map it with toState`);
    }
    for (const key of keysOf(next).filter(isOurs)) {
      const before = own(state, key);
      const value = reuse(before, own(next, key));
      if (Object.is(value, before) && Object.hasOwn(Object(state), key)) continue;
      plan.assign.push([key, sharing ? value : reuse(undefined, own(next, key))]);
    }
    if (mode === 'replace') {
      plan.remove = keysOf(Object(state)).filter(
        (key) => isOurs(key) && !Object.hasOwn(next, key) && isData(Object(state), key),
      );
    }
    return plan;
  };
}

/** Carries the plan out on state that is changed in place. */
export function carryOut(state: object, { assign, remove }: Plan): void {
  const members = state as Record<string, unknown>;
  for (const [key, value] of assign) members[key] = value;
  for (const key of remove) delete members[key];
}

/** The state with the plan carried out, as a new object; the same one where nothing is to do. */
export function carriedOut<S>(state: S, { assign, remove }: Plan): S {
  if (!assign.length && !remove.length) return state;
  const next: Record<string, unknown> = { ...state, ...Object.fromEntries(assign) };
  for (const key of remove) delete next[key];
  return next as S;
}

function isData(state: object, key: string): boolean {
  const member = Object.getOwnPropertyDescriptor(state, key);
  return !member?.get && typeof member?.value !== 'function';
}
