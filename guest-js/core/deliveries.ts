import type { Engine, Passage } from './engine.js';
import { isCanonicalRevision } from './revision.js';

// Deliveries that wait for the answer to a write.
const MOST_DELIVERED = 100;

/** What was delivered to a store, until it is used. */
export interface Deliveries {
  /**
   * What is delivered waits for its turn as an announcement does, and is used then, in its order.
   * **I8** What cannot be used as it is, is as good as announced.
   */
  take(answer: unknown): void;
  /** Uses all that waits; undefined where that is nothing. Never rejects. */
  use(): Promise<unknown> | undefined;
}

export function createDeliveries(engine: Engine): Deliveries {
  let waiting: [answer: unknown, passage: Passage][] = [];

  /** Never rejects. */
  async function offer(answer: unknown, passage: Passage): Promise<void> {
    try {
      // What waits for a pull, and the status, is settled by one.
      if ((await engine.offer(answer, passage)) === 'apply') engine.again();
    } catch (error) {
      engine.report({ ...passage, error });
    }
  }

  return {
    take(answer) {
      const { revision, sourceId, data } = Object(answer);
      const passage: Passage = { phase: 'protocol' };
      if (typeof sourceId === 'string') passage.sourceId = sourceId;
      if (!isCanonicalRevision(revision)) {
        offer(answer, passage);
        return;
      }
      engine.log('debug', 'delivery', { revision });
      // What is whole needs nothing before it. Of patches that wait, the last may not fit any more then.
      if (data !== undefined || waiting.length > MOST_DELIVERED) waiting = [];
      waiting.push([answer, passage]);
      engine.heard(revision);
    },
    use() {
      const taken = waiting;
      waiting = [];
      return taken.length ? Promise.all(taken.map((each) => offer(...each))) : undefined;
    },
  };
}
