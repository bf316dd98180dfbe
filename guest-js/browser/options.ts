import type { AdminTransport, RoleTransport, Transport } from '../core/transport.js';
import type { Logger, SyncErrorContext, Topic, Unsubscribe } from '../core/types.js';
import type { PlatformOptions } from './platform.js';

/** What a topic is without Rust: what `Builder::topic` declares, in JavaScript. */
export interface BrowserTopic<T = unknown, A = unknown> {
  /** What it begins with, where nothing is stored. */
  initial: T;
  /**
   * What an action does. It may change the state that it is given, which is a copy, but has to
   * return it. One that throws refuses: with the `code` and `reason` of what it threw.
   */
  reduce?(state: T, action: A): T;
  /**
   * Makes a state of what is stored, such as by an earlier version of the app. One that throws has
   * what is stored set aside. Default: as it is.
   */
  restore?(stored: unknown): T;
}

/**
 * What a tab is. `leader`: it owns the state. `follower`: another does. `candidate`: it knows of no
 * leader yet, or is about to be it.
 */
export type TabRole = 'leader' | 'follower' | 'candidate';

/** What the tabs share. All tabs of one `name` have to be given the same. */
export interface BrowserTransportOptions extends PlatformOptions {
  /** The topics that there are. */
  topics: Record<Topic, BrowserTopic>;
  /** The families, and what their topics begin with. Default: none. */
  families?: Record<string, BrowserTopic>;
  /** What belongs together: apps of one origin need different names. Default: `app`. */
  name?: string;
  /** What this tab is called, as `sourceId` and elsewhere. Default: `tab-` and 8 hex digits. */
  label?: string;
  /**
   * What to do where the browser lacks `localStorage`, Web Locks or `BroadcastChannel`. `alone`: this
   * tab keeps the state to itself, for as long as the page lives. `fail`: every call rejects, with
   * kind `transport`. Default: `alone`.
   */
  whenUnsupported?: 'alone' | 'fail';
  logger?: Logger;
  /** Told of what goes wrong in this tab. Default: the page's `onError`. */
  onError?: (context: SyncErrorContext) => void;
}

/** A transport without a backend: the tabs are it. */
export interface BrowserTransport extends AdminTransport, RoleTransport {
  /** What this tab is now. */
  role(): TabRole;
  /** Calls `listener` after each change of `role()`, until the returned function is called. */
  onRole(listener: (role: TabRole) => void): Unsubscribe;
  /** Leaves the other tabs, for good: another takes over. What is asked of it then rejects. */
  close(): void;
}

/** As much of the page as is needed. */
export type PageOptions = Pick<Transport, 'scope'> &
  Required<Pick<RoleTransport, 'onWake' | 'onHide' | 'hidden'>>;
