/** As much of `Storage` as is needed: give your own in tests. */
export interface StorageLike {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** As much of `navigator.locks` as is needed: give your own in tests. */
export interface LocksLike {
  request(
    name: string,
    options: { signal?: AbortSignal; ifAvailable?: boolean },
    work: (lock: unknown) => Promise<unknown>,
  ): Promise<unknown>;
  query(): Promise<{ held?: { name?: string }[] }>;
}

/** As much of a `BroadcastChannel` as is needed: give your own in tests. */
export interface ChannelLike {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** What a browser gives to the tabs of one origin. Default, each: the browser's own. */
export interface PlatformOptions {
  /** Where the state is kept. Default: `localStorage`. */
  storage?: StorageLike;
  /** By which one tab is elected. Default: `navigator.locks`. */
  locks?: LocksLike;
  /** Opens what the tabs talk over. Default: a `BroadcastChannel`. */
  channel?: (name: string) => ChannelLike;
}

export type Platform = Required<PlatformOptions>;

/** What the browser has of all that; `missing` names what it has not. */
export function platformOf({
  storage = ours(() => localStorage),
  // `navigator.locks` is there only in a secure context: https, or localhost.
  locks = ours(() => navigator.locks as LocksLike),
  channel = typeof BroadcastChannel === 'function' ? openChannel : undefined,
}: PlatformOptions): { platform?: Platform; missing: string[] } {
  if (storage && locks && channel) return { platform: { storage, locks, channel }, missing: [] };
  const missing = Object.entries({ localStorage: storage, 'Web Locks': locks, channel })
    .filter(([, there]) => !there)
    .map(([name]) => (name === 'channel' ? 'BroadcastChannel' : name));
  return { missing };
}

/** Opens a `BroadcastChannel`. */
export function openChannel(name: string): ChannelLike {
  return new BroadcastChannel(name) as ChannelLike;
}

/** What the browser denies it throws for, such as `localStorage` where cookies are blocked. */
function ours<P>(get: () => P): P | undefined {
  try {
    return get() ?? undefined;
  } catch {
    return undefined;
  }
}

/** A browser of one tab, for as long as the page lives. */
export function alone(): Platform {
  const items = new Map<string, string>();
  const channels = new Set<ChannelLike>();
  return {
    storage: {
      get length() {
        return items.size;
      },
      key: (index) => [...items.keys()][index] ?? null,
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
      removeItem: (key) => void items.delete(key),
    },
    locks: {
      async request(_, __, work) {
        await undefined;
        return work({});
      },
      query: async () => ({}),
    },
    channel() {
      const channel: ChannelLike = {
        onmessage: null,
        postMessage(message) {
          const data = structuredClone(message);
          setTimeout(() => {
            for (const each of channels) if (each !== channel) each.onmessage?.({ data });
          });
        },
        close: () => void channels.delete(channel),
      };
      channels.add(channel);
      return channel;
    },
  };
}
