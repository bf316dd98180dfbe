import { applyJsonPatch } from './json-patch.js';
import { mergePatch } from './merge-patch.js';
import { compareRevisions, type Revision } from './revision.js';
import type { WriteOperation } from './transport.js';

/** Makes the state that a write is expected to lead to. */
export type EarlyChange = (state: unknown) => unknown;

/** `true`, or what an action is expected to do. */
export type Optimistic = true | ((state: never, action: never) => unknown);

/** A write that is shown before the backend has confirmed it. */
export interface Early {
  operation: WriteOperation;
  change: EarlyChange;
  /** The revision that has it, once the backend has said so. */
  at?: Revision;
  reported?: boolean;
}

/** The writes that lie on top of the confirmed state, in the order of the calls. */
export interface Overlay {
  size(): number;
  all(): Iterable<Early>;
  add(operation: WriteOperation, optimistic: Optimistic): Early;
  /** Takes one back; whether it was there. */
  drop(early: Early): boolean;
  clear(): void;
  /** The confirmed state is at this revision now: what it holds is not shown twice. */
  landed(revision: Revision): void;
  /**
   * All writes, replayed on top of the confirmed state; or `added` alone on top of what is `shown`, where
   * nothing else is new. A change that throws shows nothing, and is reported once.
   */
  over(base: unknown, shown?: unknown, added?: Early): unknown;
}

/**
 * - **I7** The confirmed state moves forward beneath the pending writes, and is never made of
 *   them.
 * - **I10** A write that the backend refuses leaves nothing behind, and takes no other with it.
 */
export function createOverlay(onError: (error: unknown) => void): Overlay {
  const pending = new Set<Early>();

  function through(state: unknown, early: Early): unknown {
    try {
      return early.change(state);
    } catch (error) {
      // Told later: whoever is told may write, and this state is not shown yet.
      if (!early.reported) queueMicrotask(() => onError(error));
      early.reported = true;
      return state;
    }
  }

  return {
    size: () => pending.size,
    all: () => pending,
    add(operation, optimistic) {
      const early: Early = { operation, change: earlyChange(operation, optimistic) };
      pending.add(early);
      return early;
    },
    drop: (early) => pending.delete(early),
    clear: () => pending.clear(),
    landed(revision) {
      for (const early of pending) {
        if (early.at && compareRevisions(early.at, revision) <= 0) pending.delete(early);
      }
    },
    over: (base, shown, added) =>
      added ? through(shown, added) : [...pending].reduce(through, base),
  };
}

/** What the backend will do with an operation, so far as a window can know. */
function earlyChange(operation: WriteOperation, optimistic: Optimistic): EarlyChange {
  const { set, merge, patch, action } = operation;
  if (optimistic !== true) return (state) => optimistic(state as never, action as never);
  if (patch) return (state) => applyJsonPatch(state, patch);
  return 'merge' in operation ? (state) => mergePatch(state, merge) : () => set;
}
