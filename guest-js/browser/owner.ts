import { answerOf, operated, operationsOf, outcomeOf, type WriteOutcome } from '../core/owning.js';
import { PRIMARY } from '../core/primary.js';
import {
  compareRevisions,
  isCanonicalRevision,
  type Revision,
  ZERO_REVISION,
} from '../core/revision.js';
import type { CreateTopicRequest, WriteRequest } from '../core/transport.js';
import type { InvalidationEvent, Topic } from '../core/types.js';
import { createCandidates } from './candidates.js';
import type { BrowserTopic } from './options.js';
import type { Shelf } from './shelf.js';

export interface OwnerOptions {
  topics: Record<Topic, BrowserTopic>;
  families: Record<string, BrowserTopic>;
  shelf: Shelf;
  /** The highest revision that any tab has heard of. */
  floor: Revision;
  announce(event: InvalidationEvent): void;
  /** Calls back when that tab is gone. */
  watch(tab: string, gone: () => void): void;
  /** Told of what goes on all the same. */
  report(topic: Topic, error: unknown): void;
}

/** What a tab may call, by its name in `Transport`. */
export type Owner = ReturnType<typeof createOwner>;

interface Session extends WriteOutcome {
  session: string;
}

interface State {
  revision: Revision;
  data: unknown;
  /** What each session wrote last, the latest at the end. */
  sessions: Session[];
  /** The call that created it. */
  by?: string | undefined;
}

const FORMAT = 1;

const NOBODY = { holder: null };

/** How many sessions' last outcomes are kept for each topic. */
export const SESSIONS = 64;

const COUNTER = 'counter';
const topicKey = (topic: Topic): string => `topic/${topic}`;

/**
 * The topics, in the one tab that leads. All of it is synchronous: what is answered is stored.
 *
 * - **I1** A topic's revision, its state, and what the sessions last wrote are one entry of the
 *   storage. So whoever takes over has all three or none.
 * - **I5** The counter begins above all that is stored and all that any tab has heard of. Where the
 *   storage has lost something, every topic gets a new revision.
 * - **I10** What the storage does not take has not happened.
 * - **I11** A write that a tab repeats to the next leader is answered from what is stored.
 * - **I14** Of each topic, the last {@link SESSIONS} sessions that wrote are remembered.
 */
