import type { Hop } from '../testing/fake-backend.js';
import { type Deferred, deferred } from './helpers.js';

/** A network that does nothing by itself: a schedule says what arrives, when, and what does not. */
export function scheduledNetwork() {
  let pending: { hop: Hop; crossing: Deferred<void> }[] = [];
  let healed = false;

  function take(index: number): Deferred<void> | undefined {
    if (pending.length === 0) return undefined;
    return pending.splice(index % pending.length, 1)[0]?.crossing;
  }

  return {
    network(hop: Hop): Promise<void> | undefined {
      if (healed) return undefined;
      const crossing = deferred<void>();
      pending.push({ hop, crossing });
      return crossing.promise;
    },
    deliver: (index: number) => take(index)?.resolve(),
    lose: (index: number) => take(index)?.reject(new Error('lost')),
    deliverAll() {
      for (const { crossing } of pending) crossing.resolve();
      pending = [];
    },
    /** From now on everything arrives at once; what is under way arrives, too, or hangs for ever. */
    heal(hang: boolean) {
      healed = true;
      if (!hang) this.deliverAll();
      pending = [];
    },
  };
}

/** Math.random by a seed, so that a failing schedule can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
