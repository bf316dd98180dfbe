import { createCollectionStore } from '../core/collection.js';
import type { CollectionStore } from '../core/collection-store.js';
import { createTopicFamily, type TopicFamily } from '../core/family.js';
import { noopLogger } from '../core/logger.js';
import { pageOf } from '../core/page.js';
import { PRIMARY } from '../core/primary.js';
import { createRole, type Role, type RoleOptions } from '../core/role.js';
import { createTopicStore } from '../core/store.js';
import type { TopicStore, TopicStoreOptions } from '../core/topic-store.js';
import type {
  AdminTransport,
  FlushTransport,
  Hide,
  RoleTransport,
  Wake,
} from '../core/transport.js';
import type { SyncErrorContext, Topic, Unsubscribe } from '../core/types.js';
import type { createFakeDeliveries } from './fake-deliveries.js';
import type { FakeGrants } from './fake-grants.js';
import type { createFakeHooks } from './fake-hooks.js';
import type { createFakePages, FakePage } from './fake-pages.js';
import type { createFakeCalls, FakeArgs, FakeCommand } from './fake-recorder.js';
import type { createFakeRole } from './fake-role.js';
import type { createFakeRules, Hop } from './fake-rules.js';
import type { createFakeTopics } from './fake-topics.js';
import { copy } from './json.js';

/** One page in one window. */
export interface FakeWindow {
  readonly label: string;
  readonly transport: AdminTransport & RoleTransport & FlushTransport;
  /**
   * A store in this window. It logs nothing, and its errors go to `backend.errors`, unless its
   * options say otherwise.
   *
   * @example
   * const settings = backend.window('main').store<Settings>('settings');
   * await settings.ready;
   */
  store<T, A = never>(topic: Topic, options?: TopicStoreOptions): TopicStore<T, A>;
  /** A collection in this window. */
  collection<V, A = never>(topic: Topic, options?: TopicStoreOptions): CollectionStore<V, A>;
  /** A family in this window. */
  family<T, A = never>(family: string, options?: TopicStoreOptions): TopicFamily<T, A>;
  /** This window's part in the role. */
  role(options?: RoleOptions): Role;
  /** The user comes back to the window. `restored`: out of the back/forward cache. */
  wake(restored?: boolean): void;
  /** The window is hidden, or its page is left for another. */
  hide(leaving?: boolean): void;
  /** How many handlers the page has given to `listen`, and not taken back. */
  listeners(topic: Topic): number;
  /** The page is gone: it reaches nobody any more, and nothing reaches it. */
  close(): void;
  /** The page is gone, and this is the next in the same window. */
  reload(): FakeWindow;
  /**
   * The page dies without a word: it reaches nobody any more, and nothing reaches it; the backend
   * takes it for alive until `silence()`.
   */
  crash(): void;
  /** The page did not answer for a minute, so the backend drops it; it may come back. */
  silence(): void;
}

/** Who hears what a topic announces. */
export interface FakeListener {
  label: string;
  topic: Topic;
  scope: object;
  handler(payload: unknown): void;
}

/** The backend's parts, as a window reaches them. */
export interface FakeBehind {
  topics: ReturnType<typeof createFakeTopics>;
  pages: ReturnType<typeof createFakePages>;
  role: ReturnType<typeof createFakeRole>;
  grants: FakeGrants;
  rules: ReturnType<typeof createFakeRules>;
  hooks: ReturnType<typeof createFakeHooks>;
  calls: ReturnType<typeof createFakeCalls>;
  listeners: Set<FakeListener>;
  deliveries: ReturnType<typeof createFakeDeliveries> | undefined;
  errors: SyncErrorContext[];
}

