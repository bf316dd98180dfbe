import type { Revision } from '../core/revision.js';
import type { CreateTopicRequest, SubscribeOptions, WriteRequest } from '../core/transport.js';
import type { Topic } from '../core/types.js';

/** What each command is called with, as `PROTOCOL.md` has it. `listen` is not one, but Tauri's. */
export interface FakeArgs {
  listen: { topic: Topic };
  get_snapshot: { topic: Topic; since?: Revision; session?: string };
  write: WriteRequest;
  subscribe: { topic: Topic; session: string } & SubscribeOptions;
  unsubscribe: { topic: Topic; session: string };
  create_topic: CreateTopicRequest;
  remove_topic: { topic: Topic };
  list_topics: { prefix?: string };
  join_role: { session: string };
  leave_role: { session: string };
  flush: { topic: Topic };
}

export type FakeCommand = keyof FakeArgs;

interface CallOf<C extends FakeCommand> {
  command: C;
  /** The label of the window that called. */
  window: string;
  /** Of `list_topics`: the prefix; of a topic that the backend is to name: its family. */
  topic: Topic;
  args: FakeArgs[C];
  /** What came back, once it has. */
  answer?: unknown;
  /** What it was rejected with, once it was. */
  error?: unknown;
}

/** One call of a window; `args` goes by `command`. */
export type FakeCall<C extends FakeCommand = FakeCommand> = { [K in C]: CallOf<K> }[C];

/** Which calls: those that have all of these fields. */
export interface CallMatch<C extends FakeCommand = FakeCommand> {
  command?: C;
  window?: string;
  topic?: Topic;
}

/** What all windows have called, in the order of the calls; what was lost is there, too. */
export interface FakeCalls {
  readonly all: readonly FakeCall[];
  /** Those that match. */
  of<C extends FakeCommand>(match: CallMatch<C>): FakeCall<C>[];
  /** The latest that matches. */
  last<C extends FakeCommand>(match?: CallMatch<C>): FakeCall<C> | undefined;
  /** How many match. */
  count(match?: CallMatch): number;
  /** Forgets all that was called so far. */
  clear(): void;
}

/** An announcement that was sent, genuine or not. */
export interface FakeAnnouncement {
  topic: Topic;
  payload: unknown;
  /** The windows that listened. */
  windows: string[];
}

/** What was announced, in order. */
export interface FakeAnnouncements {
  readonly all: readonly FakeAnnouncement[];
  of(topic: Topic): FakeAnnouncement[];
  clear(): void;
}

/** Keeps what is called. */
export function createFakeCalls() {
  let all: FakeCall[] = [];

  function of<C extends FakeCommand>(match: CallMatch<C> = {}): FakeCall<C>[] {
    const wanted = Object.entries(match);
    const matching = all.filter((call) =>
      wanted.every(([key, value]) => call[key as keyof CallMatch] === value),
    );
    return matching as FakeCall<C>[];
  }

  const api: FakeCalls = {
    get all() {
      return all;
    },
    of,
    last: (match) => of(match).at(-1),
    count: (match) => of(match).length,
    clear() {
      all = [];
    },
  };
  return {
    api,
    keep<C extends FakeCommand>(call: CallOf<C>): CallOf<C> {
      all.push(call as FakeCall);
      return call;
    },
  };
}

/** Keeps what is announced. */
export function createFakeAnnouncements() {
  let all: FakeAnnouncement[] = [];
  const api: FakeAnnouncements = {
    get all() {
      return all;
    },
    of: (topic) => all.filter((each) => each.topic === topic),
    clear() {
      all = [];
    },
  };
  return { api, keep: (announcement: FakeAnnouncement) => void all.push(announcement) };
}
