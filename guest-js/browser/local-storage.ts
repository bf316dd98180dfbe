import { isCanonicalRevision, type Revision } from '../core/revision.js';
import type { SnapshotEnvelope } from '../core/types.js';
import type { StorageLike } from './platform.js';
import { createShelf } from './shelf.js';

/** Where one topic's last snapshot is kept. */
export interface PersistenceBackend<T> {
  /** What was saved last; undefined where nothing was. */
  load(): SnapshotEnvelope<T> | undefined | Promise<SnapshotEnvelope<T> | undefined>;
  save(snapshot: SnapshotEnvelope<T>): void | Promise<void>;
}

/** Where in the browser. */
export interface LocalStorageBackendOptions {
  /** The key in `localStorage`. */
  key: string;
  /** Default: `localStorage`. */
  storage?: StorageLike;
  /**
   * Told where what is stored is damaged, and under which key it was set aside. Default: a line on
   * the console.
   */
  onDamaged?: (error: unknown, aside: string) => void;
}

/**
 * Keeps a snapshot in `localStorage`, under one key: its revision and its state are one entry, so
 * they never come apart. (**I1**)
 *
 * What is stored and no snapshot is set aside under another key, and reported, before anything is
 * stored in its place. `load` throws where there is no room for that, or no `localStorage`; `save`
 * throws where the browser does not take it.
 *
 * @example
 * const storage = createLocalStorageBackend<Settings>({ key: 'settings' });
 */
export function createLocalStorageBackend<T>({
  key,
  storage,
  onDamaged = (error, aside) =>
    console.error(`[lockstep] what was stored under "${key}" is damaged: see "${aside}"`, error),
}: LocalStorageBackendOptions): PersistenceBackend<T> & {
  load(): SnapshotEnvelope<T> | undefined;
  save(snapshot: SnapshotEnvelope<T>): void;
} {
  // Asked for late: the mere name throws where the browser denies it.
  const shelf = () =>
    createShelf(storage ?? localStorage, key, (_, error, aside) => onDamaged(error, aside));
  let looked = false;
  const load = () => {
    const saved = shelf().read('', (stored) => parseSnapshot<T>(stored));
    looked = true;
    return saved;
  };
  return {
    load,
    save({ revision, data }) {
      // What is damaged is not to be written over.
      if (!looked) load();
      shelf().write('', { revision, data });
    },
  };
}

/** Types what came from a storage, or from another tab. */
export function parseSnapshot<T>(payload: unknown): SnapshotEnvelope<T> {
  const { revision, data } = Object(payload) as { revision: unknown; data: T };
  if (!isCanonicalRevision(revision) || data === undefined) throw new TypeError('no snapshot');
  return { revision: revision as Revision, data };
}
