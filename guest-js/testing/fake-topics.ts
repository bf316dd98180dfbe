import { answerOf, operated, operationsOf, outcomeOf, type WriteOutcome } from '../core/owning.js';
import { PRIMARY } from '../core/primary.js';
import type { Revision } from '../core/revision.js';
import type { WriteOperation, WriteRequest } from '../core/transport.js';
import type { Topic } from '../core/types.js';
import type { FakeAccess, FakeGrants } from './fake-grants.js';
import { copy, topLevelPatch } from './json.js';

/** What the topics of a fake backend are. */
export interface FakeTopicsOptions {
  /** The topics and their first values. */
  topics: Record<Topic, unknown>;
  /** The families, and what their topics begin with where `initial` is not given. */
  families?: Record<string, unknown>;
  /** Whether a window may. Default: always. */
  grants?: (window: string, topic: Topic, access: FakeAccess) => boolean;
  /**
   * What the actions of a topic, or of a family, do. One that throws refuses: with the `code` and
   * `reason` of what it threw, where it has them.
   */
  reducers?: Record<string, (state: never, action: never) => unknown>;
  /** Answer with a patch where the backend still knows the base. Default: false. */
  patches?: boolean;
  /** The most bytes of JSON in one request. Default: any. */
  maxBytes?: number;
}

interface FakeTopic {
  revision: bigint;
  data: unknown;
  /** What was at each of the latest revisions: the bases that a patch can be made on. */
  history: Map<string, unknown>;
}

const HISTORY = 50;

/** The topics of a fake backend: their states, their lives, and the writes to them. */
export function createFakeTopics(
  options: FakeTopicsOptions,
  { may, authorise, admit }: FakeGrants,
  announce: (topic: Topic, revision: string, sourceId: string | null) => void,
) {
  const { patches = false, maxBytes = Infinity, families = {} } = options;
  const topics = new Map<Topic, FakeTopic>();
  // A write is remembered for longer than its topic lives: it may be repeated after that.
  const outcomes = new Map<Topic, Map<string, WriteOutcome>>();
  let counter = 0n;
  let minted = 0;

  for (const [name, data] of Object.entries(options.topics)) begin(name, data);

  function begin(topic: Topic, data: unknown): void {
    counter++;
    const history = new Map([[String(counter), copy(data)]]);
    topics.set(topic, { revision: counter, data: copy(data), history });
  }

  function find(topic: Topic): FakeTopic {
    const found = topics.get(topic);
    if (!found) throw { kind: 'unknownTopic', message: `There is no topic "${topic}"`, topic };
    return found;
  }

  function familyOf(topic: Topic): string | undefined {
    const [family, id, ...more] = topic.split('/');
    const known = family !== undefined && Object.hasOwn(families, family);
    return known && id && !more.length ? family : undefined;
  }

  function answer(window: string, topic: Topic, since?: Revision): object {
    const { revision: current, data, history } = find(topic);
    const revision = String(current);
    if (!may(window, topic, 'read')) return { revision, withheld: true };
    if (since === revision) return { revision, unchanged: true };
    const base = since !== undefined && patches ? history.get(since) : undefined;
    const patch = base === undefined ? undefined : topLevelPatch(base, data);
    return patch ? { revision, base: since, patch } : { revision, data };
  }

  function change(topic: Topic, data: unknown, sourceId: string | null): void {
    const found = find(topic);
    counter++;
    found.revision = counter;
    found.data = copy(data);
    found.history.set(String(counter), found.data);
    for (const old of found.history.keys()) {
      if (found.history.size <= HISTORY) break;
      found.history.delete(old);
    }
    announce(topic, String(counter), sourceId);
  }

  function create(topic: Topic, data: unknown, sourceId: string | null): void {
    begin(topic, data);
    announce(topic, String(counter), sourceId);
  }

  function remove(topic: Topic, sourceId: string | null): boolean {
    if (!topics.delete(topic)) return false;
    announce(topic, String(++counter), sourceId);
    return true;
  }

  function createFor(
    window: string,
    topic: Topic,
    request: { family?: string; initial?: unknown },
  ): object {
    const { family: of, initial } = request;
    if (topic.length > 128 || !/^[\w:/-]+$/.test(topic)) {
      throw { kind: 'invalidTopic', message: `"${topic}" is no topic name`, topic };
    }
    unreserved(topic);
    const family = familyOf(topic);
    if (family === undefined) {
      const field = of === undefined ? 'topic' : 'family';
      throw { kind: 'invalidRequest', message: `No family covers "${topic}"`, field };
    }
    if (topics.has(topic)) {
      throw { kind: 'alreadyExists', message: `There is a topic "${topic}" already`, topic };
    }
    measure(topic, request);
    create(topic, initial === undefined ? families[family] : initial, window);
    return { topic, ...answer(window, topic) };
  }

  /** Nobody but the role itself makes, writes or removes its topic. */
  function unreserved(topic: Topic): void {
    if (topic !== PRIMARY) return;
    const reason = 'the role is given by the backend: join or leave it';
    throw { kind: 'rejected', message: `"${topic}" is reserved`, topic, code: 'reserved', reason };
  }

  function measure(topic: Topic, request: unknown): void {
    const size = JSON.stringify(request).length;
    if (size > maxBytes) {
      throw { kind: 'tooLarge', message: 'Too large', topic, size, limit: maxBytes };
    }
  }

  function apply(window: string, topic: Topic, operation: WriteOperation): Revision {
    const { revision, data } = find(topic);
    const reduce = options.reducers?.[topic] ?? options.reducers?.[familyOf(topic) ?? ''];
    const now = { revision: String(revision) as Revision, data };
    change(topic, operated(topic, now, operation, reduce), window);
    return String(find(topic).revision) as Revision;
  }

  function write(window: string, request: WriteRequest): unknown {
    const { topic, session, writes } = request;
    const operations = operationsOf(request);
    measure(topic, writes ?? request);
    unreserved(topic);
    find(topic);
    const sessions = outcomes.get(topic) ?? new Map<string, WriteOutcome>();
    outcomes.set(topic, sessions);
    const outcome = outcomeOf(request, operations, sessions.get(session), (operation) =>
      apply(window, topic, operation),
    );
    sessions.set(session, outcome);
    return answerOf(request, outcome, (since) => answer(window, topic, since));
  }

  return {
    find,
    /** Lets a call pass that is authorised. */
    enter(window: string, topic: Topic, access: FakeAccess): Topic {
      authorise(window, topic, access);
      return topic;
    },
    /** The name of a topic that is to be created. */
    nameOf: ({ topic, family }: { topic?: Topic; family?: string }): Topic =>
      topic ?? `${family}/${(++minted).toString(16).padStart(16, '0')}`,
    has: (topic: Topic) => topics.has(topic),
    answer,
    change,
    /** Announces every topic at a new revision, as it is. */
    touchAll: () => {
      for (const [topic, { data }] of topics) change(topic, data, null);
    },
    create,
    createFor,
    remove,
    removeFor(window: string, topic: Topic): boolean {
      unreserved(topic);
      return remove(topic, window);
    },
    write,
    list(window: string, prefix = ''): Topic[] {
      admit(window, prefix);
      return [...topics.keys()]
        .filter((topic) => topic.startsWith(prefix) && may(window, topic, 'read'))
        .sort();
    },
  };
}
