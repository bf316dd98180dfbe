import { pointer } from './json-patch.js';
import { isObject, own } from './own.js';

/**
 * The keys that lead to a part of `T`, from the outside in; the empty list is the whole. Checked
 * to a depth of five, and any keys beyond.
 *
 * @example
 * const path: PathOf<{ window: { width: number } }> = ['window', 'width'];
 */
export type PathOf<T, Depth extends 0[] = []> = Depth['length'] extends 5
  ? readonly (string | number)[]
  : readonly [] | Below<T, Depth>;

type Below<T, Depth extends 0[]> = T extends readonly (infer E)[]
  ? readonly [number, ...PathOf<E, [...Depth, 0]>]
  : T extends object
    ? {
        [K in keyof T & (string | number)]-?: readonly [K, ...PathOf<T[K], [...Depth, 0]>];
      }[keyof T & (string | number)]
    : never;

/** How many paths are told apart before the part that holds them stands for all. */
export const MOST_PATHS = 100;

/**
 * The part of a value that a JSON Pointer, or a list of keys, leads to.
 *
 * @throws {TypeError} at once, for what is no JSON Pointer.
 */
export function partAt(path: string | readonly (string | number)[]): (value: unknown) => unknown {
  const keys = typeof path === 'string' ? pointer(path) : path.map(String);
  return (value) => keys.reduce<unknown>(own, value);
}

/**
 * The JSON Pointers of what differs, where equal parts are `===`: what stayed is not looked into.
 * Of more than {@link MOST_PATHS} in one part, the part's own pointer is left, so that there are
 * never more. **I14**
 */
export function changedPaths(previous: unknown, next: unknown, at = ''): string[] {
  if (previous === next) return [];
  const alike =
    isObject(previous) && isObject(next) && Array.isArray(previous) === Array.isArray(next);
  if (!alike) return [at];
  const keys = new Set([...Object.keys(previous), ...Object.keys(next)]);
  const below: string[] = [];
  const children: string[] = [];
  for (const key of keys) {
    const child = `${at}/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`;
    const found = changedPaths(own(previous, key), own(next, key), child);
    if (found.length) children.push(child);
    // One more than there may be is enough to know that there are too many.
    if (below.length <= MOST_PATHS) below.push(...found);
    if (children.length > MOST_PATHS) return [at];
  }
  return below.length <= MOST_PATHS ? below : children;
}
