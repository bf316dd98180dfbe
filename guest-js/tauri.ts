import { convertFileSrc, invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import {
  type ListTopicsOptions,
  listTopics as listTopicsOver,
  removeTopic as removeTopicOver,
} from './core/admin.js';
import { createCollectionStore } from './core/collection.js';
import type { CollectionStore } from './core/collection-store.js';
import { createTopicFamily, type TopicFamily } from './core/family.js';
import { flush as flushOver } from './core/flush.js';
import { pageOf } from './core/page.js';
import { createReadonlyTopicStore } from './core/reader.js';
import type { Revision } from './core/revision.js';
import { createRole, type Role, type RoleOptions } from './core/role.js';
import { createTopicStore } from './core/store.js';
import {
  createRevisionSync,
  type RevisionSyncHandle,
  type RevisionSyncOptions,
} from './core/sync.js';
import type {
  ReadonlyTopicStore,
  ReadonlyTopicStoreOptions,
  TopicStore,
  TopicStoreOptions,
} from './core/topic-store.js';
import type { AdminTransport, FlushTransport, RoleTransport, Transport } from './core/transport.js';
import type {
  InvalidationEvent,
  InvalidationSubscriber,
  SnapshotEnvelope,
  SnapshotProvider,
  Unsubscribe,
} from './core/types.js';
import { getNow } from './first-paint.js';
import { isHidden, onHide, onWake } from './page-events.js';
import { receive } from './receiver.js';

/** As much of `listen` of `@tauri-apps/api/event` as is needed: give your own in tests. */
export type TauriListen = <T = unknown>(
  eventName: string,
  handler: (event: { payload: T }) => void,
) => Promise<Unsubscribe>;

/** As much of `invoke` of `@tauri-apps/api/core` as is needed: give your own in tests. */
export type TauriInvoke = <T>(command: string, args?: Record<string, unknown>) => Promise<T>;

/** Where a subscriber listens: name the topic, or the event itself. */
export interface TauriInvalidationSubscriberOptions {
  topic?: string;
  /** Default: `<topic>:invalidated`. */
  eventName?: string;
  /** Default: Tauri's. */
  listen?: TauriListen;
}

/** Where a provider reads: name the topic, or the command and its arguments. */
export interface TauriSnapshotProviderOptions {
  topic?: string;
  /** Default: `plugin:lockstep|get_snapshot`. */
  commandName?: string;
  /** Default: `{ topic }`. */
  args?: Record<string, unknown>;
  /** Default: Tauri's. */
  invoke?: TauriInvoke;
}

function named(topic: string | undefined): string {
  if (topic === undefined) throw TypeError('No topic');
  return topic;
}

const eventOf = (topic: string | undefined): string => `${named(topic)}:invalidated`;
const command = (name: string): string => `plugin:lockstep|${name}`;

/**
 * Hears invalidations as Tauri events. `subscribe` rejects with Tauri's own error, such as a
 * missing `core:event:allow-listen`.
 *
 * @throws TypeError where neither `topic` nor `eventName` is given.
 *
 * @example
 * const subscriber = createTauriInvalidationSubscriber({ topic: 'settings' });
 */
export function createTauriInvalidationSubscriber({
  topic,
  eventName = eventOf(topic),
  listen: hear = listen,
}: TauriInvalidationSubscriberOptions): InvalidationSubscriber {
  return {
    subscribe: (handler) => hear<InvalidationEvent>(eventName, ({ payload }) => handler(payload)),
  };
}

/**
 * Reads snapshots by a Tauri command. `getSnapshot` rejects with whatever the command rejects
 * with.
 *
 * @throws TypeError where neither `topic` nor `args` is given.
 *
 * @example
 * const provider = createTauriSnapshotProvider<Settings>({ topic: 'settings' });
 */
export function createTauriSnapshotProvider<T>({
  topic,
  commandName = command('get_snapshot'),
  args = { topic: named(topic) },
  invoke: call = invoke,
}: TauriSnapshotProviderOptions): SnapshotProvider<T> {
  return { getSnapshot: () => call<SnapshotEnvelope<T>>(commandName, args) };
}

/** A revision sync over Tauri; every part of the wire may be named otherwise. */
export interface TauriRevisionSyncOptions<T>
  extends Omit<RevisionSyncOptions<T>, 'subscriber' | 'provider'>,
    Omit<TauriInvalidationSubscriberOptions, 'topic'>,
    Omit<TauriSnapshotProviderOptions, 'topic'> {}

/**
 * {@link createRevisionSync} over Tauri: with this plugin's backend, or with your own that
 * emits an event and answers a command.
 *
 * @example
 * const sync = createTauriRevisionSync<Settings>({
 *   topic: 'settings',
 *   applier: { apply: ({ data }) => store.setState(data) },
 * });
 * await sync.start();
 */
export function createTauriRevisionSync<T>(
  options: TauriRevisionSyncOptions<T>,
): RevisionSyncHandle {
  return createRevisionSync({
    onWake: globalThis.document && onWake,
    ...options,
    subscriber: createTauriInvalidationSubscriber(options),
    provider: createTauriSnapshotProvider<T>(options),
  });
}

interface TauriWindow {
  __TAURI_INTERNALS__?: { metadata?: { currentWebview?: { label?: string } } };
}

/**
 * The everyday store's transport over Tauri. Making it touches nothing, so that a topic may be
 * defined where there is no window.
 *
 * @example
 * const store = createTopicStore<Settings>('settings', createTauriTransport());
 */
export function createTauriTransport(): Transport {
  return {
    get label() {
      const { __TAURI_INTERNALS__: internals } = globalThis as TauriWindow;
      return internals?.metadata?.currentWebview?.label ?? '';
    },
    listen: (topic, handler) => listen(eventOf(topic), ({ payload }) => handler(payload)),
    getSnapshot: (topic, since, session) =>
      // JSON leaves out what is undefined.
      invoke(command('get_snapshot'), { topic, since, session }),
    getSnapshotNow: (topic) =>
      getNow(`${convertFileSrc('', 'lockstep')}?topic=${encodeURIComponent(topic)}`),
    write: (request) => invoke(command('write'), { ...request }),
    subscribe: (topic, session, how) => invoke(command('subscribe'), { topic, session, ...how }),
    unsubscribe: (topic, session) => invoke(command('unsubscribe'), { topic, session }),
    receive,
    onWake,
    onHide,
    hidden: isHidden,
  };
}

/**
 * The transport of a family over Tauri: the everyday store's, and what creates, removes and lists
 * topics. Making it touches nothing.
 *
 * @example
 * const jobs = createTopicFamily<Job>('jobs', createTauriAdminTransport());
 */
export function createTauriAdminTransport(): AdminTransport {
  // Not spread: the label is to be asked for when it is needed.
  return Object.assign(createTauriTransport(), {
    createTopic: (request: object) => invoke(command('create_topic'), { ...request }),
    removeTopic: (topic: string) => invoke(command('remove_topic'), { topic }),
    listTopics: (prefix?: string) => invoke(command('list_topics'), { prefix }),
  });
}

/**
 * The transport of a role over Tauri: the everyday store's, and what joins and leaves. Making it
 * touches nothing.
 *
 * @example
 * const primary = createRole(createTauriRoleTransport());
 */
export function createTauriRoleTransport(): RoleTransport {
  return Object.assign(createTauriTransport(), {
    joinRole: (session: string) => invoke(command('join_role'), { session }),
    leaveRole: (session: string) => invoke(command('leave_role'), { session }),
  });
}

/**
 * The transport of `flush` over Tauri. Making it touches nothing.
 *
 * @example
 * await createTauriFlushTransport().flush('settings');
 */
export function createTauriFlushTransport(): FlushTransport {
  return Object.assign(createTauriTransport(), {
    flush: (topic: string) => invoke(command('flush'), { topic }),
  });
}

/**
 * Tauri's transport, or what was given in its place: asked for at each use, since topics are defined
 * before anything runs.
 */
function here<T extends Transport>(tauri: T): T {
  return new Proxy(tauri, {
    get: (own, key) => Reflect.get(pageOf({}).transport ?? own, key),
  });
}

/**
 * The store of one topic in this window: what an app uses every day. It costs nothing until it
 * is used.
 *
 * @example
 * export const settings = defineTopic<Settings>('settings');
 *
 * settings.subscribe((next) => render(next));
 * await settings.merge({ theme: 'dark' });
 *
 * @example
 * export const todos = defineTopic<Todos, TodoAction>('todos');
 *
 * await todos.dispatch({ type: 'toggle', id: 7 });
 */
export function defineTopic<T, A = never>(
  topic: string,
  options?: TopicStoreOptions,
): TopicStore<T, A> {
  return createTopicStore<T, A>(topic, here(createTauriTransport()), options);
}

/**
 * The store of one topic in a window that only reads it, such as a panel that shows: as
 * {@link defineTopic}, without what writes, which makes the window's script smaller.
 *
 * @example
 * const settings = defineReadonlyTopic<Settings>('settings');
 *
 * settings.subscribe((next) => render(next));
 */
export function defineReadonlyTopic<T>(
  topic: string,
  options?: ReadonlyTopicStoreOptions,
): ReadonlyTopicStore<T> {
  return createReadonlyTopicStore<T>(topic, here(createTauriTransport()), options);
}

/**
 * The store of one collection in this window: entities that are read, written and sent one by one.
 * It costs nothing until it is used.
 *
 * @example
 * export const tasks = defineCollection<Task>('tasks');
 *
 * tasks.key('42').subscribe((task) => render(task));
 * await tasks.merge('42', { done: true });
 */
export function defineCollection<V, A = never>(
  collection: string,
  options?: TopicStoreOptions,
): CollectionStore<V, A> {
  return createCollectionStore<V, A>(collection, here(createTauriTransport()), options);
}

/**
 * The topics of one family in this window: those that come and go while the app runs. It costs
 * nothing until it is used.
 *
 * @example
 * export const downloads = defineTopicFamily<Download>('downloads');
 *
 * const download = await downloads.create({ initial: { url, percent: 0 } });
 * download.subscribe(({ percent }) => draw(percent));
 */
export function defineTopicFamily<T, A = never>(
  family: string,
  options?: TopicStoreOptions,
): TopicFamily<T, A> {
  return createTopicFamily<T, A>(family, here(createTauriAdminTransport()), options);
}

/**
 * This page's part in the role of the primary: the one page of the app that does what must be done
 * once only. It costs nothing until it is used, and joins then. A page has one: later calls get
 * the first, with its options. Needs `lockstep:role`.
 *
 * @example
 * export const primary = defineRole();
 *
 * primary.onRole(async (role) => {
 *   if (role === 'primary') connect();
 *   else await disconnect();
 * });
 */
export function defineRole(options?: RoleOptions): Role {
  return createRole(here(createTauriRoleTransport()), options);
}

/**
 * The names of the topics that there are now and that this window may read, sorted. Needs
 * `lockstep:default`.
 *
 * Rejects with a `LockstepError`: `denied`, `transport`, `timeout` (30 s), or `protocol`.
 *
 * @example
 * await listTopics({ prefix: 'downloads/' }); // ['downloads/1', 'downloads/2']
 */
export function listTopics(options?: ListTopicsOptions): Promise<string[]> {
  return listTopicsOver(here(createTauriAdminTransport()), options);
}

/**
 * Removes a topic, for every window. Resolves with whether it was there. Needs `lockstep:admin`
 * with the topic in its scope.
 *
 * Rejects with a `LockstepError`: `denied`; `invalidTopic`; `rejected`, for the topic of the role;
 * `transport` and `timeout` (30 s), where
 * **whether it was removed is unknown**; or `protocol`.
 *
 * @example
 * await removeTopic('draft');
 */
export function removeTopic(topic: string): Promise<boolean> {
  return removeTopicOver(here(createTauriAdminTransport()), topic);
}

/**
 * Saves a topic, with what this page has written to it before, and resolves with the revision that
 * is on disk. Needs `lockstep:write` with the topic in its scope.
 *
 * Rejects with a `LockstepError`: `notSaved`, where the disk fails or the topic is not persisted;
 * `denied`, `unknownTopic`, `invalidTopic`, `transport`, `timeout` (30 s), or `protocol`.
 *
 * @example
 * await settings.merge({ theme: 'dark' });
 * await flush('settings');
 */
export function flush(topic: string): Promise<Revision> {
  return flushOver(here(createTauriFlushTransport()), topic);
}
