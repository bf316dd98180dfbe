import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pointer } from './json-patch.js';
import { copySharing, isObject, own } from './own.js';
import { changedPaths, MOST_PATHS, partAt } from './path.js';

const changed = (previous: unknown, next: unknown): string[] => {
  const before = copySharing(undefined, previous, true);
  return changedPaths(before, copySharing(before, next, true));
};

it.each<[unknown, unknown, string[]]>([
  [1, 1, []],
  [{ a: 1 }, { a: 1 }, []],
  [1, 2, ['']],
  [undefined, { a: 1 }, ['']],
  [{ a: 1 }, [1], ['']],
  [{ a: 1, b: 2 }, { a: 1, b: 3 }, ['/b']],
  [{ a: 1 }, { b: 1 }, ['/a', '/b']],
  [{ a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 1, d: 3 } } }, ['/a/b/d']],
  [{ a: [1, 2] }, { a: [1, 3, 4] }, ['/a/1', '/a/2']],
  [{ 'x/y': { '~': 1 } }, { 'x/y': { '~': 2 } }, ['/x~1y/~0']],
  [{}, JSON.parse('{ "__proto__": 1 }'), ['/__proto__']],
])('%j to %j changes %j', (previous, next, paths) => {
  expect(changed(previous, next)).toEqual(paths);
});

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);

it('I14: of too many paths, the parts that hold them are left', () => {
  expect(changed(numbers(MOST_PATHS), numbers(MOST_PATHS, 1))).toHaveLength(MOST_PATHS);
  expect(changed(numbers(MOST_PATHS + 1), numbers(MOST_PATHS + 1, 1))).toEqual(['']);
  const [one, two] = [0, 1].map((from) => ({ list: numbers(500, from), size: from, other: 1 }));
  expect(changed(one, two)).toEqual(['/list', '/size']);
  const [few, many] = [0, 1].map((from) => ({ a: numbers(60, from), b: numbers(60, from) }));
  expect(changed(few, many)).toEqual(['/a', '/b']);
});

it('I14: whatever has changed, the paths are few, right, and cover all of it', () => {
  /** Every way to a part without parts. */
  const leaves = (value: unknown, at: string[] = []): string[][] =>
    isObject(value) && Object.keys(value).length
      ? Object.keys(value).flatMap((key) => leaves(own(value, key), [...at, key]))
      : [at];
  const within = (keys: string[], path: string[]): boolean =>
    path.every((key, i) => keys[i] === key);
  const state = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(state, state, (previous, next) => {
      const paths = changed(previous, next);
      const differs = (path: string | string[]): boolean => {
        const part = partAt(path);
        return JSON.stringify(part(previous)) !== JSON.stringify(part(next));
      };
      expect(paths.length).toBeLessThanOrEqual(MOST_PATHS);
      for (const path of paths) expect(differs(path), path).toBe(true);
      for (const leaf of [...leaves(previous), ...leaves(next)]) {
        if (differs(leaf)) {
          const meets = (path: string[]): boolean => within(leaf, path) || within(path, leaf);
          expect(paths.map(pointer).some(meets), leaf.join()).toBe(true);
        }
      }
    }),
  );
});

it('a path is a JSON Pointer, or a list of keys', () => {
  const value = { 'a/b': [{ c: 1 }] };
  expect(partAt('/a~1b/0/c')(value)).toBe(1);
  expect(partAt(['a/b', 0, 'c'])(value)).toBe(1);
  expect(partAt('')(value)).toBe(value);
  expect(partAt([])(value)).toBe(value);
  expect(partAt('/no/where')(value)).toBeUndefined();
  expect(partAt('/toString')(value)).toBeUndefined();
  expect(() => partAt('a/b')).toThrow('Not a JSON Pointer: a/b');
  expect(() => partAt('/~2')).toThrow(TypeError);
});
