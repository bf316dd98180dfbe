import type { Topic } from '../core/types.js';
import type { createFakeRules, Hop } from './fake-rules.js';

/** How many calls of one window may be at the app's hooks, or wait for them. */
const MAX_CALLS = 64;

/** How many of those may be about one topic. */
const MAX_CALLS_PER_TOPIC = 16;

/** The app's hooks, as rules about the kind `hook` have them: without such a rule, they take no time. */
export function createFakeHooks(rules: ReturnType<typeof createFakeRules>) {
  const calls = new Map<string, Topic[]>();

  return {
    /**
     * Asks them about a call.
     *
     * @throws `busy` where too many of the window's calls are at it; what the rule rejects with.
     */
    ask(hop: Pick<Hop, 'window' | 'topic' | 'command'>): Promise<unknown> | undefined {
      const { window, topic } = hop;
      const mine = calls.get(window) ?? [];
      calls.set(window, mine);
      const same = mine.filter((each) => each === topic).length;
      if (mine.length >= MAX_CALLS || same >= MAX_CALLS_PER_TOPIC) {
        throw {
          kind: 'busy',
          message: `The window "${window}" has too many calls under way, at "${topic}" or in all`,
          topic,
        };
      }
      const asking = rules.cross({ ...hop, kind: 'hook' });
      if (!asking) return undefined;
      mine.push(topic);
      return asking.finally(() => mine.splice(mine.indexOf(topic), 1));
    },
  };
}
