import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copySharing } from './own.js';

const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

it('equals what it copies, and shares nothing with it', () => {
  fc.assert(
    fc.property(json, json, (previous, next) => {
      const before = copySharing(undefined, previous, true);
      const copy = copySharing(before, next, true);
      expect(JSON.stringify(sorted(copy))).toBe(JSON.stringify(sorted(next)));
      if (typeof next === 'object' && next !== null) {
        expect(copy).not.toBe(next);
        expect(Object.isFrozen(copy)).toBe(true);
        expect(Object.isFrozen(next)).toBe(false);
      }
    }),
  );
});

it('is what was there before, where it equals that', () => {
  fc.assert(
    fc.property(json, (value) => {
      const before = copySharing(undefined, value, false);
      expect(copySharing(before, JSON.parse(JSON.stringify(value)), false)).toBe(before);
    }),
  );
});

it('keeps the parts that did not change', () => {
  const before = copySharing(undefined, { a: { x: [1, 2] }, b: { y: 1 } }, true) as {
    a: { x: number[] };
    b: { y: number };
  };
  const after = copySharing(before, { a: { x: [1, 2] }, b: { y: 2 } }, true) as typeof before;
  expect(after).not.toBe(before);
  expect(after.a).toBe(before.a);
  expect(after.b).toEqual({ y: 2 });
});

it('tells a shorter one, and an array from an object', () => {
  const before = copySharing(undefined, { a: [1, 2], b: {} }, true);
  expect(copySharing(before, { a: [1], b: [] }, true)).toEqual({ a: [1], b: [] });
});

it('keeps __proto__ as data', () => {
  const value = JSON.parse('{"__proto__": {"polluted": true}}') as object;
  const copy = copySharing(undefined, value, true) as { polluted?: boolean };
  expect(JSON.stringify(copy)).toBe('{"__proto__":{"polluted":true}}');
  expect(copy.polluted).toBeUndefined();
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)]);
}
