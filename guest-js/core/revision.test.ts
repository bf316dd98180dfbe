import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rev } from '../test/helpers.js';
import { compareRevisions, isCanonicalRevision, ZERO_REVISION } from './revision.js';

const MAX = 2n ** 64n - 1n;
const u64 = fc.bigInt(0n, MAX);

it.each(['0', '1', '10', '42', String(MAX)])('%j is a revision', (text) => {
  expect(isCanonicalRevision(text)).toBe(true);
});

it.each(['', '00', '01', '-1', '+1', '1.0', '1e3', ' 1', '1\n', '١', '0x1', String(MAX + 1n)])(
  '%j is not a revision',
  (text) => {
    expect(isCanonicalRevision(text)).toBe(false);
  },
);

it.each([1, 1n, null, undefined, {}, ['1'], new String('1')])('%o is not a revision', (value) => {
  expect(isCanonicalRevision(value)).toBe(false);
});

it('every u64 is a revision, and they compare as numbers', () => {
  fc.assert(
    fc.property(u64, u64, (a, b) => {
      expect(isCanonicalRevision(rev(a))).toBe(true);
      expect(Math.sign(compareRevisions(rev(a), rev(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

it('no text but a u64 is a revision', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const valid = /^\d+$/.test(text) && String(BigInt(text)) === text && BigInt(text) <= MAX;
      expect(isCanonicalRevision(text)).toBe(valid);
    }),
  );
});

it('zero is older than every other', () => {
  expect(compareRevisions(ZERO_REVISION, rev(1))).toBeLessThan(0);
});