export function createOwner(options: OwnerOptions) {
  const { topics, families, shelf, floor, announce, watch, report } = options;
  const states = new Map<Topic, State>();
  const broken = new Map<Topic, unknown>();
  let counter = 0n;

  const candidates = createCandidates((holder) => {
    const { window, session } = holder ?? {};
    // The revision rises for ever, as a term has to.
    const revision = mint(PRIMARY);
    const data = { holder: holder ? { window, session, term: revision } : null };
    commit(PRIMARY, { revision, data, sessions: [] });
  });

  const raise = (to: Revision): void => {
    if (BigInt(to) > counter) counter = BigInt(to);
  };

  function mint(topic: Topic): Revision {
    const next = String(counter + 1n);
    if (!isCanonicalRevision(next)) {
      throw { kind: 'exhausted', message: 'All revisions are used', topic };
    }
    counter++;
    return next;
  }

  const optionsOf = (topic: Topic): BrowserTopic | undefined => {
    // Whoever held the role has to join again.
    if (topic === PRIMARY) return { initial: NOBODY, restore: () => NOBODY };
    if (Object.hasOwn(topics, topic)) return topics[topic];
    const [family = '', id, ...more] = topic.split('/');
    return id && !more.length && Object.hasOwn(families, family) ? families[family] : undefined;
  };

  /** Stored last: whoever sees it sees all that it counts. */
  function count(): void {
    try {
      shelf.write(COUNTER, String(counter).padStart(20, '0'));
    } catch (error) {
      report('', error);
    }
  }

  /** Stores a state, and only then shows it. */
  function commit(topic: Topic, state: State, sourceId?: string): void {
    shelf.write(topicKey(topic), { format: FORMAT, ...state });
    states.set(topic, state);
    count();
    const { revision } = state;
    announce({ topic, revision, timestampMs: Date.now(), ...(sourceId && { sourceId }) });
  }

  function load(): void {
    raise(countedIn(shelf));
    const found = [...new Set([...Object.keys(topics), ...shelf.names(topicKey(''))])];
    const changed = new Set<Topic>();
    for (const topic of found) {
      const { initial, restore } = optionsOf(topic) ?? {};
      // Of another version of the app: it stays in the storage as it is.
      if (!optionsOf(topic)) continue;
      try {
        const state = shelf.read(topicKey(topic), (stored): State => {
          const known = stateOf(stored);
          const data = restore ? json(restore(known.data)) : known.data;
          if (JSON.stringify(data) !== JSON.stringify(known.data)) changed.add(topic);
          return { ...known, data };
        });
        if (state) {
          raise(state.revision);
          states.set(topic, state);
        } else if (Object.hasOwn(topics, topic)) {
          states.set(topic, { revision: floor, data: json(initial), sessions: [] });
          changed.add(topic);
        }
      } catch (error) {
        broken.set(topic, error);
        report(topic, error);
      }
    }
    const lost = BigInt(floor) > counter;
    raise(floor);
    for (const [topic, state] of states) {
      if (!lost && !changed.has(topic)) continue;
      const next = { ...state, revision: mint(topic) };
      try {
        commit(topic, next);
      } catch (error) {
        // It is what the app begins with, or can be made again of what is stored.
        states.set(topic, next);
        report(topic, error);
      }
    }
  }

  function find(topic: Topic): State {
    const found = states.get(topic);
    if (found) return found;
    if (broken.has(topic)) {
      const { message: why } = Object(broken.get(topic));
      const message = `What is stored of "${topic}" cannot be used, and is left as it is: ${why}`;
      throw { kind: 'unserializable', message, topic };
    }
    throw { kind: 'unknownTopic', message: `There is no topic "${topic}"`, topic };
  }

  function current(topic: Topic, since?: Revision): object {
    const { revision, data } = find(topic);
    return since === revision ? { revision, unchanged: true } : { revision, data };
  }

  load();

  return {
    counter: (): Revision => String(counter) as Revision,

    revisions: (): Record<Topic, Revision> =>
      Object.fromEntries([...states].map(([topic, { revision }]) => [topic, revision])),

    getSnapshot(_: string, topic: Topic, since?: Revision): object {
      if (since !== undefined && BigInt(since) > counter) {
        // This tab was not heard when the storage had lost something.
        raise(since);
        commit(topic, { ...find(topic), revision: mint(topic) });
      }
      return current(topic, since);
    },

    write(label: string, request: WriteRequest): object {
      const { topic, session } = request;
      const operations = operationsOf(request);
      const before = find(topic);
      if (topic === PRIMARY) {
        throw { kind: 'denied', message: `"${topic}" is written by the role alone`, topic };
      }
      const last = before.sessions.find((each) => each.session === session);
      let { revision, data } = before;
      const outcome = outcomeOf(request, operations, last, (operation) => {
        const reduce = optionsOf(topic)?.reduce;
        const next = json(operated(topic, { revision, data }, operation, reduce), topic);
        revision = mint(topic);
        data = next;
        return revision;
      });
      if (outcome !== last) {
        const others = before.sessions.filter((each) => each !== last).slice(1 - SESSIONS);
        const sessions = [...others, { session, ...outcome }];
        const next = { ...before, revision, data, sessions };
        if (revision !== before.revision) commit(topic, next, label);
        // Where nothing was applied, whoever takes over may find that out again.
        else states.set(topic, next);
      }
      return answerOf(request, outcome, (since) => current(topic, since));
    },

    subscribe(_: string, topic: Topic): null {
      find(topic);
      return null;
    },

    unsubscribe(_: string, topic: Topic): null {
      find(topic);
      return null;
    },

    /** `by` names the call: one that is sent again, to the next leader, has done it itself. */
    createTopic(label: string, { topic = '', initial }: CreateTopicRequest, by: string): object {
      if (topic.length > 128 || !/^[\w:/-]+$/.test(topic)) {
        throw { kind: 'invalidTopic', message: `"${topic}" is no topic name`, topic };
      }
      const declared = optionsOf(topic);
      if (!declared || topic === PRIMARY || Object.hasOwn(topics, topic)) {
        const message = `No family covers "${topic}"`;
        throw { kind: 'invalidRequest', message, field: 'topic' };
      }
      const found = states.get(topic);
      if (!found || found.by !== by) {
        if (found || broken.has(topic)) {
          throw { kind: 'alreadyExists', message: `There is a topic "${topic}" already`, topic };
        }
        const data = json(initial === undefined ? declared.initial : initial, topic);
        commit(topic, { revision: mint(topic), data, sessions: [], by }, label);
      }
      return { topic, ...current(topic) };
    },

    removeTopic(label: string, topic: Topic): object {
      const removed = states.has(topic) && topic !== PRIMARY;
      if (removed) {
        const revision = mint(topic);
        shelf.remove(topicKey(topic));
        states.delete(topic);
        count();
        announce({ topic, revision, sourceId: label, timestampMs: Date.now() });
      }
      return { removed };
    },

    /** `by` begins with the tab. */
    joinRole(label: string, session: string, by: string): null {
      const [tab = ''] = by.split('/');
      candidates.join({ window: label, session, tab });
      watch(tab, () => candidates.gone(tab));
      return null;
    },

    leaveRole(_: string, session: string): null {
      candidates.leave(session);
      return null;
    },

    listTopics: (_: string, prefix = ''): Topic[] =>
      [...states.keys()].filter((topic) => topic.startsWith(prefix)).sort(),
  };
}

/** How far the storage is, as this tab sees it: a browser may show what another wrote a little later. */
export function countedIn(shelf: Shelf): Revision {
  // With leading zeros, so that it never needs more room than it has.
  const counted = shelf.read(COUNTER, (stored) =>
    revisionOf(String(stored).replace(/^0+(?=.)/, '')),
  );
  return counted ?? ZERO_REVISION;
}

function revisionOf(stored: unknown): Revision {
  if (isCanonicalRevision(stored)) return stored;
  throw new TypeError('not a revision');
}

function stateOf(stored: unknown): State {
  const { format, revision, data, sessions, by } = Object(stored);
  if (format !== FORMAT) throw new TypeError(`format ${format}, not ${FORMAT}`);
  if (data === undefined || !Array.isArray(sessions)) throw new TypeError('not a whole state');
  return { revision: revisionOf(revision), data, sessions, by };
}

/** As it will be read back: so that a take-over changes nothing. */
function json(value: unknown, topic?: Topic): unknown {
  const text = JSON.stringify(value);
  if (text !== undefined) return JSON.parse(text);
  throw { kind: 'unserializable', message: 'The state cannot be turned into JSON', topic };
}

/** The higher of two. */
export const latest = (a: Revision, b: Revision): Revision => (compareRevisions(a, b) < 0 ? b : a);
