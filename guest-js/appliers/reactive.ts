import { isRef, toRaw } from 'vue';
import { carryOut, type Plan } from './plan.js';

/** Carries the plan out on a reactive object. A ref in it stays where it is: somebody holds it. */
export function carryOutReactive(state: object, plan: Plan): void {
  const raw = toRaw(state) as Record<string, unknown>;
  carryOut(state, plan, (key) => isRef(raw[key]));
}
