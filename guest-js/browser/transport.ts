import { LockstepError } from '../core/errors.js';
import { createListeners } from '../core/listeners.js';
import { defaultLogger } from '../core/logger.js';
import { tellPage } from '../core/on-error.js';
import { mintId } from '../core/page.js';
import { isCanonicalRevision, ZERO_REVISION } from '../core/revision.js';
import type { CreateTopicRequest } from '../core/transport.js';
import type { InvalidationEvent, Topic, Unsubscribe } from '../core/types.js';
import { isHidden, onHide, onWake } from '../page-events.js';
import { type Election, joinElection } from './election.js';
import type { CallMessage, Lead, Message } from './messages.js';
import type { BrowserTransport, BrowserTransportOptions, PageOptions, TabRole } from './options.js';
import { countedIn, createOwner, latest, type Owner } from './owner.js';
import { alone, type ChannelLike, type Platform, platformOf } from './platform.js';
import { createShelf, type Shelf } from './shelf.js';

interface Call {
  method: string;
  args: unknown[];
  /** The leader that it was last sent to. */
  sentTo?: string;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** After so many ms without an answer, a call fails. */
export const CALL_MS = 30_000;

/** For so many ms at most a new leader waits for what another tab has heard of, and it has not. */
export const AGREE_MS = 2000;

/**
 * For so many ms it waits in any case: what the one before wrote last, and told nobody that is still
 * there. Browsers do not say when a process sees what another has stored; it is a few ms.
 */
export const SETTLE_MS = 100;

const AGREE_PAUSE_MS = 10;

/**
 * The everyday store's transport without Tauri: over `BroadcastChannel` and `localStorage`, between
 * the tabs of one origin. One tab is elected through Web Locks and owns the state; when it closes,
 * another takes over. Making it touches nothing: the tab joins when it is used.
 *
 * @example
 * const transport = createBrowserTransport({ topics: { settings: { initial: { dark: false } } } });
 * const settings = createTopicStore<Settings>('settings', transport);
 */
export function createBrowserTransport(options: BrowserTransportOptions): BrowserTransport {
  return createTransport(options, { onWake, onHide, hidden: isHidden });
}

/**
 * - **I5**, **I11** A tab that takes over asks the others first how far they have heard, and waits
 *   until the storage is as far: another process's last write may still be on its way to this one.
 *   So what was acknowledged to any tab is there.
 * - **I11** A call without an answer is sent again to the next leader, as it was: a write keeps its
 *   session and number, a creation its id. A removal fails, since a second one would not know.
 * - **I2** What is announced can be asked for: the leader announces what it has stored.
 * - **I8** A new leader says where every topic is, since the one before may not have come to it.
 */
export function createTransport(
  options: BrowserTransportOptions,
  page: PageOptions,
): BrowserTransport {
  const { topics, families = {}, name = 'app', whenUnsupported = 'alone' } = options;
  const tab = mintId(16);
  const prefix = `lockstep/${name}/`;
  const { label = `tab-${tab.slice(0, 8)}`, logger = defaultLogger } = options;
  const { onError = (context) => tellPage(page, context) } = options;

  let role: TabRole = 'candidate';
  let owner: Owner | undefined;
  let leader: string | undefined;
  // The highest revision that this tab has heard of, and what the others say to that.
  let heard = ZERO_REVISION;
  let answered = new Set<string>();
  // Two, since a channel does not hear itself: the leader takes its turn like everybody else, and
  // the others get theirs however much it writes.
  let inbox: ChannelLike | undefined;
  let outbox: ChannelLike | undefined;
  let election: Election | undefined;
  let fatal: unknown;
  let opened = false;
  let calls = 0;
  const pending = new Map<string, Call>();
  const handlers = new Map<Topic, Set<(payload: unknown) => void>>();
  // Who of this page waits for the primary's role: only the leader before knew.
  const candidates = new Set<string>();
  const roles = createListeners<[TabRole]>((error) => report('', error));
  const ends: Unsubscribe[] = [];

  function report(topic: Topic, error: unknown): void {
    const context = { phase: 'protocol' as const, error, ...(topic && { topic }) };
    try {
      logger.error('this tab', context);
      onError(context);
    } catch {
      // A broken observer must not cost the state.
    }
  }

  function turn(to: TabRole): void {
    if (role === to) return;
    role = to;
    roles.tell(to);
  }

  const post = (message: Message): void => outbox?.postMessage(message);

  function hear(revision: unknown): void {
    if (isCanonicalRevision(revision)) heard = latest(heard, revision);
  }

  function tell(event: InvalidationEvent): void {
    for (const handler of [...(handlers.get(event.topic) ?? [])]) handler(event);
  }

  function open(): void {
    if (opened) return;
    opened = true;
    const { platform, missing } = platformOf(options);
    if (platform) {
      begin(platform);
      return;
    }
    const message = `This browser has no ${missing.join(' and no ')} here, so tabs cannot share state`;
    const error = new LockstepError('transport', message);
    if (whenUnsupported === 'fail') fail(error);
    else {
      report('', error);
      begin(alone());
    }
  }

  function begin({ storage, locks, channel: openChannel }: Platform): void {
    const shelf = createShelf(storage, prefix, (topic, error, aside) => {
      const message = `What was stored of "${topic}" is damaged. It is kept under the key "${aside}"`;
      report(
        topic.replace(/^topic\//, ''),
        new LockstepError('protocol', message, { cause: error }),
      );
    });
    inbox = openChannel(prefix);
    outbox = openChannel(prefix);
    inbox.onmessage = ({ data }) => {
      try {
        receive(Object(data));
      } catch (error) {
        // Any script of this origin may send.
        report('', error);
      }
    };
    const enter = (): void => {
      post({ type: 'hello' });
      election = joinElection({
        locks,
        prefix,
        tab,
        elected: async (waited) => {
          const mine = election;
          leader = undefined;
          turn('candidate');
          await agree(shelf, waited ? SETTLE_MS : 0);
          if (election === mine) rule(shelf);
        },
        lost: () => {
          // Somebody else may own the state already.
          owner = undefined;
          leave();
          enter();
        },
        failed: fail,
      });
    };
    enter();
    // A page in the back/forward cache may not lead: it would answer nobody.
    ends.push(
      page.onHide(({ leaving }) => {
        if (!leaving) return;
        candidates.clear();
        leave();
      }),
      page.onWake(({ restored }) => {
        if (restored && !election) enter();
      }),
    );
  }

  /** Resolves when this tab sees in the storage what any tab has heard of. */
  async function agree(from: Shelf, settleMs: number): Promise<void> {
    answered = new Set();
    const began = Date.now();
    post({ type: 'ask', from: tab });
    if (settleMs) await pause(settleMs);
    while (Date.now() - began < AGREE_MS) {
      const others = (await election?.others()) ?? [];
      const all = others.every((other) => answered.has(other));
      if (all && latest(countedIn(from), heard) === countedIn(from)) return;
      await pause(AGREE_PAUSE_MS);
    }
  }

  /** From now on this tab owns the state. */
  function rule(from: Shelf): void {
    try {
      owner = createOwner({
        topics,
        families,
        shelf: from,
        floor: heard,
        report,
        watch: (other, gone) => election?.watch(other, gone),
        announce: (event) => {
          hear(event.revision);
          post({ type: 'event', counter: event.revision, event });
        },
      });
    } catch (error) {
      fail(error);
      return;
    }
    leader = tab;
    turn('leader');
    post(lead(owner));
    catchUp(lead(owner));
  }

  const lead = (by: Owner): Lead => ({
    type: 'lead',
    from: tab,
    counter: by.counter(),
    revisions: by.revisions(),
  });

  /** The leader before may have announced nothing of its last writes. */
  function catchUp({ revisions, counter }: Lead): void {
    for (const topic of handlers.keys()) {
      // One that is not there any more was removed by now.
      tell({ topic, revision: revisions[topic] ?? counter });
    }
    for (const id of pending.keys()) deliver(id);
    for (const session of candidates) request('joinRole', session).catch(() => {});
  }

  /** There is nothing to be done: every call rejects. */
  function fail(error: unknown): void {
    fatal = error;
    report('', error);
    for (const call of pending.values()) call.reject(error);
    leave();
  }

  function leave(): void {
    // What this tab asks of itself on its way out would come too late over the channel.
    if (owner) {
      for (const [id, call] of pending) {
        settle(id, structuredClone(carryOut(owner, sent(id, call))));
      }
      post({ type: 'resign', from: tab });
    }
    election?.leave();
    election = undefined;
    owner = leader = undefined;
    turn('candidate');
  }

  function follow(message: Lead): void {
    if (owner || leader === message.from) return;
    leader = message.from;
    turn('follower');
    catchUp(message);
  }

  function receive(message: Message): void {
    const { type } = message;
    if ('counter' in message) hear(message.counter);
    // Only its calls are for itself, too: the rest may be of a turn that is over.
    if ('from' in message && message.from === tab && type !== 'call') return;
    if (type === 'hello' && owner) post(lead(owner));
    else if (type === 'lead') follow(message);
    else if (type === 'resign' && message.from === leader) {
      leader = undefined;
      turn('candidate');
    } else if (type === 'ask') {
      post({ type: 'heard', from: tab, to: message.from, counter: heard });
    } else if (type === 'heard' && message.to === tab) answered.add(message.from);
    else if (type === 'event') tell(message.event);
    else if (type === 'answer' && message.to === tab) settle(message.id, message);
    else if (type === 'call' && owner) {
      const { from: to, id } = message;
      const answer = carryOut(owner, message);
      post({ type: 'answer', to, id, counter: owner.counter(), ...answer });
    }
  }

  function carryOut(
    by: Owner,
    { id, label: of, method, args }: CallMessage,
  ): { result: unknown } | { error: unknown } {
    try {
      if (!Object.hasOwn(by, method)) throw new TypeError(`No such call: ${method}`);
      const call = by[method as 'getSnapshot'] as (...args: unknown[]) => unknown;
      return { result: call(of, ...args, id) };
    } catch (error) {
      // What refuses is plain. Anything else may be of a class that no channel takes.
      return { error: error instanceof Error ? { message: error.message } : error };
    }
  }

  function settle(id: string, answer: { result?: unknown; error?: unknown }): void {
    const call = pending.get(id);
    if (answer.error === undefined) call?.resolve(answer.result);
    else call?.reject(answer.error);
  }

  function deliver(id: string): void {
    const call = pending.get(id);
    if (!call) return;
    if (fatal) call.reject(fatal);
    else if (call.sentTo !== undefined && call.method === 'removeTopic') {
      call.reject(new Error('the tab that was asked is gone'));
    } else if (leader !== undefined) {
      call.sentTo = leader;
      post(sent(id, call));
    }
  }

  /** A call as it is sent, each time the same. */
  const sent = (id: string, { method, args }: Call): CallMessage => ({
    type: 'call',
    from: tab,
    id,
    label,
    method,
    args,
  });

  async function request(method: string, ...args: unknown[]): Promise<unknown> {
    open();
    const id = `${tab}/${++calls}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(
          () => reject(new Error(`no tab answered within ${CALL_MS} ms`)),
          CALL_MS,
        );
        pending.set(id, { method, args, resolve, reject });
        deliver(id);
      });
    } finally {
      clearTimeout(timer);
      pending.delete(id);
    }
  }

  return {
    label,
    ...(page.scope && { scope: page.scope }),
    onWake: page.onWake,
    onHide: page.onHide,
    hidden: page.hidden,
    async listen(topic, handler) {
      open();
      const all = handlers.get(topic) ?? new Set();
      handlers.set(topic, all.add(handler));
      return () => void all.delete(handler);
    },
    getSnapshot: (topic, since) => request('getSnapshot', topic, since),
    write: (write) => request('write', write),
    subscribe: (topic) => request('subscribe', topic),
    unsubscribe: (topic) => request('unsubscribe', topic),
    createTopic({ family, topic = `${family}/${mintId(8)}`, initial }) {
      const named: Omit<CreateTopicRequest, 'session'> = { topic };
      return request('createTopic', initial === undefined ? named : { ...named, initial });
    },
    removeTopic: (topic) => request('removeTopic', topic),
    listTopics: (start) => request('listTopics', start),
    joinRole(session) {
      candidates.add(session);
      return request('joinRole', session);
    },
    leaveRole(session) {
      candidates.delete(session);
      return request('leaveRole', session);
    },
    role() {
      open();
      return role;
    },
    onRole(listener) {
      open();
      return roles.add(listener);
    },
    close() {
      opened = true;
      for (const end of ends) end();
      leave();
      fatal = new LockstepError('closed', 'The transport was closed');
      for (const call of pending.values()) call.reject(fatal);
      inbox?.close();
      outbox?.close();
      inbox = outbox = undefined;
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
