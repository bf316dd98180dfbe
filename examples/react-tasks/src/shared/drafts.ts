import { useEffect, useEffectEvent, useState, useSyncExternalStore } from 'react';
import {
  createTauriInvalidationSubscriber,
  createTauriSnapshotProvider,
  type LockstepError,
  type TopicStore,
} from 'tauri-plugin-lockstep-api';
import { type Draft, drafts, type Task } from '../lockstep';

// Settles when the draft that this page showed before is closed: it shows one at a time.
let closing: Promise<unknown> = Promise.resolve();

/**
 * The draft of a task's notes, created if this is the first window to show it. While a window shows it, it
 * stays; a while after the last has closed it, it is gone.
 */
export function useDraft(task: Task): { store?: TopicStore<Draft>; error?: LockstepError } {
  const [draft, setDraft] = useState<ReturnType<typeof useDraft>>({});
  const { id, notes } = task;
  const open = useEffectEvent(() => openDraft(id, notes));

  // Another task has another draft; notes that were saved meanwhile do not make it one.
  useEffect(() => {
    let left = false;
    const show = (next: typeof draft): void => {
      if (!left) setDraft(next);
    };
    const opening = closing.then(open);
    opening.then((store) => show({ store })).catch((error) => show({ error }));
    return () => {
      left = true;
      closing = opening.then((store) => store.close()).catch(() => {});
    };
  }, [id]);

  return draft;
}

/** Of several windows that ask at the same time, one creates it. */
export const openDraft = (id: string, notes: string): Promise<TopicStore<Draft>> =>
  drafts.getOrCreate(id, { initial: { notes, typedIn: null } });

/**
 * What is being typed into a task's notes elsewhere, for a list; undefined where no window shows them.
 *
 * Not a store: who uses one is a reader, and the drafts live for as long as they have readers. A list that
 * only looks on must not keep all of them alive.
 */
export function useDraftInPassing(id: string): Draft | undefined {
  const { subscribe, get } = glanceAt(id);
  return useSyncExternalStore(subscribe, get);
}

interface Glance {
  subscribe(listener: () => void): () => void;
  get(): Draft | undefined;
}

// Kept for the life of the page: what Tauri's `unlisten` leaves behind is more than a listener costs.
const glances = new Map<string, Glance>();

function glanceAt(id: string): Glance {
  const known = glances.get(id);
  if (known) return known;
  const topic = `${drafts.family}/${id}`;
  const provider = createTauriSnapshotProvider<Draft>({ topic });
  const listeners = new Set<() => void>();
  let draft: Draft | undefined;
  let begun = false;
  let looking = false;
  let again = false;

  /** Once for each announcement, one at a time: that the draft was created or removed is announced, too. */
  async function look(): Promise<void> {
    again = looking;
    if (looking) return;
    looking = true;
    do {
      again = false;
      draft = await provider.getSnapshot().then(
        (snapshot) => ('data' in snapshot ? snapshot.data : draft),
        () => undefined,
      );
    } while (again);
    looking = false;
    for (const listener of listeners) listener();
  }

  const glance: Glance = {
    get: () => draft,
    subscribe(listener) {
      listeners.add(listener);
      if (!begun)
        createTauriInvalidationSubscriber({ topic })
          .subscribe(look)
          .then(look, () => {});
      begun = true;
      return () => listeners.delete(listener);
    },
  };
  glances.set(id, glance);
  return glance;
}
