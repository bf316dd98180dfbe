import { pageOf } from '../core/page.js';
import { PRIMARY } from '../core/primary.js';
import type { Revision } from '../core/revision.js';
import type {
  AdminTransport,
  CreateTopicRequest,
  FlushTransport,
  Hide,
  RoleTransport,
  Wake,
  WriteRequest,
} from '../core/transport.js';
import type { Topic, Unsubscribe } from '../core/types.js';
import { createFakePages, type FakePage } from './fake-pages.js';
import { createFakeRole } from './fake-role.js';
import { createFakeTopics, type FakeTopicsOptions } from './fake-topics.js';
import { copy } from './json.js';

/** One crossing between a window and the backend. */
export interface Hop {
  kind: 'listen' | 'event' | 'request' | 'response';
  window: string;
  /** Of `list_topics`: the prefix; of a topic that the backend is to name: its family. */
  topic: Topic;
  /** For requests and responses. */
  command?:
    | 'get_snapshot'
    | 'write'
    | 'subscribe'
    | 'unsubscribe'
    | 'create_topic'
    | 'remove_topic'
    | 'list_topics'
    | 'join_role'
    | 'leave_role'
    | 'flush';
}

/** How a fake backend behaves. */
export interface FakeBackendOptions extends FakeTopicsOptions {
  /**
   * Called for each crossing, which goes on when the promise resolves, and is lost (events) or
   * fails with its error (everything else) when it rejects. Default: at once.
   */
  network?: (hop: Hop) => Promise<void> | undefined;
}

