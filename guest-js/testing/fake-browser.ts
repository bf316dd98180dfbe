import type { PageOptions } from '../browser/options.js';
import type { ChannelLike, LocksLike, PlatformOptions, StorageLike } from '../browser/platform.js';
import type { Wake } from '../core/transport.js';

/** Something that a tab does to the outside. */
export type Crossing = 'message' | 'store' | 'lock';

/** How a fake browser behaves. */
export interface FakeBrowserOptions {
  /**
   * How long a crossing takes on its way to a tab, in ms. Tabs are counted from 1. Order is kept.
   * Default: 0.
   */
  latency?: (crossing: Crossing, from: number, to: number) => number;
  /** Called before each crossing, which does not happen where this crashes the tab. */
  before?: (tab: FakeTab, crossing: Crossing) => void;
}

/** One page life of one tab. */
export interface FakeTab {
  readonly platform: Required<PlatformOptions>;
  readonly page: PageOptions;
  /** The tab is gone at once: nothing of it gets out any more, and the browser frees its locks. */
  crash(): void;
  /** The page is left: for another, or into the back/forward cache. */
  hide(): void;
  /** The page comes back out of the back/forward cache. */
  restore(): void;
}

interface Lock {
  tab: FakeTab;
  name: string;
  held: boolean;
  end(error?: unknown): void;
  work(lock: unknown): Promise<unknown>;
}

/**
 * A browser in memory, with any number of tabs of one origin in one process.
 *
 * As in Chromium, each tab is a process of its own: it has its copy of `localStorage`, and sees
 * what another has stored a little later, in the order in which it was stored, whether or not that
 * other is still there. Messages of one tab to another arrive in order; a lock is given to whoever
 * waits longest.
 */
export function createFakeBrowser({ latency = () => 0, before }: FakeBrowserOptions = {}) {
  const stored = new Map<string, string>();
  const open = new Map<FakeTab, { mine: Map<string, string>; channels: Set<FakeChannel> }>();
  let locks: Lock[] = [];
  // When the last thing that went this way arrives.
  const arrivals = new Map<string, number>();
  const ids = new Map<FakeTab, number>();
  const idOf = (tab: FakeTab): number => ids.get(tab) ?? 0;

  interface FakeChannel extends ChannelLike {
    name: string;
  }

  /** Later, but not before what went the same way earlier. */
  function later(crossing: Crossing, from: number, to: number, arrive: () => void): void {
    const way = `${crossing} ${from} ${to}`;
    const at = Math.max(Date.now() + latency(crossing, from, to), arrivals.get(way) ?? 0);
    arrivals.set(way, at);
    setTimeout(arrive, at - Date.now());
  }

  function grant(): void {
    for (const lock of locks) {
      if (lock.held || locks.find(({ name }) => name === lock.name) !== lock) continue;
      lock.held = true;
      later('lock', 0, idOf(lock.tab), () => {
        if (!locks.includes(lock)) return;
        lock.work(lock).then(
          () => lock.end(),
          (error) => lock.end(error),
        );
      });
    }
  }

  function createTab(): FakeTab {
    const id = ids.size + 1;
    const mine = new Map(stored);
    const channels = new Set<FakeChannel>();
    const hiders = new Set<(hide: { leaving: boolean }) => void>();
    const wakers = new Set<(wake: Wake) => void>();
    const here = (crossing: Crossing): boolean => {
      if (open.has(tab)) before?.(tab, crossing);
      return open.has(tab);
    };

    const change = (key: string, value: string | null): void => {
      if (!here('store')) return;
      const put = (into: Map<string, string>) =>
        value === null ? into.delete(key) : into.set(key, value);
      put(stored);
      put(mine);
      for (const [other, theirs] of open) {
        if (other !== tab) later('store', id, idOf(other), () => put(theirs.mine));
      }
    };

    const storage: StorageLike = {
      get length() {
        return mine.size;
      },
      key: (index) => [...mine.keys()][index] ?? null,
      getItem: (key) => mine.get(key) ?? null,
      setItem: change,
      removeItem: (key) => change(key, null),
    };

    const locking: LocksLike = {
      request: (name, { signal, ifAvailable }, work) =>
        new Promise((resolve, reject) => {
          if (!here('lock')) return;
          if (ifAvailable && locks.some((each) => each.name === name)) {
            later('lock', 0, id, () => work(null).then(resolve, reject));
            return;
          }
          const lock: Lock = {
            tab,
            name,
            work,
            held: false,
            end(error) {
              if (!locks.includes(lock)) return;
              locks = locks.filter((each) => each !== lock);
              if (open.has(tab)) error === undefined ? resolve(undefined) : reject(error);
              grant();
            },
          };
          signal?.addEventListener('abort', () => {
            if (!lock.held) lock.end(new DOMException('aborted', 'AbortError'));
          });
          locks.push(lock);
          grant();
        }),
      query: async () => ({ held: locks.filter(({ held }) => held) }),
    };

    const openChannel = (name: string): ChannelLike => {
      const channel: FakeChannel = {
        name,
        onmessage: null,
        postMessage(message) {
          if (!here('message')) return;
          const data = structuredClone(message);
          for (const [other, theirs] of open) {
            for (const to of theirs.channels) {
              if (to === channel || to.name !== name) continue;
              later('message', id, idOf(other), () => {
                if (open.has(other) && theirs.channels.has(to)) {
                  to.onmessage?.({ data: structuredClone(data) });
                }
              });
            }
          }
        },
        close: () => void channels.delete(channel),
      };
      channels.add(channel);
      return channel;
    };

    const listened = <L>(all: Set<L>, listener: L) => {
      all.add(listener);
      return () => void all.delete(listener);
    };

    const tab: FakeTab = {
      platform: { storage, locks: locking, channel: openChannel },
      page: {
        scope: {},
        hidden: () => false,
        onHide: (handler) => listened(hiders, handler),
        onWake: (handler) => listened(wakers, handler),
      },
      crash() {
        open.delete(tab);
        for (const lock of locks.filter((each) => each.tab === tab)) lock.end();
      },
      hide() {
        for (const hear of hiders) hear({ leaving: true });
      },
      restore() {
        for (const hear of wakers) hear({ restored: true });
      },
    };
    ids.set(tab, id);
    open.set(tab, { mine, channels });
    return tab;
  }

  return {
    tab: createTab,
    /** What the disk has. */
    stored,
    /** Somebody else's code takes a lock away from whoever holds it. */
    steal(name: string): void {
      const lock = locks.find((each) => each.held && each.name.endsWith(name));
      lock?.end(new DOMException('stolen', 'AbortError'));
    },
  };
}

export type FakeBrowser = ReturnType<typeof createFakeBrowser>;
