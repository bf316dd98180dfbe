/** Sets an own data property, whatever its name: `__proto__` is data, too. */
export function define(target: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    (target as Record<string, unknown>)[key] = value;
  }
}

/** The own property, never an inherited one. */
export function own(target: unknown, key: string): unknown {
  return isObject(target) && Object.hasOwn(target, key)
    ? (target as Record<string, unknown>)[key]
    : undefined;
}

/** A JSON object or array. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/**
 * A copy of `next` that nobody else holds, in which every part that equals `previous` *is* that
 * part of `previous`: so `===` tells what has changed, and a selection of what has not stays
 * quiet. `previous` must be such a copy itself.
 */
export function copySharing(previous: unknown, next: unknown, freeze: boolean): unknown {
  if (next === previous || !isObject(next)) return next;
  const array = Array.isArray(next);
  const keys = Object.keys(next);
  const copy: object = array ? [] : {};
  let same =
    isObject(previous) &&
    Array.isArray(previous) === array &&
    Object.keys(previous).length === keys.length;
  for (const key of keys) {
    const before = own(previous, key);
    const after = copySharing(before, own(next, key), freeze);
    if (after !== before || before === undefined) same = false;
    define(copy, key, after);
  }
  if (same) return previous;
  return freeze ? Object.freeze(copy) : copy;
}