/** One page in one window. */
export interface FakeWindow {
  readonly label: string;
  readonly transport: AdminTransport & RoleTransport & FlushTransport;
  /** The user comes back to the window. `restored`: out of the back/forward cache. */
  wake(restored?: boolean): void;
  /** The window is hidden, or its page is left for another. */
  hide(leaving?: boolean): void;
  /** How many handlers the page has given to `listen`, and not taken back. */
  listeners(topic: Topic): number;
  /** The page is gone: it reaches nobody any more, and nothing reaches it. */
  close(): void;
  /** The page did not answer for a minute, so the backend drops it; it may come back. */
  silence(): void;
}

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
  const { network } = options;
  let windows: { label: string; topic: Topic; scope: object; handler(payload: unknown): void }[] =
    [];
  const topics = createFakeTopics(options, (topic, revision, sourceId) => {
    if (!topics.has(topic)) pages.forget(topic);
    emit(topic, { topic, revision, sourceId, timestampMs: 1_760_000_000_000 });
  });
  const role = createFakeRole((holder) => {
    if (topics.has(PRIMARY)) topics.change(PRIMARY, { holder }, null);
    else topics.create(PRIMARY, { holder }, null);
  });
  const pages = createFakePages(role.leave);

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

  function createWindow(label: string): FakeWindow {
    const wakers = new Set<(wake: Wake) => void>();
    const hiders = new Set<(hide: Hide) => void>();
    const scope = {};
    let gone = false;
    let hidden = false;

    // Nothing reaches a page that is gone, not even an error.
    const crossing = async (hop: Hop): Promise<void> => {
      try {
        await network?.(hop);
      } finally {
        if (gone && hop.kind !== 'request') await new Promise(() => {});
      }
    };

    async function call(
      topic: Topic,
      command: NonNullable<Hop['command']>,
      work: () => unknown,
    ): Promise<unknown> {
      if (gone) return new Promise(() => {});
      await crossing({ kind: 'request', window: label, topic, command });
      let result: unknown;
      let failure: { error: unknown } | undefined;
      try {
        result = copy(work());
      } catch (error) {
        failure = { error: copy(error) };
      }
      await crossing({ kind: 'response', window: label, topic, command });
      if (failure) throw failure.error;
      return result;
    }

    function leave(): void {
      pages.bury(pageOf({ scope }).session);
      pages.drop(label, true);
    }

    function withRole(session: string, work: (page: FakePage) => void): null {
      topics.authorise(label, PRIMARY, 'role');
      const page = pages.find(label, session);
      if (page && !page.gone) work(page);
      return null;
    }

    const transport: FakeWindow['transport'] = {
      label,
      scope,
      async listen(topic, handler): Promise<Unsubscribe> {
        await crossing({ kind: 'listen', window: label, topic });
        const listener = { label, topic, scope, handler };
        windows.push(listener);
        return () => {
          windows = windows.filter((each) => each !== listener);
        };
      },
      getSnapshot: (topic, since) =>
        call(topic, 'get_snapshot', () => {
          topics.authorise(label, topic, 'read');
          return topics.answer(label, topic, since);
        }),
      write(request) {
        const sent = copy(request) as WriteRequest;
        return call(sent.topic, 'write', () => topics.write(label, sent));
      },
      subscribe: (topic, session) =>
        call(topic, 'subscribe', () => {
          topics.authorise(label, topic, 'read');
          topics.find(topic);
          pages.subscribe(label, session, topic);
          return null;
        }),
      unsubscribe: (topic, session) =>
        call(topic, 'unsubscribe', () => {
          topics.find(topic);
          pages.unsubscribe(label, session, topic);
          return null;
        }),
      createTopic(request) {
        const sent = copy(request) as CreateTopicRequest;
        const name = sent.topic ?? sent.family ?? '';
        return call(name, 'create_topic', () => topics.createFor(label, sent));
      },
      removeTopic: (topic) =>
        call(topic, 'remove_topic', () => {
          topics.authorise(label, topic, 'admin');
          return { removed: topics.remove(topic, label) };
        }),
      listTopics: (prefix) => call(prefix ?? '', 'list_topics', () => topics.list(label, prefix)),
      joinRole: (session) =>
        call(PRIMARY, 'join_role', () => {
          topics.authorise(label, PRIMARY, 'role');
          const page = pages.subscribe(label, session, PRIMARY);
          if (page) role.join(page);
          return null;
        }),
      leaveRole: (session) => call(PRIMARY, 'leave_role', () => withRole(session, role.leave)),
      // What is in memory is as safe as it gets.
      flush: (topic) =>
        call(topic, 'flush', () => {
          topics.authorise(label, topic, 'write');
          return { revision: String(topics.find(topic).revision) };
        }),
      hidden: () => hidden,
      onWake(handler) {
        wakers.add(handler);
        return () => wakers.delete(handler);
      },
      onHide(handler) {
        hiders.add(handler);
        return () => hiders.delete(handler);
      },
    };

    return {
      label,
      transport,
      wake(restored = false) {
        hidden = false;
        for (const handler of [...wakers]) handler({ restored });
      },
      hide(leaving = false) {
        hidden = true;
        for (const handler of [...hiders]) handler({ leaving });
        if (leaving) leave();
      },
      listeners: (topic) =>
        windows.filter((each) => each.scope === scope && each.topic === topic).length,
      close() {
        gone = true;
        windows = windows.filter((each) => each.scope !== scope);
        leave();
      },
      silence: () => pages.drop(label, false),
    };
  }

  return {
    window: createWindow,
    emit,
    /** The backend itself writes. */
    set: (topic: Topic, data: unknown) => topics.change(topic, data, null),
    /** The backend itself creates a topic, of a family or not. */
    create: (topic: Topic, data: unknown) => topics.create(topic, data, null),
    /** The backend itself removes a topic. */
    remove: (topic: Topic): boolean => topics.remove(topic, null),
    has: (topic: Topic): boolean => topics.has(topic),
    data: (topic: Topic): unknown => copy(topics.find(topic).data),
    /** What was there at one of the latest 50 revisions. */
    at: (topic: Topic, revision: Revision): unknown =>
      copy(topics.find(topic).history.get(revision)),
    revision: (topic: Topic) => String(topics.find(topic).revision) as Revision,
    /** The labels of the windows that said they read the topic. */
    readers: (topic: Topic): string[] => {
      topics.find(topic);
      return pages.readers(topic);
    },
    /** Whether the backend takes this page for alive. */
    alive: (label: string, session: string): boolean => pages.find(label, session)?.live === true,
  };
}

export type FakeBackend = ReturnType<typeof createFakeBackend>;
