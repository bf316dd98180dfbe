import { applyJsonPatch, pointer } from './json-patch.js';
import { isMap } from './merge-patch.js';
import type { Overlay } from './optimistic.js';
import { copySharing, define, own } from './own.js';
import type { WriteOperation } from './transport.js';
import { protocolError } from './wire.js';

/** The entities of a collection in one window, as they are changed by key. */
export interface EntityMap {
  /** What is shown. It is one and the same for good. */
  readonly shown: Map<string, unknown>;
  /** What the backend has confirmed of one. */
  confirmed(key: string): unknown;
  /** Takes in the whole. */
  replace(data: unknown): void;
  /**
   * Takes in what changed.
   *
   * @throws what `applyJsonPatch` does; then nothing was taken in.
   */
  patch(operations: unknown): void;
  /** Shows the pending writes on top of what is confirmed. */
  replay(overlay: Overlay): void;
  /** What was shown of the entities that have come, changed or gone since this was called last. */
  taken(): { before: Map<string, unknown>; moved: boolean };
}

/**
 * - **I7** What is confirmed moves forward beneath the pending writes, and is never made of them:
 *   of the entities that these name, it is kept beside what is shown.
 * - Nothing but what changed is copied, or looked at; that is frozen, where `freeze`.
 */
export function createEntityMap(freeze: boolean): EntityMap {
  const shown = new Map<string, unknown>();
  // What is confirmed of the entities that pending writes name; undefined for one that is not there.
  const beneath = new Map<string, unknown>();
  let changed = new Map<string, unknown>();
  let moved = false;

  const confirmed = (key: string): unknown =>
    beneath.has(key) ? beneath.get(key) : shown.get(key);

  function show(key: string, value: unknown): void {
    const before = shown.get(key);
    const next = copySharing(before, value, freeze);
    if (next === before) return;
    if (next === undefined) shown.delete(key);
    else shown.set(key, next);
    if (before === undefined || next === undefined) moved = true;
    if (!changed.has(key)) changed.set(key, before);
  }

  function confirm(key: string, value: unknown): void {
    if (beneath.has(key)) beneath.set(key, value);
    else show(key, value);
  }

  /** An object of these entities only. */
  function some(keys: Iterable<string>): object {
    const part = {};
    for (const key of keys) {
      const value = confirmed(key);
      if (value !== undefined) define(part, key, value);
    }
    return part;
  }

  function replace(data: unknown): void {
    if (!isMap(data)) throw protocolError('A collection is an object of keys and entities');
    for (const key of [...shown.keys(), ...beneath.keys()]) {
      if (!Object.hasOwn(data, key)) confirm(key, undefined);
    }
    for (const key of Object.keys(data)) confirm(key, own(data, key));
  }

  return {
    shown,
    confirmed,
    replace,
    patch(operations) {
      const keys = keysOf({ patch: operations });
      const after = applyJsonPatch(some(keys ?? shown.keys()), operations);
      if (!keys) return replace(after);
      for (const key of keys) confirm(key, own(after, key));
    },
    replay(overlay) {
      const still = new Set(
        [...overlay.all()].flatMap(({ operation }) => [...(keysOf(operation) ?? [])]),
      );
      const keys = new Set([...beneath.keys(), ...still]);
      const after = overlay.over(some(keys));
      for (const key of keys) {
        const value = confirmed(key);
        if (still.has(key)) beneath.set(key, value);
        else beneath.delete(key);
        show(key, own(after, key));
      }
    },
    taken() {
      const news = { before: changed, moved };
      changed = new Map();
      moved = false;
      return news;
    },
  };
}

/** The keys that an operation names; undefined where it may be about all of them. */
function keysOf({ merge, patch }: WriteOperation): Set<string> | undefined {
  if (isMap(merge)) return new Set(Object.keys(merge));
  if (!Array.isArray(patch)) return undefined;
  const keys = new Set<string>();
  for (const operation of patch) {
    for (const name of ['path', 'from']) {
      const text = own(operation, name);
      if (text === undefined) continue;
      try {
        const [key] = pointer(text);
        if (key === undefined) return undefined;
        keys.add(key);
      } catch {
        // Whoever applies it says what is wrong with it.
        return undefined;
      }
    }
  }
  return keys;
}
