import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topLevelPatch } from '../testing/json.js';
import { applyJsonPatch } from './json-patch.js';
import { mergePatch } from './merge-patch.js';

/** A patch on a frozen document: so nothing is changed in place. */
function check(document: unknown, patch: unknown[], expected: unknown): void {
  const before = JSON.stringify(document);
  expect(applyJsonPatch(freeze(document), freeze(patch))).toEqual(expected);
  expect(JSON.stringify(document)).toBe(before);
}

function fails(document: unknown, patch: unknown, message: string): void {
  expect(() => applyJsonPatch(freeze(document), patch)).toThrow(message);
  expect(() => applyJsonPatch(freeze(document), patch)).toThrow(
    expect.objectContaining({ kind: 'protocol' }),
  );
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}

describe('operations', () => {
  it.each<[string, unknown, object, unknown]>([
    ['add a member', { a: 1 }, { op: 'add', path: '/b', value: 2 }, { a: 1, b: 2 }],
    ['add over a member', { a: 1 }, { op: 'add', path: '/a', value: 2 }, { a: 2 }],
    ['add null', {}, { op: 'add', path: '/a', value: null }, { a: null }],
    ['add the root', { a: 1 }, { op: 'add', path: '', value: 5 }, 5],
    ['add into an array', [1, 3], { op: 'add', path: '/1', value: 2 }, [1, 2, 3]],
    ['add at an array’s end', [1], { op: 'add', path: '/-', value: 2 }, [1, 2]],
    ['add at an array’s length', [1], { op: 'add', path: '/1', value: 2 }, [1, 2]],
    ['add an array as one', [1], { op: 'add', path: '/-', value: [2, 3] }, [1, [2, 3]]],
    [
      'add deep',
      { a: [{ b: 1 }] },
      { op: 'add', path: '/a/0/c', value: 2 },
      { a: [{ b: 1, c: 2 }] },
    ],
    ['remove a member', { a: 1, b: 2 }, { op: 'remove', path: '/a' }, { b: 2 }],
    ['remove an element', [1, 2, 3], { op: 'remove', path: '/1' }, [1, 3]],
    ['replace a member', { a: 1 }, { op: 'replace', path: '/a', value: [1] }, { a: [1] }],
    ['replace an element', [1, 2], { op: 'replace', path: '/0', value: 9 }, [9, 2]],
    ['replace the root', { a: 1 }, { op: 'replace', path: '', value: null }, null],
    [
      'move a member',
      { a: { b: 1 }, c: {} },
      { op: 'move', from: '/a/b', path: '/c/d' },
      { a: {}, c: { d: 1 } },
    ],
    ['move an element', [1, 2, 3], { op: 'move', from: '/0', path: '/2' }, [2, 3, 1]],
    ['move onto itself', { a: 1 }, { op: 'move', from: '/a', path: '/a' }, { a: 1 }],
    ['copy', { a: { b: 1 } }, { op: 'copy', from: '/a', path: '/c' }, { a: { b: 1 }, c: { b: 1 } }],
    [
      'test',
      { a: [1, { b: null }] },
      { op: 'test', path: '/a', value: [1, { b: null }] },
      { a: [1, { b: null }] },
    ],
    [
      'test whatever the order',
      { a: 1, b: 2 },
      { op: 'test', path: '', value: { b: 2, a: 1 } },
      { a: 1, b: 2 },
    ],
    ['the empty key', { '': 1 }, { op: 'replace', path: '/', value: 2 }, { '': 2 }],
    ['escapes', { 'a/b': 1, 'm~n': 2 }, { op: 'remove', path: '/a~1b' }, { 'm~n': 2 }],
    ['escapes, in the right order', { '~1': 1 }, { op: 'remove', path: '/~01' }, {}],
  ])('%s', (_, document, operation, expected) => {
    check(document, [operation], expected);
  });

  it.each<[string, unknown, unknown]>([
    ['no member to remove', {}, { op: 'remove', path: '/a' }],
    ['no member to replace', {}, { op: 'replace', path: '/a', value: 1 }],
    ['an inherited member', {}, { op: 'remove', path: '/toString' }],
    ['no parent', {}, { op: 'add', path: '/a/b', value: 1 }],
    ['a parent without members', { a: 1 }, { op: 'add', path: '/a/b', value: 1 }],
    ['beyond an array', [1], { op: 'add', path: '/2', value: 1 }],
    ['an element that is not there', [1], { op: 'remove', path: '/1' }],
    ['the end of an array', [1], { op: 'remove', path: '/-' }],
    ['a leading zero', [1, 2], { op: 'remove', path: '/01' }],
    ['length of an array', [1], { op: 'replace', path: '/length', value: 0 }],
    ['the root', {}, { op: 'remove', path: '' }],
    ['a move into itself', { a: {} }, { op: 'move', from: '/a', path: '/a/b' }],
    ['a false test', { a: 1 }, { op: 'test', path: '/a', value: '1' }],
    ['a test of an array against an object', [], { op: 'test', path: '', value: {} }],
    ['an unknown operation', {}, { op: 'frob', path: '/a' }],
    ['no value', {}, { op: 'add', path: '/a' }],
    ['no path', {}, { op: 'remove' }],
    ['no slash', { a: 1 }, { op: 'remove', path: 'a' }],
    ['a bad escape', { 'a~': 1 }, { op: 'remove', path: '/a~' }],
    ['no from', { a: 1 }, { op: 'copy', path: '/b' }],
    ['null', {}, null],
  ])('fails on %s', (_, document, operation) => {
    fails(
      document,
      [operation],
      `Operation 0 of the patch cannot be applied: ${JSON.stringify(operation)}`,
    );
  });

  it('names the operation that fails, and leaves nothing behind', () => {
    const document = { a: 1 };
    fails(
      document,
      [
        { op: 'replace', path: '/a', value: 2 },
        { op: 'remove', path: '/b' },
      ],
      'Operation 1',
    );
    expect(document).toEqual({ a: 1 });
  });

  it('fails where the patch is no list', () => {
    fails({}, { op: 'remove' }, 'not a list');
  });
});

