import { applyJsonPatch } from '../core/json-patch.js';
import { mergePatch } from '../core/merge-patch.js';
import type { Revision } from '../core/revision.js';
import type { Transport, Wake, WriteOperation, WriteRequest } from '../core/transport.js';
import type { Topic, Unsubscribe } from '../core/types.js';
import { topLevelPatch } from './json.js';

/** One crossing between a window and the backend. */
export interface Hop {
  kind: 'listen' | 'event' | 'request' | 'response';
  window: string;
  topic: Topic;
  /** For requests and responses. */
  command?: 'get_snapshot' | 'write' | 'subscribe' | 'unsubscribe';
}

/** How a fake backend behaves. */
export interface FakeBackendOptions {
  /** The topics and their first values. */
  topics: Record<Topic, unknown>;
  /**
   * Called for each crossing, which goes on when the promise resolves, and is lost (events) or
   * fails with its error (everything else) when it rejects. Default: at once.
   */
  network?: (hop: Hop) => Promise<void> | undefined;
  /** Whether a window may. Default: always. */
  grants?: (window: string, topic: Topic, access: 'read' | 'write') => boolean;
  /**
   * What a topic's actions do. One that throws refuses: with the `code` and `reason` of what it
   * threw, where it has them.
   */
  reducers?: Record<Topic, (state: never, action: never) => unknown>;
  /** Answer with a patch where the backend still knows the base. Default: false. */
  patches?: boolean;
  /** The most bytes of JSON in one request. Default: any. */
  maxBytes?: number;
}

/** One page in one window. */
export interface FakeWindow {
  readonly label: string;
  readonly transport: Transport;
  /** The user comes back to the window. `restored`: out of the back/forward cache. */
  wake(restored?: boolean): void;
  /** How many handlers the page has given to `listen`, and not taken back. */
  listeners(topic: Topic): number;
}

type Result = { revision: string } | { error: object };

/** What became of the last batch of a session. */
interface Outcome {
  seq: number;
  results: Result[];
}

interface FakeTopic {
  revision: bigint;
  data: unknown;
  /** What was at each of the latest revisions: the bases that a patch can be made on. */
  history: Map<string, unknown>;
  sessions: Map<string, Outcome>;
  readers: Map<string, string>;
}

const HISTORY = 50;

/**
 * A backend in memory that speaks the protocol to any number of windows in one process.
 *
 * What crosses is copied as JSON. Sessions and sequence numbers are kept as `PROTOCOL.md` has
 * it, but for ever. Announcements are not coalesced: there is one for each change.
 *
 * @example
 * const backend = createFakeBackend({ topics: { counter: 0 } });
 * const main = createTopicStore<number>('counter', backend.window('main').transport);
 * await main.update((n) => n + 1);
 */
