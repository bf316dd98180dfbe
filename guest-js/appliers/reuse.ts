/** Something with members that are read and assigned by name. */
export type Members = Record<string, unknown>;

/**
 * A copy of `next` that nobody else holds, in which every part that equals `previous` *is* that
 * part of `previous`. Only plain objects and arrays are copied and looked into: a `Date` or an
 * instance of a class is itself.
 */
export function reuse(previous: unknown, next: unknown): unknown {
  const kind = kindOf(next);
  const isArray = kind === Array.prototype;
  if (!isArray && kind !== Object.prototype) return next;
  const alike = kindOf(previous) === kind;
  const before = (alike ? previous : {}) as Members;
  const keys = keysOf(next);
  const copy = (isArray ? [] : {}) as Members;
  let same = alike && keysOf(before).length === keys.length;
  for (const key of keys) {
    copy[key] = reuse(before[key], (next as Members)[key]);
    same &&= copy[key] === before[key];
  }
  return same ? previous : copy;
}

/**
 * The names of the members that are data. Undefined is none, as in JSON. Nor is `__proto__`: stores
 * assign by name, and that name would change an object's prototype.
 */
export function keysOf(value: unknown): string[] {
  const members = Object(value);
  return Object.keys(members).filter((key) => key !== '__proto__' && members[key] !== undefined);
}

/** The prototype of an object, else the value itself. */
export function kindOf(value: unknown): unknown {
  return value && typeof value === 'object' ? Object.getPrototypeOf(value) : value;
}
