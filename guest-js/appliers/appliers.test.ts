// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';
import { KINDS, type Local } from '../test/appliers.js';
import { rev } from '../test/helpers.js';

const FIRST: Local = { theme: 'light', size: 1, window: { width: 800, title: 'A' } };

const first = (): Local => structuredClone(FIRST);

/** What JSON makes of it: proxies and prototypes gone. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe.each(Object.entries(KINDS))('%s', (kind, { applier: name, make }) => {
  it('patch: takes what the snapshot has, and keeps the rest', () => {
    const { applier, now } = make(first());
    applier.apply({ revision: rev(1), data: { theme: 'dark', extra: [1] } });
    expect(plain(now())).toEqual({ ...FIRST, theme: 'dark', extra: [1] });
  });

  it('replace: removes what the snapshot does not have', () => {
    const { applier, now } = make(first(), { mode: 'replace' });
    applier.apply({ revision: rev(1), data: { theme: 'dark', extra: [1] } });
    expect(plain(now())).toEqual({ theme: 'dark', extra: [1] });
    expect(Object.keys(now())).not.toContain('size');
    applier.apply({ revision: rev(2), data: first() });
    expect(plain(now())).toEqual(FIRST);
  });

  it('replace: leaves actions and accessors alone', () => {
    const grow = (): number => 2;
    const initial: Local = {
      ...first(),
      grow,
      get double() {
        return 4;
      },
    };
    const { applier, now } = make(initial, { mode: 'replace' });
    applier.apply({ revision: rev(1), data: { size: 2 } });
    expect([now().grow, now().double, now().size, now().theme]).toEqual([grow, 4, 2, undefined]);
  });

  it('pickKeys: assigns and removes these only', () => {
    const { applier, now } = make(first(), { mode: 'replace', pickKeys: ['theme', 'size'] });
    applier.apply({ revision: rev(1), data: { theme: 'dark', window: { width: 1 }, extra: 1 } });
    expect(plain(now())).toEqual({ theme: 'dark', window: FIRST.window });
  });

  it('omitKeys: assigns and removes the others only', () => {
    const { applier, now } = make(first(), { mode: 'replace', omitKeys: ['theme', 'size'] });
    applier.apply({ revision: rev(1), data: { theme: 'dark', extra: 1 } });
    expect(plain(now())).toEqual({ theme: 'light', size: 1, extra: 1 });
  });

  it('refuses both lists of keys, by its name', () => {
    const both = { pickKeys: ['theme'], omitKeys: ['size'] } as object;
    const message = `${name}: give pickKeys or omitKeys, not both`;
    expect(() => make(first(), both)).toThrow(new TypeError(message));
  });

  it('toState makes the state, and is told what there is', () => {
    const told: unknown[] = [];
    const { applier, now } = make(first(), {
      toState(data, { revision, state }) {
        told.push(plain([data, revision, state]));
        return { size: (state.size ?? 0) + 1 };
      },
    });
    applier.apply({ revision: rev(7), data: { theme: 'dark' } });
    expect(told).toEqual([[{ theme: 'dark' }, '7', FIRST]]);
    expect(plain(now())).toEqual({ ...FIRST, size: 2 });
  });

  it.each([null, 7, 'text', [1], undefined, new Map()])(
    'strict: refuses %s, by its name',
    (data) => {
      const { applier, now } = make(first());
      const apply = () => applier.apply({ revision: rev(1), data: data as never });
      expect(apply).toThrow(TypeError);
      expect(apply).toThrow(`${name}: the snapshot is [object `);
      expect(plain(now())).toEqual(FIRST);
    },
  );

  it.each([null, 7, [1]])('not strict: leaves the state alone for %s', (data) => {
    const { applier, now } = make(first(), { mode: 'replace', strict: false });
    applier.apply({ revision: rev(1), data: data as never });
    expect(plain(now())).toEqual(FIRST);
  });

  it('holds nothing of the snapshot’s, frozen or not', () => {
    const frozen = Object.freeze({ width: 1 });
    const data: Local = Object.freeze({ window: frozen, list: [frozen] });
    const { applier, now } = make(first());
    applier.apply({ revision: rev(1), data });
    const { list, window } = now() as { list: object[]; window: { width: number } };
    window.width = 2;
    list.push({});
    expect([window.width, list.length, data]).toEqual([2, 2, { window: frozen, list: [frozen] }]);
    expect(frozen).toEqual({ width: 1 });
  });

  it('puts back what the window changed by itself', () => {
    const { applier, now } = make(first());
    const changed = now().window;
    if (changed) changed.width = 5;
    applier.apply({ revision: rev(2), data: first() });
    expect(plain(now())).toEqual(FIRST);
  });

  it('`__proto__` in the data is harmless', () => {
    const text = '{"__proto__":{"evil":1},"window":{"width":1,"__proto__":{"evil":1}}}';
    const { applier, now } = make(first(), { mode: 'replace' });
    applier.apply({ revision: rev(1), data: JSON.parse(text) });
    const touched = [{}, now(), now().window];
    expect(touched.map((each) => Reflect.get(Object(each), 'evil'))).toEqual(
      Array(3).fill(undefined),
    );
    expect(plain(now())).toEqual({ window: { width: 1 } });
  });

  // Svelte's own proxies drop what is assigned to these names.
  it.skipIf(kind === 'a Svelte $state')('names that objects inherit are data', () => {
    const { applier, now } = make(first(), { mode: 'replace' });
    applier.apply({ revision: rev(1), data: { constructor: 2, toString: 3 } });
    expect(Object.keys(now()).sort()).toEqual(['constructor', 'toString']);
    applier.apply({ revision: rev(2), data: first() });
    expect(plain(now())).toEqual(FIRST);
  });

  it('undefined counts as missing', () => {
    const { applier, now } = make(first());
    applier.apply({ revision: rev(1), data: { theme: undefined, size: 2 } as never });
    expect(plain(now())).toEqual({ ...FIRST, size: 2 });
  });

  it('takes what is no plain data as it is', () => {
    const date = new Date(0);
    const { applier, now } = make(first(), { toState: () => ({ date }) });
    applier.apply({ revision: rev(1), data: {} });
    expect(now().date).toBeInstanceOf(Date);
    expect(Number(now().date)).toBe(0);
  });
});
