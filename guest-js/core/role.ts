import { toLockstepError } from './explain.js';
import { createListeners } from './listeners.js';
import { createConsoleLogger } from './logger.js';
import { tellPage } from './on-error.js';
import { hasEnded, pageOf, renew } from './page.js';
import { PRIMARY } from './primary.js';
import { backOff } from './retry.js';
import { compareRevisions, type Revision, ZERO_REVISION } from './revision.js';
import { createTopicStore } from './store.js';
import type { TopicStoreOptions } from './topic-store.js';
import type { RoleTransport, Transport } from './transport.js';
import type { SyncErrorContext, Unsubscribe } from './types.js';
import { parseHolder } from './wire.js';

/** What a page is: `unknown` until it has heard from the backend. */
export type RoleName = 'primary' | 'secondary' | 'unknown';

/** How a page takes part in the role. */
export interface RoleOptions
  extends Pick<TopicStoreOptions, 'logger' | 'onError' | 'pullTimeoutMs'> {
  /**
   * `yield`: a page that is hidden gives the role up, and joins again when it is shown. Not every
   * platform reports every hiding. Default: `keep`.
   */
  whenHidden?: 'keep' | 'yield';
}

/** Who holds the role. */
export interface RoleHolder {
  /** The window's label. */
  readonly window: string;
  /** Rises with every new holder, the same window again included. Compare with `compareRevisions`. */
  readonly term: Revision;
}

/** Who holds the role, as far as it is known. */
export interface RoleNews {
  readonly term: Revision | undefined;
  readonly window: string | undefined;
}

/**
 * A page's part in the role of the *primary*: the one page of the app that does what must be
 * done once only, such as keeping a connection. There is one role, and a page is one candidate for
 * it, however many ask.
 *
 * It joins by itself on first use of any member but `leave`. The longest-waiting page holds the role,
 * until it leaves, closes, reloads, or does not answer for one to two minutes. What fails is tried
 * again, and goes to `onError`.
 */
export interface Role {
  /** What this page is now. */
  role(): RoleName;

  /**
   * While this page is primary: the number of its turn, higher than every earlier holder's. Send it
   * along with what must not be done by two: whoever takes it refuses a lower one than it has
   * seen. A page that slept cannot know yet that it has lost the role.
   */
  readonly term: Revision | undefined;

  /** Who holds the role, as far as this page has heard. */
  readonly holder: RoleHolder | undefined;

  /**
   * Calls `listener` after each change of `role()`, until the returned function is called. One that is
   * told `secondary` stops what the role entails. Where it does so on giving the role up, the
   * next page gets the role only after what all listeners returned has settled, or after 5 s. What
   * it throws, or rejects with, goes to `onError`.
   *
   * @example
   * primary.onRole(async (role) => {
   *   if (role === 'primary') connect();
   *   else await disconnect();
   * });
   */
  onRole(listener: (role: RoleName, news: RoleNews) => void | Promise<void>): Unsubscribe;

  /** Makes this page a candidate (again). */
  join(): void;

  /**
   * Gives the role up, and joins no more until `join()`. Resolves when the backend knows. Never
   * rejects: what fails is tried again.
   */
  leave(): Promise<void>;
}

/** How long listeners that stop what the role entails are waited for, in ms. */
export const STOPPING_MS = 5000;

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;

/**
 * The page's role over any transport. In a Tauri app, `defineRole` is this with Tauri's. The first
 * call makes it, with its options; later ones get the same.
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
 * - One join or leave is under way at a time, and none is sent again before it has failed: none
 *   arrives late. A page out of the back/forward cache is a new session, which holds nothing.
 *
 * @example
 * const primary = createRole(createTauriRoleTransport());
 */
export function createRole(transport: RoleTransport, options?: RoleOptions): Role {
  const page = pageOf(transport);
  page.role ??= candidate(transport, options);
  return page.role;
}

function candidate(transport: RoleTransport, options: RoleOptions = {}): Role {
  const {
    whenHidden = 'keep',
    logger = createConsoleLogger(),
    onError = (context) => tellPage(transport, context),
  } = options;

  let begun = false;
  // What the app wants; and that the page is hidden and yields, or is being left.
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
  // What was pulled is younger than the latest join or leave.
  let trusted = false;
  let reading = false;
  let stopping: Promise<unknown> | undefined;
  let talking: { session: string; done: Promise<void> } | undefined;
  let hurry = (): void => {};

  // Waking is the role's affair, and a page is subscribed by joining.
  const store = createTopicStore<unknown>(
    PRIMARY,
    Object.create(transport, {
      onWake: { value: undefined },
      subscribe: { value: async () => null },
      unsubscribe: { value: async () => null },
    }) as Transport,
    { ...options, logger, onError },
  );

  const listeners = createListeners<[RoleName, RoleNews, Promise<void>[]]>(failed);
  const news: [RoleName, RoleNews, Promise<void>[]][] = [];

  const wants = (): boolean => wanted && !resting;
  const holder = () => (reading ? parseHolder(store.get()) : undefined);

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

  function turn(to: RoleName): void {
    const { term: of, window } = holder() ?? {};
    const left = role === 'primary';
    role = to;
    const settling: Promise<void>[] = [];
    news.push([to, { term: of, window }, settling]);
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
      try {
        const covers = given;
        trusted = false;
        sent = true;
        if (leaving) await transport.leaveRole(mine);
        else await transport.joinRole(mine);
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
        if (leaving && covers === given) owed = sent = false;
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
          reborn();
          judge();
        }
      }
    }
  }

  /** Before the first join there may be no such topic. */
  function read(): void {
    if (reading) return;
    reading = true;
    store.subscribe(() => judge(true));
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

  function begin(): void {
    if (begun) return;
    begun = true;
    ({ session } = pageOf(transport));
    resting = whenHidden === 'yield' && transport.hidden?.() === true;
    transport.onWake?.(woke);
    transport.onHide?.(({ leaving }) => {
      if (!leaving && whenHidden === 'keep') return;
      resting = true;
      changedMind();
    });
    talk();
  }

  /** The backend never takes this session for alive again; the next one holds nothing. */
  function reborn(): void {
    session = renew(transport, session);
    sent = joined = owed = trusted = false;
  }

  function woke({ restored }: { restored: boolean }): void {
    if (restored) reborn();
    else if (whenHidden === 'yield' && transport.hidden?.()) return;
    resting = false;
    if (role === 'primary' && !restored) {
      store.refresh().catch(() => {});
      return;
    }
    joined = false;
    changedMind();
  }

  return {
    role() {
      begin();
      return role;
    },
    get term() {
      begin();
      return term;
    },
    get holder() {
      begin();
      const now = holder();
      return now && { window: now.window, term: now.term };
    },
    onRole(listener) {
      begin();
      return listeners.add((to, how, settling) => {
        settling.push(Promise.resolve(listener(to, how)).catch(failed));
      });
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
