import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { createCollectionStore } from '../core/collection.js';
import { applyJsonPatch } from '../core/json-patch.js';
import { noopLogger } from '../core/logger.js';
import { define, isObject, own } from '../core/own.js';
import type { Revision } from '../core/revision.js';
import { createTopicStore } from '../core/store.js';
import type { Transport } from '../core/transport.js';

interface Delta {
  before: object;
  patch: { op: string; path: string }[];
  after: object;
}

/** What the Rust engine sends: see `crates/lockstep-core/tests/fixtures.rs`. */
const fixtures: { values: Delta[]; collections: Delta[] } = JSON.parse(
  readFileSync(new URL('./deltas.json', import.meta.url), 'utf8'),
);

/** A backend that goes from one state to the next, by a patch. */
function backend({ before, patch, after }: Delta) {
  let hear = (_: unknown): void => {};
  let revision = '1';
  const whole = vi.fn();
  const transport: Transport = {
    label: 'main',
    scope: {},
    async listen(_, handler) {
      hear = handler;
      return () => {};
    },
    async getSnapshot(_, since) {
      if (since === revision) return { revision, unchanged: true };
      if (since === '1') return { revision, base: '1', patch: structuredClone(patch) };
      whole();
      return { revision, data: JSON.parse(JSON.stringify(revision === '1' ? before : after)) };
    },
    write: () => Promise.reject(new Error('none')),
    subscribe: async () => null,
    unsubscribe: async () => null,
  };
  const next = (): void => {
    revision = '2';
    hear({ topic: 't', revision });
  };
  return { transport, next, whole };
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

/** Every part of `now` that equals its place in `before` is that part. */
function shares(before: unknown, now: unknown): void {
  if (!isObject(before) || !isObject(now) || Array.isArray(before) !== Array.isArray(now)) return;
  if (JSON.stringify(before) === JSON.stringify(now)) expect(now).toBe(before);
  for (const key of Object.keys(now)) shares(own(before, key), own(now, key));
}

describe('what the engine sends as a patch', () => {
  it('keeps the identity of items that are pushed aside, or that move to another list', async () => {
    const items = [{ id: 1 }, { id: 2 }, { id: 3 }];
    const { transport, next } = backend({
      before: { open: items, done: [], other: {} },
      patch: [
        { op: 'add', path: '/open/0', value: { id: 0 } },
        { op: 'move', from: '/open/2', path: '/done/0' },
        { op: 'replace', path: '/other', value: {} },
      ] as unknown as Delta['patch'],
      after: {},
    });
    const store = createTopicStore<{ open: object[]; done: object[]; other: object }>(
      't',
      transport,
    );
    await store.ready;
    const before = store.get();
    next();
    await settle();
    const now = store.get();
    const [one, two, three] = before?.open ?? [];
    expect([now?.open.length, now?.open[1] === one, now?.open[2] === three]).toEqual([
      3,
      true,
      true,
    ]);
    expect([now?.done[0] === two, now?.other === before?.other]).toEqual([true, true]);
    expect([now, now?.open, now?.open[0], now?.done].every(Object.isFrozen)).toBe(true);
    store.close();
  });

  it('makes the one state of the other', () => {
    for (const { before, patch, after } of [...fixtures.values, ...fixtures.collections]) {
      const frozen = JSON.stringify(before);
      expect(applyJsonPatch(before, patch)).toEqual(after);
      expect(JSON.stringify(before)).toBe(frozen);
    }
  });

  it('I7: is taken in by a store, which keeps the identity of what stayed, and asks for no whole', async () => {
    for (const delta of fixtures.values) {
      const { transport, next, whole } = backend(delta);
      const store = createTopicStore<object>('t', transport, { logger: noopLogger });
      await store.ready;
      const before = store.get();
      next();
      await settle();
      expect([store.revision, store.get()]).toEqual(['2' as Revision, delta.after]);
      shares(before, store.get());
      expect(whole).toHaveBeenCalledTimes(1);
      store.close();
    }
  });

  it('I7: is taken in by a collection, by key', async () => {
    for (const delta of fixtures.collections) {
      const { transport, next, whole } = backend(delta);
      const store = createCollectionStore<unknown>('t', transport, { logger: noopLogger });
      void store.get();
      await store.ready;
      const before = new Map(store.get());
      const told: string[] = [];
      store.subscribe((_, { changedKeys }) => told.push(...changedKeys));
      next();
      await settle();
      const now = {};
      for (const [key, value] of store.get() ?? []) define(now, key, value);
      expect(now).toEqual(delta.after);
      for (const [key, value] of before) {
        if (!told.includes(key)) expect(store.key(key).get()).toBe(value);
      }
      expect(whole).toHaveBeenCalledTimes(1);
      store.close();
    }
  });
});
