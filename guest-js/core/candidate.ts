import { toLockstepError } from './explain.js';
import { limited } from './limited.js';
import { hasEnded, relive } from './link.js';
import { createListeners } from './listeners.js';
import { defaultLogger } from './logger.js';
import { tellPage } from './on-error.js';
import { pageOf, renew } from './page.js';
import { PRIMARY } from './primary.js';
import { createReadonlyTopicStore } from './reader.js';
import { backOff } from './retry.js';
import { compareRevisions, type Revision, ZERO_REVISION } from './revision.js';
import type { Role, RoleHolder, RoleName, RoleNews, RoleOptions } from './role.js';
import type { RoleTransport, Transport } from './transport.js';
import type { SyncErrorContext } from './types.js';
import { parseHolder } from './wire.js';

/** How long listeners that stop what the role entails are waited for, in ms. */
export const STOPPING_MS = 5000;

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;

/**
 * A page's part in the role.
 *
 * **I6** What is announced is only a reason to ask. Never two at once:
 *
 * - The page is primary only while the newest state that it has applied names its own session,
 *   with a term that it has not given up. (**I7** States move forward only.)
 * - What it pulled before the backend has answered the latest join or leave makes it nothing: the
 *   role may have passed on since.
 * - On giving up, the listeners have settled before the backend is told.
 * - A page that may not read who holds the role any more gives it up, and asks to be let in again.
 * - While it is primary it sends nothing by which a page that was dropped would live again: on
 *   waking it asks first who holds the role.
 * - One join or leave is under way at a time. Where one has no answer in time it is sent again, but
 *   no join before every leave has been answered: none arrives late, to undo it. A page out of the
 *   back/forward cache is a new session, which holds nothing.
 */
