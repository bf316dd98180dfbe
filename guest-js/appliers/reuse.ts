import { isObject, own } from '../core/own.js';

/**
 * A copy of `next` that nobody else holds, in which every part that equals `previous` *is* that
 * part of `previous`. Only plain objects and arrays are copied and looked into: a `Date` or an
 * instance of a class is itself. A member named `__proto__` is left out, since stores assign by
 * name, and that name would change an object's prototype.
 */
export function reuse(previous: unknown, next: unknown): unknown {
  if (!isPlain(next)) return next;
  const array = Array.isArray(next);
  const keys = keysOf(next);
  const copy: Record<string, unknown> = array ? ([] as never) : {};
  let same =
    isPlain(previous) &&
    Array.isArray(previous) === array &&
    keysOf(previous).length === keys.length;
  for (const key of keys) {
    const before = own(previous, key);
    const after = reuse(before, own(next, key));
    copy[key] = after;
    if (!Object.is(after, before) || !Object.hasOwn(Object(previous), key)) same = false;
  }
  return same ? previous : copy;
}

/** The names of the members that are data. */
export function keysOf(value: object): string[] {
  return Object.keys(value).filter((key) => key !== '__proto__');
}

/** An object without a class, or an array. */
export function isPlain(value: unknown): value is object {
  if (!isObject(value) || Array.isArray(value)) return isObject(value);
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
