import { candidate } from './candidate.js';
import { pageOf } from './page.js';
import type { Revision } from './revision.js';
import type { TopicStoreOptions } from './topic-store.js';
import type { RoleTransport } from './transport.js';
import type { Unsubscribe } from './types.js';

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
 * It joins by itself on first use of `role`, `onRole` or `join`. Whoever uses `holder` and `onHolder`
 * only looks on. The longest-waiting page holds the role, until it leaves, closes, reloads, or does
 * not answer for one to two minutes. What fails, or has no answer within `pullTimeoutMs`, is tried again, and
 * goes to `onError`.
 */
export interface Role {
  /** What this page is now. Asking makes it a candidate. */
  role(): RoleName;

  /**
   * While this page is primary: the number of its turn, higher than every earlier holder's. Send it
   * along with what must not be done by two: whoever takes it refuses a lower one than it has
   * seen. A page that slept cannot know yet that it has lost the role. Reading it starts nothing.
   */
  readonly term: Revision | undefined;

  /**
   * Who holds the role, as far as this page has heard; undefined where nobody does, and before it has
   * heard. Looking makes it no candidate.
   */
  readonly holder: RoleHolder | undefined;

  /**
   * Calls `listener` after each change of `holder`, until the returned function is called: also in pages
   * that are secondary before and after. Listening makes no candidate. What it throws goes to `onError`.
   *
   * @example
   * primary.onHolder((next) => show(next ? `${next.window} is connected` : 'nobody is connected'));
   */
  onHolder(
    listener: (next: RoleHolder | undefined, previous: RoleHolder | undefined) => void,
  ): Unsubscribe;

  /**
   * Calls `listener` after each change of `role()`, until the returned function is called; one that is
   * added later, when the page has heard what it is, is told that first, right after this call. One that is
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

/**
 * The page's role over any transport. In a Tauri app, `defineRole` is this with Tauri's. The first
 * call makes it, with its options; later ones get the same.
 *
 * @example
 * const primary = createRole(createTauriRoleTransport());
 */
export function createRole(transport: RoleTransport, options?: RoleOptions): Role {
  const page = pageOf(transport);
  page.role ??= candidate(transport, options);
  return page.role;
}
