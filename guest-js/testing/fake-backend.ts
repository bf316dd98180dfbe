import { PRIMARY } from '../core/primary.js';
import type { Revision } from '../core/revision.js';
import type { SyncErrorContext, Topic, Unsubscribe } from '../core/types.js';
import { createFakeDeliveries, type FakeDelivery } from './fake-deliveries.js';
import {
  createFakeGrants,
  type DenyMatch,
  type DenyReason,
  type FakeAccess,
} from './fake-grants.js';
import { createFakeHooks } from './fake-hooks.js';
import { createFakePages } from './fake-pages.js';
import {
  createFakeAnnouncements,
  createFakeCalls,
  type FakeAnnouncements,
  type FakeCalls,
} from './fake-recorder.js';
import { createFakeRole } from './fake-role.js';
import { createFakeRules, type FakeRules } from './fake-rules.js';
import { createFakeTopics, type FakeTopicsOptions } from './fake-topics.js';
import { type FakeListener, type FakeWindow, openFakeWindow } from './fake-window.js';
import { copy } from './json.js';

/** How a fake backend behaves. */
export interface FakeBackendOptions extends FakeTopicsOptions {
  /** Whether a window may. Default: always. See also `backend.deny`. */
  grants?: (window: string, topic: Topic, access: FakeAccess) => boolean;
  /** Whether it delivers to pages that ask for that. Without, they listen and pull. Default: true. */
  deliveries?: boolean;
}

/** See {@link createFakeBackend}. Its methods may be taken out of it. */
export interface FakeBackend extends FakeRules {
  /** Opens a page in a window: each call another page, also of the same label. */
  window(label: string): FakeWindow;
  /** What the windows called. */
  readonly calls: FakeCalls;
  /** What the backend announced. */
  readonly announced: FakeAnnouncements;
  /** What the backend delivered, in order. */
  readonly delivered: readonly FakeDelivery[];
  /** What the stores, families and roles made by its windows reported. */
  readonly errors: SyncErrorContext[];
  /** How many crossings are on their way: not those that are held, or were dropped. */
  underWay(): number;
  /** Sends an announcement, genuine or not, to every window that listens. */
  emit(topic: Topic, payload: unknown): void;
  /** The backend itself writes. */
  set(topic: Topic, data: unknown): void;
  /** The backend itself writes what becomes of the value that is there. */
  update<T>(topic: Topic, change: (data: T) => T): void;
  /** The backend itself creates a topic, of a family or not. */
  create(topic: Topic, data: unknown): void;
  /** The backend itself removes a topic. */
  remove(topic: Topic): boolean;
  has(topic: Topic): boolean;
  data<T = unknown>(topic: Topic): T;
  /** What was there at one of the latest 50 revisions. */
  at<T = unknown>(topic: Topic, revision: Revision): T;
  revision(topic: Topic): Revision;
  /** The labels of the windows that said they read the topic. */
  readers(topic: Topic): string[];
  /** Whether the backend takes this page for alive. */
  alive(label: string, session: string): boolean;
  /**
   * Denies what matches, whatever `grants` says, until the function that it returns is called.
   * With a reason it is the app that refuses; where the match names neither topic nor access, it is
   * the page that it refuses. Windows find out by their next call.
   */
  deny(match: DenyMatch, why?: DenyReason): Unsubscribe;
  /** As `reauthorize` in Rust: announces every topic, so that windows ask whether they still may. */
  reauthorize(): void;
}

/**
 * A backend in memory that speaks the protocol to any number of windows in one process.
 *
 * What crosses is copied as JSON. Sessions and sequence numbers are kept as `PROTOCOL.md` has
 * it, but for ever. Announcements are not coalesced: there is one for each change.
 *
 * @example
 * const backend = createFakeBackend({ topics: { counter: 0 } });
 * const main = backend.window('main').store<number>('counter');
 * const other = backend.window('other').store<number>('counter');
 * await other.ready;
 * await main.update((n) => n + 1);
 * await waitFor(() => other.get() === 1);
 *
 * @example
 * // A write whose answer is lost is sent again, and applied once.
 * backend.fail({ kind: 'response', command: 'write' }, { times: 1 });
 * await main.update((n) => n + 1);
 * const [first, second] = backend.calls.of({ command: 'write' }).slice(-2);
 * expect(first?.args).toEqual(second?.args);
 */
export function createFakeBackend(options: FakeBackendOptions): FakeBackend {
  const rules = createFakeRules();
  const grants = createFakeGrants(options.grants);
  const calls = createFakeCalls();
  const announcements = createFakeAnnouncements();
  const listeners = new Set<FakeListener>();
  const errors: SyncErrorContext[] = [];
  const topics = createFakeTopics(options, grants, (topic, revision, sourceId) => {
    if (!topics.has(topic)) pages.forget(topic);
    deliveries?.changed(topic, revision, sourceId);
    emit(topic, { topic, revision, sourceId, timestampMs: 1_760_000_000_000 });
  });
  const role = createFakeRole((holder) => {
    if (topics.has(PRIMARY)) topics.change(PRIMARY, { holder }, null);
    else topics.create(PRIMARY, { holder }, null);
  });
  const pages = createFakePages(role.leave);
  const { has, answer } = topics;
  const deliveries =
    options.deliveries === false ? undefined : createFakeDeliveries({ rules, grants, has, answer });
  const hooks = createFakeHooks(rules);
  const behind = {
    deliveries,
    topics,
    pages,
    role,
    grants,
    rules,
    hooks,
    calls,
    listeners,
    errors,
  };

  function emit(topic: Topic, payload: unknown): void {
    const hearing = [...listeners].filter((each) => each.topic === topic);
    announcements.keep({ topic, payload, windows: hearing.map(({ label }) => label) });
    for (const listener of hearing) {
      const hear = (): void => {
        if (listeners.has(listener)) listener.handler(copy(payload));
      };
      Promise.resolve(rules.cross({ kind: 'event', window: listener.label, topic })).then(
        (arrival) => {
          hear();
          if (arrival === 'twice') hear();
        },
        () => {},
      );
    }
  }

  return {
    ...rules.api,
    window: (label) => openFakeWindow(label, behind),
    calls: calls.api,
    announced: announcements.api,
    delivered: deliveries?.sent ?? [],
    errors,
    underWay: rules.underWay,
    emit,
    set: (topic, data) => topics.change(topic, data, null),
    update: (topic, change) =>
      topics.change(topic, change(copy(topics.find(topic).data) as never), null),
    create: (topic, data) => topics.create(topic, data, null),
    remove: (topic) => topics.remove(topic, null),
    has: topics.has,
    data: (topic) => copy(topics.find(topic).data) as never,
    at: (topic, revision) => copy(topics.find(topic).history.get(revision)) as never,
    revision: (topic) => String(topics.find(topic).revision) as Revision,
    readers(topic) {
      topics.find(topic);
      return pages.readers(topic);
    },
    alive: (label, session) => pages.find(label, session)?.live === true,
    deny: grants.deny,
    reauthorize: topics.touchAll,
  };
}