export function createFakeBackend(options: FakeBackendOptions) {
  const { network, grants = () => true, patches = false, maxBytes = Infinity } = options;
  const windows: { label: string; topic: Topic; handler: (payload: unknown) => void }[] = [];
  const topics = new Map<Topic, FakeTopic>();
  let counter = 0n;

  for (const [name, data] of Object.entries(options.topics)) {
    counter++;
    topics.set(name, {
      revision: counter,
      data: copy(data),
      history: new Map([[String(counter), copy(data)]]),
      sessions: new Map(),
      readers: new Map(),
    });
  }

  function find(topic: Topic): FakeTopic {
    const found = topics.get(topic);
    if (!found) throw { kind: 'unknownTopic', message: `There is no topic "${topic}"`, topic };
    return found;
  }

  function authorise(window: string, topic: Topic, access: 'read' | 'write'): void {
    if (grants(window, topic, access)) return;
    throw {
      kind: 'denied',
      message: `The window "${window}" may not ${access} "${topic}"`,
      topic,
      window,
      permission: access === 'read' ? 'lockstep:default' : 'lockstep:write',
    };
  }

  function answer(window: string, topic: Topic, since?: Revision): unknown {
    const { revision: current, data, history } = find(topic);
    const revision = String(current);
    if (!grants(window, topic, 'read')) return { revision, withheld: true };
    if (since === revision) return { revision, unchanged: true };
    const base = since !== undefined && patches ? history.get(since) : undefined;
    const patch = base === undefined ? undefined : topLevelPatch(base, data);
    return patch ? { revision, base: since, patch } : { revision, data };
  }

  /** Sends an announcement, genuine or not, to every window that listens. */
  function emit(topic: Topic, payload: unknown): void {
    for (const listener of windows.filter((each) => each.topic === topic)) {
      const hop = network?.({ kind: 'event', window: listener.label, topic });
      Promise.resolve(hop).then(
        () => windows.includes(listener) && listener.handler(copy(payload)),
        () => {},
      );
    }
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
    const revision = String(counter);
    emit(topic, { topic, revision, sourceId, timestampMs: 1_760_000_000_000 });
  }

  function next({ topic, ...operation }: WriteOperation & { topic: Topic }): unknown {
    const { data } = find(topic);
    if ('set' in operation) return operation.set;
    if ('merge' in operation) return mergePatch(data, operation.merge);
    if ('patch' in operation) {
      try {
        return applyJsonPatch(data, operation.patch);
      } catch (error) {
        throw { kind: 'invalidData', message: (error as Error).message, topic, path: 'patch' };
      }
    }
    const reduce = options.reducers?.[topic];
    if (!reduce) throw { kind: 'invalidRequest', message: 'There is no reducer', field: 'action' };
    try {
      return reduce(copy(data) as never, operation.action as never);
    } catch (error) {
      const { code = 'refused', reason = 'It is refused' } = Object(error);
      throw { kind: 'rejected', message: `Refused: ${reason}`, topic, code, reason };
    }
  }

  function apply(window: string, topic: Topic, operation: WriteOperation): Result {
    const { expectedRevision } = operation;
    const { revision, data } = find(topic);
    try {
      if (expectedRevision !== undefined && expectedRevision !== String(revision)) {
        throw {
          kind: 'conflict',
          message: `"${topic}" is at revision ${revision}, not ${expectedRevision}`,
          topic,
          expectedRevision,
          revision: String(revision),
          ...(grants(window, topic, 'read') && { data }),
        };
      }
      change(topic, next({ ...operation, topic }), window);
      return { revision: String(find(topic).revision) };
    } catch (error) {
      // All that this file throws is plain: an error of another kind is a mistake in it.
      if (error instanceof Error) throw error;
      return { error: error as object };
    }
  }

  function write(window: string, request: WriteRequest): unknown {
    const { topic, session, seq, since, writes } = request;
    authorise(window, topic, 'write');
    if (writes && (writes.length < 1 || writes.length > 256)) {
      throw { kind: 'invalidRequest', message: 'Expected 1 to 256 writes', field: 'writes' };
    }
    for (const operation of writes ?? [request]) {
      if (['set', 'merge', 'patch', 'action'].filter((op) => op in operation).length !== 1) {
        throw { kind: 'invalidRequest', message: 'Expected one operation', field: 'set' };
      }
    }
    const size = JSON.stringify(writes ?? request).length;
    if (size > maxBytes) {
      throw { kind: 'tooLarge', message: 'Too large', topic, size, limit: maxBytes };
    }
    const { sessions } = find(topic);
    let last = sessions.get(session);
    if (last && seq < last.seq) {
      const lastSeq = last.seq;
      throw { kind: 'outOfOrder', message: 'An older write', topic, seq, lastSeq };
    }
    if (last?.seq !== seq) {
      const results = (writes ?? [request]).map((operation) => apply(window, topic, operation));
      last = { seq, results };
      sessions.set(session, last);
    }
    const { results } = last;
    if (writes) {
      const shown = answer(window, topic, since) as { withheld?: boolean };
      const applied = results.filter((result) => 'revision' in result);
      const newest = applied.at(-1)?.revision ?? '0';
      return { ...shown, ...(shown.withheld && { revision: newest }), results };
    }
    const [result] = results as [Result];
    if ('error' in result) throw result.error;
    return answer(window, topic, since);
  }

  function createWindow(label: string): FakeWindow {
    const wakers = new Set<(wake: Wake) => void>();

    async function call(
      topic: Topic,
      command: NonNullable<Hop['command']>,
      work: () => unknown,
    ): Promise<unknown> {
      await network?.({ kind: 'request', window: label, topic, command });
      let result: unknown;
      let failure: { error: unknown } | undefined;
      try {
        result = copy(work());
      } catch (error) {
        failure = { error: copy(error) };
      }
      await network?.({ kind: 'response', window: label, topic, command });
      if (failure) throw failure.error;
      return result;
    }

    const transport: Transport = {
      label,
      scope: {},
      async listen(topic, handler): Promise<Unsubscribe> {
        await network?.({ kind: 'listen', window: label, topic });
        const listener = { label, topic, handler };
        windows.push(listener);
        return () => {
          const at = windows.indexOf(listener);
          if (at >= 0) windows.splice(at, 1);
        };
      },
      getSnapshot: (topic, since) =>
        call(topic, 'get_snapshot', () => {
          authorise(label, topic, 'read');
          return answer(label, topic, since);
        }),
      write: (request) => {
        const sent = copy(request) as WriteRequest;
        return call(sent.topic, 'write', () => write(label, sent));
      },
      subscribe: (topic, session) =>
        call(topic, 'subscribe', () => {
          authorise(label, topic, 'read');
          find(topic).readers.set(label, session);
          return null;
        }),
      unsubscribe: (topic, session) =>
        call(topic, 'unsubscribe', () => {
          const { readers } = find(topic);
          if (readers.get(label) === session) readers.delete(label);
          return null;
        }),
      onWake(handler) {
        wakers.add(handler);
        return () => wakers.delete(handler);
      },
    };

    return {
      label,
      transport,
      wake: (restored = false) => {
        for (const handler of [...wakers]) handler({ restored });
      },
      listeners: (topic) =>
        windows.filter((each) => each.label === label && each.topic === topic).length,
    };
  }

  return {
    window: createWindow,
    emit,
    /** The backend itself writes. */
    set: (topic: Topic, data: unknown) => change(topic, data, null),
    data: (topic: Topic): unknown => copy(find(topic).data),
    /** What was there at one of the latest 50 revisions. */
    at: (topic: Topic, revision: Revision): unknown => copy(find(topic).history.get(revision)),
    revision: (topic: Topic) => String(find(topic).revision) as Revision,
    /** The labels of the windows that said they read the topic. */
    readers: (topic: Topic) => [...find(topic).readers.keys()],
  };
}

export type FakeBackend = ReturnType<typeof createFakeBackend>;

function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
