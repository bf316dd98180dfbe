// All that a window has to do with the settings:
//
//   Rust ── snapshots ──► the typed topic `settings` ── applier ──► this Pinia store ──► components
//   Rust ◄── merge, update, dispatch ── the same topic ◄── the store's actions
//
// Nothing is assigned here but what Rust has accepted, so where it refuses there is nothing to
// take back.

import { defineStore } from 'pinia';
import { connectApplier, type MergePatch } from 'tauri-plugin-lockstep-api';
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
    // Each resolves when this store shows what came of it.

    /** Changes only what it names: another window may be changing the rest just now. */
    async change(patch: MergePatch<Settings>): Promise<void> {
      await settings.merge(patch);
    },

    /** Depends on what the size is by then, so it is compare and set. */
    async changeTextSize(by: number): Promise<void> {
      await settings.update((now) => ({ ...now, textSize: now.textSize + by }));
    },

    /** Only Rust knows the defaults. */
    async reset(): Promise<void> {
      await settings.dispatch({ type: 'reset' });
    },
  },
});

/** Keeps the store at what the topic shows, for as long as the window lives. Resolves when it is. */
export function followSettings(): Promise<void> {
  const applier = createPiniaSnapshotApplier(useSettings(), {
    mode: 'patch',
    omitKeys: NOT_SYNCED,
  });
  connectApplier(settings, applier);
  return settings.refresh();
}
