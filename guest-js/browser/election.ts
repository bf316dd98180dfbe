import type { LocksLike } from './platform.js';

export interface ElectionOptions {
  locks: LocksLike;
  /** What the names of the locks begin with. */
  prefix: string;
  tab: string;
  /**
   * This tab is the only one that holds the lock now, until it leaves or `lost` is called. `waited`:
   * another held it before.
   */
  elected(waited: boolean): Promise<void>;
  /** The lock is gone: somebody else's code has stolen it. */
  lost(): void;
  /** The browser gives no locks. */
  failed(error: unknown): void;
}

/** A tab's part in the election. */
export interface Election {
  /** The other tabs that are there. */
  others(): Promise<string[]>;
  /** Calls back when that tab is not there any more. */
  watch(tab: string, gone: () => void): void;
  /** Gives up the lock, or the wait for it. */
  leave(): void;
}

/**
 * Asks for the one lock of the leader, and holds another that says that this tab is there. The
 * browser lets go of both when the tab closes, reloads or crashes, and gives the first to the tab
 * that has waited longest.
 */
export function joinElection(options: ElectionOptions): Election {
  const { locks, prefix, tab, elected, lost, failed } = options;
  const leaving = new AbortController();
  const { signal } = leaving;
  const left = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  const present = `${prefix}tab/`;
  const leader = `${prefix}leader`;

  const hold = (name: string, work: () => Promise<void>) =>
    locks.request(name, { signal }, work).catch(ended);

  function ended(error: unknown): void {
    // Whoever leaves while it waits is told so by an error.
    if (signal.aborted) return;
    if (Object(error).name === 'AbortError') lost();
    else failed(error);
  }

  async function lead(waited: boolean): Promise<void> {
    if (signal.aborted) return;
    await elected(waited);
    await left;
  }

  hold(present + tab, () => left);
  locks
    .request(leader, { ifAvailable: true }, async (lock) => {
      if (lock) await lead(false);
      else hold(leader, () => lead(true));
    })
    .catch(ended);

  return {
    async others() {
      const { held = [] } = await locks.query();
      return held
        .map(({ name = '' }) => name)
        .filter((name) => name.startsWith(present) && name !== present + tab)
        .map((name) => name.slice(present.length));
    },
    watch(other, gone) {
      locks.request(present + other, { signal }, async () => gone()).catch(() => {});
    },
    leave: () => leaving.abort(),
  };
}
