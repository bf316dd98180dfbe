// All that a window has to do with the settings:
//
//   Rust ── snapshots ──► sync ── applier ──► this Pinia store ──► components
//   Rust ◄── merge, update, dispatch ── the typed topic `settings` ◄── the store's actions
//
// Nothing is assigned here but what Rust has accepted, so where it refuses there is nothing to
// take back.

import { defineStore } from 'pinia';
import {
  createTauriRevisionSync,
  type MergePatch,
  type RevisionSyncHandle,
} from 'tauri-plugin-lockstep-api';
import { createPiniaSnapshotApplier } from 'tauri-plugin-lockstep-api/pinia';
import { type Settings, settings } from '../lockstep';

/** What each window has for itself: in the same store, but not synced. */
export interface WindowState {
  /** Which page of the preferences is open. */
  tab: 'appearance' | 'reading' | 'shortcuts';
  /** What is looked for: in the preferences a setting, in the book a word. */
  search: string;
  /** The paragraph that focus mode leaves bright. */
  paragraph: number;
  /** Whether the panel is folded up. */
  collapsed: boolean;
}

/** Left alone by every snapshot, even if Rust one day has a setting of such a name. */
const NOT_SYNCED = ['tab', 'search', 'paragraph', 'collapsed'] as const;

export const useSettings = defineStore('settings', {
  state: (): Settings & WindowState => ({
    // As it would be without Lockstep. A window shows nothing before its first snapshot.
    theme: 'light',
    accent: 'pine',
    font: 'serif',
    textSize: 18,
    lineSpacing: 'normal',
    pageWidth: 60,
    justify: false,
    focusMode: false,
    showProgress: true,
    shortcuts: { largerText: '', smallerText: '', focusMode: '', preferences: '', panel: '' },

    tab: 'appearance',
    search: '',
    paragraph: 0,
    collapsed: false,
  }),

  actions: {
    /** Changes only what it names: another window may be changing the rest just now. */
    change(patch: MergePatch<Settings>): Promise<void> {
      return shown(settings.merge(patch));
    },

    /** Depends on what the size is by then, so it is compare and set. */
    changeTextSize(by: number): Promise<void> {
      return shown(settings.update((now) => ({ ...now, textSize: now.textSize + by })));
    },

    /** Only Rust knows the defaults. */
    reset(): Promise<void> {
      return shown(settings.dispatch({ type: 'reset' }));
    },
  },
});

let sync: RevisionSyncHandle | undefined;

/** Keeps the store at what Rust has, for as long as the window lives. Resolves when it is. */
export function followSettings(): Promise<void> {
  const applier = createPiniaSnapshotApplier(useSettings(), {
    mode: 'patch',
    omitKeys: NOT_SYNCED,
  });
  sync = createTauriRevisionSync({ topic: settings.topic, applier });
  return sync.start();
}

/** A write resolves when the topic shows it: this, when the Pinia store does, too. */
async function shown(write: Promise<unknown>): Promise<void> {
  await write;
  await sync?.refresh();
}
