/** Something with members that are read and assigned by name. */
export type Members = Record<string, unknown>;

/**
 * A copy of `next` that nobody else holds, in which every part that equals `previous` *is* that
 * part of `previous`. Only plain objects and arrays are copied and looked into: a `Date` or an
 * instance of a class is itself.
 */
export function reuse(previous: unknown, next: unknown): unknown {
  const kind = kindOf(next);
  const copy = (kind === Array.prototype ? [] : kind === Object.prototype && {}) as Members | false;
  if (!copy) return next;
  const before: Members = Object(previous);
  const members = membersOf(next);
  let same = kindOf(previous) === kind && membersOf(previous).length === members.length;
  for (const [key, value] of members) {
    copy[key] = reuse(before[key], value);
    same &&= copy[key] === before[key];
  }
  return same ? previous : copy;
}

/**
 * The members that are data. Undefined is none, as in JSON. Nor is `__proto__`: stores assign by name,
 * and that name would change an object's prototype.
 */
export function membersOf(value: unknown): [key: string, member: unknown][] {
  return Object.entries(Object(value)).filter(
    ([key, member]) => key !== '__proto__' && member !== undefined,
  );
}

/** What it is made of: by this, plain objects and arrays are told from all else. */
export function kindOf(value: unknown): unknown {
  return value != null && Object.getPrototypeOf(value);
}
