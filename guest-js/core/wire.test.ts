import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isCanonicalRevision } from './revision.js';
import { parseAnswer, parseInvalidation } from './wire.js';

it('types an invalidation, and drops what is not of the right type', () => {
  const event = { topic: 'a', revision: '3', sourceId: 'main', timestampMs: 1, extra: true };
  expect(parseInvalidation(event)).toEqual({
    topic: 'a',
    revision: '3',
    sourceId: 'main',
    timestampMs: 1,
  });
  expect(parseInvalidation({ ...event, sourceId: null, timestampMs: '1' })).toEqual({
    topic: 'a',
    revision: '3',
  });
});

it('I6: whatever arrives is typed, or an error of kind protocol', () => {
  fc.assert(
    fc.property(fc.anything(), (payload) => {
      for (const parse of [parseInvalidation, parseAnswer]) {
        try {
          expect(isCanonicalRevision(parse(payload).revision)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'protocol' });
        }
      }
    }),
  );
});

it('says what it got instead of a revision', () => {
  expect(() => parseAnswer({ revision: '007' })).toThrow('Non-canonical snapshot revision: "007"');
  expect(() => parseAnswer({ revision: 7 })).toThrow('Non-canonical snapshot revision: 7');
  expect(() => parseInvalidation({ topic: 'a' })).toThrow(
    'Non-canonical invalidation event revision: undefined',
  );
});