it('shares what it does not touch', () => {
  const before = { a: { deep: [1] }, b: { deep: [{ x: 1 }, { y: 2 }] } };
  const after = applyJsonPatch(before, [
    { op: 'replace', path: '/b/deep/0/x', value: 3 },
  ]) as typeof before;
  expect(after.a).toBe(before.a);
  expect(after.b.deep[1]).toBe(before.b.deep[1]);
  expect(after.b.deep[0]).not.toBe(before.b.deep[0]);
});

it('a copy does not change with its original', () => {
  check(
    { a: { n: 1 } },
    [
      { op: 'replace', path: '/a/n', value: 2 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'replace', path: '/a/n', value: 3 },
      { op: 'add', path: '/b/m', value: 4 },
    ],
    { a: { n: 3 }, b: { n: 2, m: 4 } },
  );
});

it('a value of the patch is not changed by a later operation', () => {
  const value = { n: 1 };
  applyJsonPatch({}, [
    { op: 'add', path: '/a', value },
    { op: 'replace', path: '/a/n', value: 2 },
  ]);
  expect(value).toEqual({ n: 1 });
});

it('takes __proto__ as a name like any other', () => {
  const after = applyJsonPatch(JSON.parse('{"__proto__": {"a": 1}}'), [
    { op: 'replace', path: '/__proto__/a', value: 2 },
    { op: 'add', path: '/b', value: 3 },
  ]) as object;
  expect(JSON.stringify(after)).toBe('{"__proto__":{"a":2},"b":3}');
  expect(Object.getPrototypeOf(after)).toBe(Object.prototype);

  const polluted = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { x: 1 } }]);
  expect(({} as { x?: number }).x).toBeUndefined();
  expect((polluted as { x?: number }).x).toBeUndefined();
  fails({}, [{ op: 'add', path: '/__proto__/x', value: 1 }], 'Operation 0');
  fails({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }], 'Operation 0');
});

it('the patch between any two objects makes the one of the other', () => {
  const json = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(json, json, (from, to) => {
      const [a, b] = [JSON.parse(JSON.stringify(from)), JSON.parse(JSON.stringify(to))];
      expect(applyJsonPatch(freeze(a), topLevelPatch(a, b))).toEqual(b);
    }),
  );
});

it('mergePatch follows the examples of RFC 7396', () => {
  expect(mergePatch({ a: 'b', c: { d: 'e', f: 'g' } }, { a: 'z', c: { f: null } })).toEqual({
    a: 'z',
    c: { d: 'e' },
  });
  expect(mergePatch({ a: [1] }, { a: { b: null, c: 1 } })).toEqual({ a: { c: 1 } });
  expect(mergePatch([1], { a: 1 })).toEqual({ a: 1 });
  expect(mergePatch({ a: 1 }, ['c'])).toEqual(['c']);
});