export function candidate(transport: RoleTransport, options: RoleOptions = {}): Role {
  const {
    whenHidden = 'keep',
    pullTimeoutMs = 10_000,
    logger = defaultLogger,
    onError = (context) => tellPage(transport, context),
  } = options;

  // It is used as a candidate; the app wants that; the page is hidden and yields, or is being left.
  let begun = false;
  let wanted = true;
  let resting = false;
  let session = '';
  let role: RoleName = 'unknown';
  let term: Revision | undefined;
  // No term up to this one is this page's any more.
  let given = ZERO_REVISION;
  // Of this session: a join was sent; the latest one was answered; a leave is to be sent.
  let sent = false;
  let joined = false;
  let owed = false;
  // A join came to the backend while the latest call was under way.
  let stray = false;
  // What was pulled is younger than the latest join or leave.
  let trusted = false;
  let reading = false;
  let known: RoleHolder | undefined;
  let stopping: Promise<unknown> | undefined;
  let talking: { session: string; done: Promise<void> } | undefined;
  let hurry = (): void => {};
  // Settles when every leave has: one that came to the backend after a join would undo it.
  let leaves: Promise<unknown> | undefined;

  // Waking is the role's affair, and a page is subscribed by joining. Before anybody has joined there
  // is no such topic.
  const store = createReadonlyTopicStore<unknown>(
    PRIMARY,
    Object.create(transport, {
      onWake: { value: undefined },
      subscribe: { value: async () => null },
      unsubscribe: { value: async () => null },
      getSnapshot: { value: readOrNobody },
    }) as Transport,
    // What the page says of its stores is not said of this: who rests does not hear that it is primary.
    { pullTimeoutMs, logger, onError, firstPaint: false, whenHidden: 'follow' },
  );

  const listeners = createListeners<[RoleName, RoleNews, Promise<void>[]]>(failed);
  const news: [RoleName, RoleNews, Promise<void>[]][] = [];
  const holders = createListeners<[RoleHolder | undefined, RoleHolder | undefined]>(failed);

  const wants = (): boolean => begun && wanted && !resting;
  const holder = () => (reading ? parseHolder(store.get()) : undefined);

  async function readOrNobody(topic: string, since?: Revision): Promise<unknown> {
    try {
      return await transport.getSnapshot(topic, since);
    } catch (error) {
      if (Object(error).kind !== 'unknownTopic') throw error;
      return { revision: since ?? ZERO_REVISION, data: { holder: null } };
    }
  }

  function report(context: SyncErrorContext): void {
    const full = { topic: PRIMARY, ...context };
    try {
      logger[(context.attempt ?? 0) > 1 ? 'warn' : 'error'](`${context.phase} failed`, full);
      onError(full);
    } catch {
      // A broken observer must not cost the role.
    }
  }

  function failed(error: unknown): void {
    report({ phase: 'apply', error });
  }

  function heard(): RoleNews {
    const { term: of, window } = holder() ?? {};
    return { term: of, window };
  }

  function turn(to: RoleName): void {
    const left = role === 'primary';
    role = to;
    const settling: Promise<void>[] = [];
    news.push([to, heard(), settling]);
    if (left) {
      const mine = stopped(settling).then(() => {
        if (stopping === mine) stopping = undefined;
        judge();
      });
      stopping = mine;
    }
    // A listener that leaves makes news of its own: everybody hears it after this.
    if (news.length > 1) return;
    for (const item of news) listeners.tell(...item);
    news.length = 0;
  }

  /** Compares what the page is with what it has heard. `changed`: it has heard something new. */
  function judge(changed = false): void {
    const now = holder();
    // Sessions are no secret, so another window could join with this one's.
    const own = now?.session === session && now.window === transport.label;
    const mine = own && wants() && !owed && compareRevisions(now.term, given) > 0;
    const held = role === 'primary';
    if (held && !(mine && now.term === term)) {
      given = term ?? given;
      term = undefined;
      turn('secondary');
    }
    if (mine && trusted && !stopping && role !== 'primary') {
      term = now.term;
      turn('primary');
    } else if (role === 'unknown' && trusted) turn('secondary');
    if (own && !wants() && compareRevisions(now.term, given) > 0) {
      // A join that was overtaken by the leave: nobody is to wait for this page.
      given = now.term;
      owed = true;
    }
    // The backend does not know this page any more.
    if (changed && !own && (held || !now)) joined = false;
    talk();
  }

  /** Tells the backend what it does not know yet, one call at a time. */
  function talk(): Promise<void> {
    if (talking?.session !== session) talking = { session, done: converse(session) };
    return talking.done;
  }

  async function converse(mine: string): Promise<void> {
    // Started in the middle of whatever called for it: all of that comes first.
    await undefined;
    for (let failures = 0; mine === session; ) {
      if (stopping) {
        await stopping;
        continue;
      }
      const leaving = owed;
      if (!leaving && (joined || !wants())) {
        talking = undefined;
        return;
      }
      if (!leaving && leaves) {
        await leaves;
        continue;
      }
      try {
        const covers = given;
        trusted = stray = false;
        sent = true;
        await call(leaving, mine);
        if (mine !== session) return;
        if (!leaving) read();
        // Who may not read it any more leaves all the same.
        let seen = true;
        if (reading) {
          await store.refresh().catch((error) => {
            if (!leaving) throw error;
            seen = false;
          });
        }
        if (mine !== session) return;
        failures = 0;
        trusted = seen;
        joined = !leaving;
        if (leaving && covers === given) owed = sent = stray;
        judge();
      } catch (thrown) {
        if (mine !== session) return;
        const nextDelayMs = backOff(++failures, RETRY_FIRST_MS, RETRY_LONGEST_MS);
        const error = toLockstepError(thrown, {
          topic: PRIMARY,
          window: transport.label,
          action: leaving ? 'leave' : 'join',
          grant: { permission: 'lockstep:role', topic: PRIMARY },
        });
        report({ phase: 'subscribe', error, attempt: failures, willRetry: true, nextDelayMs });
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, nextDelayMs);
          hurry = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        if (hasEnded(thrown) && mine === session) {
          relive(transport, mine, (error, retry) =>
            report({ phase: 'subscribe', error, ...retry }),
          );
          reborn();
          judge();
        }
      }
    }
  }

  async function call(leaving: boolean, mine: string): Promise<void> {
    const answer = (async () => transport[leaving ? 'leaveRole' : 'joinRole'](mine))();
    if (leaving) {
      const all = Promise.allSettled([leaves, answer]).then(() => {
        if (leaves === all) leaves = undefined;
      });
      leaves = all;
    }
    const message = `No answer to ${leaving ? 'leave' : 'join'} within ${pullTimeoutMs} ms`;
    try {
      await limited(
        () => answer,
        pullTimeoutMs,
        message,
        () => {},
      );
    } catch (error) {
      if (!leaving) answer.catch(() => {}).then(() => cameLate(mine));
      throw error;
    }
  }

  /** A join was answered that had been given up: a leave may have overtaken it. */
  function cameLate(mine: string): void {
    if (mine !== session) return;
    if (wants()) {
      // The page may have been dropped meanwhile, and lives again by this.
      if (role === 'primary') store.refresh().catch(() => {});
      return;
    }
    owed = stray = true;
    talk();
  }

  function read(): void {
    if (reading) return;
    reading = true;
    store.subscribe(() => {
      judge(true);
      const { window, term: of } = holder() ?? {};
      if (of === known?.term) return;
      const before = known;
      known = window === undefined || of === undefined ? undefined : { window, term: of };
      holders.tell(known, before);
    });
    // Who may not see it any more cannot know whose it is; the next page waits until this one has stopped.
    store.onStatus((status) => {
      if (status !== 'denied') return;
      joined = trusted = false;
      owed = sent;
      judge();
    });
  }

  /** The page wants the role no more, or again. */
  function changedMind(): Promise<void> {
    if (!wants()) owed ||= sent;
    judge();
    hurry();
    return talk();
  }

  /** Hears of the page's life. */
  function live(): void {
    if (session) return;
    ({ session } = pageOf(transport));
    resting = whenHidden === 'yield' && transport.hidden?.() === true;
    transport.onWake?.(woke);
    transport.onHide?.(({ leaving }) => {
      if (!leaving && whenHidden === 'keep') return;
      resting = true;
      changedMind();
    });
  }

  function look(): void {
    live();
    read();
  }

  function begin(): void {
    if (begun) return;
    begun = true;
    live();
    talk();
  }

  /** The backend never takes this session for alive again; the next one holds nothing. */
  function reborn(): void {
    session = renew(transport, session);
    sent = joined = owed = trusted = false;
    leaves = undefined;
  }

  function woke({ restored }: { restored: boolean }): void {
    if (restored) reborn();
    else if (whenHidden === 'yield' && transport.hidden?.()) return;
    resting = false;
    const asks = !wants() || (role === 'primary' && !restored);
    if (reading && asks) store.refresh().catch(() => {});
    if (role === 'primary' && !restored) return;
    joined = false;
    changedMind();
  }

  return {
    role() {
      begin();
      return role;
    },
    get term() {
      return term;
    },
    get holder() {
      look();
      const now = holder();
      return now && { window: now.window, term: now.term };
    },
    onHolder(listener) {
      look();
      return holders.add(listener);
    },
    onRole(listener) {
      begin();
      let told = false;
      const tell = (to: RoleName, how: RoleNews, settling: Promise<void>[]): void => {
        told = true;
        settling.push(Promise.resolve(listener(to, how)).catch(failed));
      };
      const stop = listeners.add(tell);
      // After this call, so that whoever is told has what ends it.
      queueMicrotask(() => {
        if (told || role === 'unknown') return;
        try {
          tell(role, heard(), []);
        } catch (error) {
          failed(error);
        }
      });
      return () => {
        told = true;
        stop();
      };
    },
    join() {
      wanted = true;
      if (begun) changedMind();
      else begin();
    },
    leave() {
      wanted = false;
      begin();
      return changedMind();
    },
  };
}

/** Resolves when all have settled, or it takes too long. */
function stopped(settling: Promise<void>[]): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, STOPPING_MS);
  });
  // The listeners are told after this, in the same turn.
  const all = Promise.resolve().then(() => Promise.all(settling));
  return Promise.race([all, late]).finally(() => clearTimeout(timer));
}
