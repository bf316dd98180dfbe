/**
 * What orders a topic's states: a canonical decimal `u64` as a string, since a JSON number
 * beyond 2^53 would lose digits.
 */
export type Revision = string & { readonly __brand: 'Revision' };

/** The revision of "nothing yet": older than every snapshot's. */
export const ZERO_REVISION = '0' as Revision;

const MAX = '18446744073709551615' as Revision;

/**
 * Whether `x` is a revision: `0`, or digits without a leading zero, at most
 * 18446744073709551615. Never throws.
 *
 * @example
 * isCanonicalRevision('42'); // true
 * isCanonicalRevision('042'); // false
 * isCanonicalRevision(42); // false
 */
export function isCanonicalRevision(x: unknown): x is Revision {
  return (
    typeof x === 'string' && /^(0|[1-9]\d*)$/.test(x) && compareRevisions(x as Revision, MAX) <= 0
  );
}

/**
 * Orders two revisions: negative if `a` is older than `b`, 0 if they are the same, positive
 * if `a` is newer. Both must be canonical.
 *
 * @example
 * compareRevisions('9' as Revision, '10' as Revision); // negative
 */
export function compareRevisions(a: Revision, b: Revision): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
