import type { Unsubscribe } from './types.js';

/** Who wants to know. One that throws does not keep the others from hearing. */
export interface Listeners<A extends unknown[]> {
  add(listener: (...args: A) => void): Unsubscribe;
  tell(...args: A): void;
  clear(): void;
  size(): number;
}

export function createListeners<A extends unknown[]>(
  onError: (error: unknown) => void,
): Listeners<A> {
  // Wrapped, so that the same function added twice is two listeners, and each ends by itself.
  const all = new Set<{ listener: (...args: A) => void }>();
  return {
    add(listener) {
      const entry = { listener };
      all.add(entry);
      return () => void all.delete(entry);
    },
    tell(...args) {
      for (const entry of [...all]) {
        // One that was removed by an earlier listener is not called any more.
        if (!all.has(entry)) continue;
        try {
          entry.listener(...args);
        } catch (error) {
          onError(error);
        }
      }
    },
    clear: () => all.clear(),
    size: () => all.size,
  };
}
