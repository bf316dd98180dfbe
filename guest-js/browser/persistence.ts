import { compareRevisions, type Revision } from '../core/revision.js';
import type { SnapshotApplier, SnapshotEnvelope } from '../core/types.js';
import { type PersistenceBackend, parseSnapshot } from './local-storage.js';
import { type ChannelLike, openChannel } from './platform.js';

/** How tabs tell one another of what they save. */
export interface CrossTabSyncOptions {
  /** The name of the `BroadcastChannel`: one for each topic. */
  channelName: string;
  /** Whether to apply what other tabs have saved. Default: true. */
  receiveUpdates?: boolean;
  /** Whether to tell other tabs of what is saved here. Default: true. */
  broadcastSaves?: boolean;
  /** Opens the channel. Default: a `BroadcastChannel`. */
  channel?: (name: string) => ChannelLike;
}

/** The parts that make an applier that remembers. */
export interface PersistenceApplierOptions<T> {
  /** Where snapshots are kept, such as `createLocalStorageBackend({ key })`. */
  storage: PersistenceBackend<T>;
  /** What puts a snapshot into local state. */
  applier: SnapshotApplier<T>;
  /** Default: tabs do not talk. */
  crossTabSync?: CrossTabSyncOptions;
  /**
   * Told of what does not stop the applier: nothing could be loaded or saved, or what another tab
   * sent is no snapshot or could not be applied. Default: a line on the console.
   */
  onError?: (error: unknown) => void;
}

/** An applier that remembers. */
export interface PersistenceApplier<T> extends SnapshotApplier<T> {
  /**
   * Resolves when what was saved is applied: with its revision, or undefined where there was nothing,
   * or a snapshot of the owner's was faster. Never rejects.
   */
  readonly restored: Promise<Revision | undefined>;
  /** Ends saving, sending and receiving. `apply` goes on to hand snapshots to the applier. */
  dispose(): void;
}

/**
 * Wraps an applier: what it applies is saved with its revision, and there at the next start, before
 * the owner has answered; other tabs may be told.
 *
 * - **I7** What was saved earlier counts as older than anything that `apply` brings, since an owner
 *   that was started anew may count from 1 again. Else only what is strictly newer is applied, whether
 *   it comes from the owner or from another tab; the revision moves after the wrapped applier has
 *   succeeded; and what another tab has saved is overwritten only by what is newer.
 * - **I9** Nothing is saved, sent or received after `dispose()`.
 * - What cannot be saved is reported, and applied all the same.
 *
 * @example
 * const applier = createPersistenceApplier({
 *   storage: createLocalStorageBackend<Settings>({ key: 'settings' }),
 *   applier: createZustandSnapshotApplier(useSettings),
 *   crossTabSync: { channelName: 'settings' },
 * });
 * await createTauriRevisionSync({ topic: 'settings', applier }).start();
 */
export function createPersistenceApplier<T>({
  storage,
  applier,
  crossTabSync,
  onError = (error) => console.error('[lockstep] persistence', error),
}: PersistenceApplierOptions<T>): PersistenceApplier<T> {
  const { channelName, receiveUpdates = true, broadcastSaves = true } = crossTabSync ?? {};
  let disposed = false;
  // Of the last snapshot that was applied, but for what was restored; and of that.
  let revision: Revision | undefined;
  let before: Revision | undefined;
  let channel: ChannelLike | undefined;
  let door: Promise<unknown> = Promise.resolve();

  /** One after another, so that an applier that takes its time is not overtaken. */
  function enter<R>(work: () => Promise<R>): Promise<R> {
    const entered = door.then(work);
    door = entered.catch(() => {});
    return entered;
  }

  const newer = (other: Revision, than: Revision | undefined): boolean =>
    than === undefined || compareRevisions(other, than) > 0;

  async function trying<R>(work: () => R): Promise<Awaited<R> | undefined> {
    try {
      return await work();
    } catch (error) {
      onError(error);
      return undefined;
    }
  }

  async function pass(snapshot: SnapshotEnvelope<T>, than = revision): Promise<boolean> {
    if (!newer(snapshot.revision, than)) return false;
    await applier.apply(snapshot);
    revision = snapshot.revision;
    return true;
  }

  async function save(snapshot: SnapshotEnvelope<T>): Promise<void> {
    const there = await storage.load();
    // Another tab was faster. What was there at the start is of an owner that may be gone.
    if (there && there.revision !== before && !newer(snapshot.revision, there.revision)) return;
    await storage.save(snapshot);
    before = undefined;
  }

  const restored = enter(() =>
    trying(async () => {
      const saved = await storage.load();
      if (!saved || disposed) return undefined;
      await applier.apply(saved);
      before = saved.revision;
      return before;
    }),
  );

  if (channelName !== undefined) {
    trying(() => {
      const { channel: open = openChannel } = crossTabSync ?? {};
      channel = open(channelName);
      if (!receiveUpdates) return;
      channel.onmessage = ({ data }) => {
        enter(() =>
          trying(async () => {
            if (!disposed) await pass(parseSnapshot<T>(data), revision ?? before);
          }),
        );
      };
    });
  }

  return {
    restored,
    apply: (snapshot) =>
      enter(async () => {
        if (!(await pass(snapshot)) || disposed) return;
        await trying(() => save(snapshot));
        if (broadcastSaves && !disposed) {
          const { data } = snapshot;
          await trying(() => channel?.postMessage({ revision: snapshot.revision, data }));
        }
      }),
    dispose() {
      disposed = true;
      if (channel) channel.onmessage = null;
      channel?.close();
      channel = undefined;
    },
  };
}