/** Opens a page in the window of this label. */
export function openFakeWindow(label: string, behind: FakeBehind): FakeWindow {
  const { topics, pages, role, grants, rules, hooks, calls, listeners, deliveries, errors } =
    behind;
  const wakers = new Set<(wake: Wake) => void>();
  const hiders = new Set<(hide: Hide) => void>();
  const scope = {};
  let gone = false;
  let hidden = false;

  // Nothing reaches a page that is gone, not even an error.
  async function cross(hop: Hop) {
    try {
      return await rules.cross(hop);
    } finally {
      if (gone && hop.kind !== 'request') await new Promise(() => {});
    }
  }

  async function call<C extends Exclude<FakeCommand, 'listen'>>(
    topic: Topic,
    command: C,
    args: FakeArgs[C],
    work: (topic: Topic) => unknown,
    /** For what runs the app's hooks: lets the call pass, and says which topic it is about. */
    enter?: () => Topic,
  ): Promise<unknown> {
    if (gone) return new Promise(() => {});
    const hop = { window: label, topic, command };
    const kept = calls.keep<C>({ command, window: label, topic, args });
    try {
      const run = () =>
        attempt(async () => {
          const entered = enter?.() ?? topic;
          const asking = enter && hooks.ask({ ...hop, topic: entered });
          if (asking) await asking;
          return work(entered);
        });
      if ((await cross({ kind: 'request', ...hop })) === 'twice') void run();
      const result = await run();
      await cross({ kind: 'response', ...hop });
      if ('error' in result) throw result.error;
      kept.answer = result.answer;
      return result.answer;
    } catch (error) {
      kept.error = error;
      throw error;
    }
  }

  function vanish(): void {
    gone = true;
    for (const each of listeners) if (each.scope === scope) listeners.delete(each);
    deliveries?.vanish(pageOf({ scope }).session);
  }

  function leave(): void {
    pages.bury(pageOf({ scope }).session);
    pages.drop(label, true);
  }

  /** Whom the app refuses reads the topic no more. */
  function mayRead(topic: Topic): void {
    try {
      grants.authorise(label, topic, 'read');
    } catch (error) {
      if (Object(error).code !== undefined) pages.dismiss(label, topic);
      throw error;
    }
  }

  function withRole(session: string, work: (page: FakePage) => void): null {
    grants.authorise(label, PRIMARY, 'role');
    const page = pages.find(label, session);
    if (page && !page.gone) work(page);
    return null;
  }

  const transport: FakeWindow['transport'] = {
    label,
    scope,
    async listen(topic, handler): Promise<Unsubscribe> {
      const kept = calls.keep({ command: 'listen', window: label, topic, args: { topic } });
      try {
        await cross({ kind: 'listen', window: label, topic });
      } catch (error) {
        kept.error = error;
        throw error;
      }
      const listener = { label, topic, scope, handler };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    getSnapshot(topic, since, session) {
      const args = {
        topic,
        ...(since !== undefined && { since }),
        ...(session !== undefined && { session }),
      };
      return call(topic, 'get_snapshot', args, () => {
        mayRead(topic);
        const answer = topics.answer(label, topic, since);
        deliveries?.gave(session, topic, answer);
        return answer;
      });
    },
    getSnapshotNow(topic) {
      grants.authorise(label, topic, 'read');
      return copy(topics.answer(label, topic));
    },
    write(request) {
      const sent = copy(request);
      const { session, topic } = sent;
      return call(
        topic,
        'write',
        sent,
        () => {
          const answer = topics.write(label, sent);
          deliveries?.gave(session, topic, answer);
          return answer;
        },
        () => topics.enter(label, topic, 'write'),
      );
    },
    subscribe: (topic, session, how) =>
      call(topic, 'subscribe', { topic, session, ...how }, () => {
        mayRead(topic);
        topics.find(topic);
        const page = pages.subscribe(label, session, topic);
        if (!how?.deliver || !deliveries) return null;
        deliveries.open(page, topic, how.rest === true);
        return { delivers: true };
      }),
    ...(deliveries && {
      receive: (session: string, handler: (payload: unknown) => void) =>
        deliveries.receive(
          session,
          (payload) => {
            if (!gone) handler(payload);
          },
          () => {
            if (!gone) awake({ restored: false });
          },
        ),
    }),
    unsubscribe: (topic, session) =>
      call(topic, 'unsubscribe', { topic, session }, () => {
        pages.unsubscribe(label, session, topic);
        deliveries?.rest(session);
        topics.find(topic);
        return null;
      }),
    createTopic(request) {
      const sent = copy(request);
      const name = sent.topic ?? sent.family ?? '';
      return call(
        name,
        'create_topic',
        sent,
        (topic) => topics.createFor(label, topic, sent),
        () => topics.enter(label, topics.nameOf(sent), 'admin'),
      );
    },
    removeTopic: (topic) =>
      call(
        topic,
        'remove_topic',
        { topic },
        () => ({ removed: topics.removeFor(label, topic) }),
        () => topics.enter(label, topic, 'admin'),
      ),
    listTopics: (prefix) =>
      call(prefix ?? '', 'list_topics', { ...(prefix !== undefined && { prefix }) }, () =>
        topics.list(label, prefix),
      ),
    joinRole: (session) =>
      call(PRIMARY, 'join_role', { session }, () => {
        grants.authorise(label, PRIMARY, 'role');
        role.join(pages.subscribe(label, session, PRIMARY));
        return null;
      }),
    leaveRole: (session) =>
      call(PRIMARY, 'leave_role', { session }, () => withRole(session, role.leave)),
    // What is in memory is as safe as it gets.
    flush: (topic) =>
      call(topic, 'flush', { topic }, () => {
        grants.authorise(label, topic, 'write');
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

  const quiet = {
    logger: noopLogger,
    onError: (context: SyncErrorContext) => errors.push(context),
  };

  function wake(restored = false): void {
    hidden = false;
    // It was left before.
    if (restored) leave();
    awake({ restored });
  }

  function awake(wake: Wake): void {
    for (const handler of [...wakers]) handler(wake);
  }

  function close(): void {
    vanish();
    leave();
  }

  return {
    label,
    transport,
    store: (topic, options) => createTopicStore(topic, transport, { ...quiet, ...options }),
    collection: (topic, options) =>
      createCollectionStore(topic, transport, { ...quiet, ...options }),
    family: (family, options) => createTopicFamily(family, transport, { ...quiet, ...options }),
    role: (options) => createRole(transport, { ...quiet, ...options }),
    wake,
    hide(leaving = false) {
      hidden = true;
      for (const handler of [...hiders]) handler({ leaving });
      if (leaving) leave();
    },
    listeners: (topic) =>
      [...listeners].filter((each) => each.scope === scope && each.topic === topic).length,
    close,
    reload() {
      close();
      return openFakeWindow(label, behind);
    },
    crash: vanish,
    silence: () => pages.drop(label, false),
  };
}

/** What a command comes to, as it travels. */
async function attempt(
  work: () => Promise<unknown>,
): Promise<{ answer: unknown } | { error: unknown }> {
  try {
    return { answer: copy(await work()) };
  } catch (error) {
    return { error: copy(error) };
  }
}
