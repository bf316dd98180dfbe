import { createTopic, listTopics, removeTopic } from './admin.js';
import type { LockstepError } from './errors.js';
import { mintId, pageOf } from './page.js';
import { createTopicStore } from './store.js';
import type { TopicStore, TopicStoreOptions } from './topic-store.js';
import type { AdminTransport } from './transport.js';
import { seal } from './writer.js';

/** What a new topic begins with. */
export interface CreateOptions<T> {
  /** Default: what the family says in Rust. */
  initial?: T;
}

/**
 * Topics of one type that come and go while the app runs: `<family>/<id>`. Which families there
 * are, and what their topics hold, is declared in Rust.
 *
 * `T` is the state of each topic, `A` the actions that its reducer takes. Creating and removing
 * need `lockstep:admin`, listing `lockstep:default`, and the topics themselves what every topic
 * needs.
 *
 * What returns a promise rejects with a {@link LockstepError}: `denied`, where the window's
 * capabilities, or the app's own rules (`error.code` and `error.reason`), do not permit it;
 * `transport` and `timeout` (30 s), where **whether it was done is unknown**; `protocol`, where the
 * answer is none.
 */
export interface TopicFamily<T, A = never> {
  /** The part of the names before the `/`. */
  readonly family: string;

  /**
   * The store of one topic, the same each time until it is closed. The topic need not be there:
   * the store is `stale` then, and goes on by itself once somebody creates it. A store that you
   * are done with is to be closed: one of a removed topic goes on asking for it.
   *
   * @param id 1 or more of `A-Z a-z 0-9 - _ :`; the whole name has at most 128.
   *
   * @example
   * downloads.topic('42').subscribe(({ percent }) => draw(percent));
   */
  topic(id: string): TopicStore<T, A>;

  /**
   * Creates a topic; without an `id`, one of 16 hex digits is minted. Resolves with its
   * store, which shows the topic's state: or, where the window may not read it, or the pull
   * fails, is on its way, as its `status` tells. Rejects also with
   *
   * - `alreadyExists`: there is such a topic. Nothing was changed.
   * - `invalidTopic`: the id has other characters, or too many.
   * - `invalidRequest`: the app has declared no such family, or `initial` cannot be turned into JSON.
   * - `invalidData`: `initial` is not of the family's type.
   * - `rejected`: the app's own rules for the family refuse `initial`.
   * - `tooLarge`: `initial` is over the limit.
   *
   * @example
   * const download = await downloads.create({ initial: { url, percent: 0 } });
   * download.topic; // 'downloads/9f86d081884c7d65'
   */
  create(options?: CreateOptions<T> & { id?: string }): Promise<TopicStore<T, A>>;

  /**
   * Creates the topic, unless it is there already: of several windows that ask at the same time,
   * one creates it, and all get their stores. Rejects as `create` does, but for `alreadyExists`;
   * with `unknownTopic` where others remove it again and again meanwhile.
   *
   * @example
   * const chat = await chats.getOrCreate('general', { initial: { lines: [] } });
   */
  getOrCreate(id: string, options?: CreateOptions<T>): Promise<TopicStore<T, A>>;

  /**
   * Removes a topic, for every window. Resolves with whether it was there. A store of it in this
   * window is `removed` by then.
   *
   * @example
   * await downloads.remove('42');
   */
  remove(id: string): Promise<boolean>;

  /**
   * The ids of the topics that there are now and that this window may read, sorted.
   *
   * @example
   * for (const id of await downloads.list()) show(downloads.topic(id));
   */
  list(): Promise<string[]>;
}

// How often a topic may be removed between being there already and being read.
const TURNS = 8;

/**
 * A family of topics over any transport. In a Tauri app, `defineTopicFamily` is this with Tauri's.
 *
 * **I14** It keeps the stores that are not closed, and no others.
 *
 * @example
 * const jobs = createTopicFamily<Job>('jobs', transport);
 */
export function createTopicFamily<T, A = never>(
  family: string,
  transport: AdminTransport,
  options?: TopicStoreOptions,
): TopicFamily<T, A> {
  const stores = new Map<string, TopicStore<T, A>>();
  const prefix = `${family}/`;

  function storeOf(name: string): TopicStore<T, A> {
    const known = stores.get(name);
    if (known) return known;
    const store = createTopicStore<T, A>(name, transport, options);
    const { close } = store;
    store.close = () => {
      close();
      if (stores.get(name) === store) stores.delete(name);
    };
    stores.set(name, store);
    return store;
  }

  // The id is this page's: a call that Tauri runs again makes no second topic.
  async function create({
    id = mintId(8),
    initial,
  }: CreateOptions<T> & { id?: string } = {}): Promise<TopicStore<T, A>> {
    const { topic, withheld } = await createTopic(transport, {
      topic: prefix + id,
      session: pageOf(transport).session,
      ...(initial !== undefined && seal({ initial })),
    });
    const store = storeOf(topic);
    // I9: the answer is older than the listening is, so a pull is needed either way.
    if (withheld !== true) await store.refresh().catch(() => {});
    return store;
  }

  return {
    family,
    topic: (id) => storeOf(prefix + id),
    create,
    async getOrCreate(id, { initial } = {}) {
      for (let turn = 1; ; turn++) {
        try {
          return await create({ id, ...(initial !== undefined && { initial }) });
        } catch (error) {
          if ((error as LockstepError).kind !== 'alreadyExists') throw error;
        }
        const store = storeOf(prefix + id);
        try {
          await store.refresh();
        } catch (error) {
          // Gone in between. What else a pull comes to is the store's affair.
          const gone = (error as LockstepError).kind === 'unknownTopic';
          if (gone && turn < TURNS) continue;
          if (gone) throw error;
        }
        return store;
      }
    },
    async remove(id) {
      const removed = await removeTopic(transport, prefix + id);
      const store = stores.get(prefix + id);
      if (store && store.status !== 'idle') await store.refresh().catch(() => {});
      return removed;
    },
    async list() {
      const topics = await listTopics(transport, { prefix });
      // Beneath the same name there may be another family, whose name holds a `/`.
      return topics
        .filter((topic) => topic.lastIndexOf('/') + 1 === prefix.length && topic.startsWith(prefix))
        .map((topic) => topic.slice(prefix.length));
    },
  };
}
