import { invoke } from '@tauri-apps/api/core';
import { createTauriStore } from '@tauri-store/zustand';
import { createStore } from 'zustand/vanilla';
import { type Contender, type Document, withProbe } from '../contender.js';

const store = createStore<Document>(() => ({}));

// `setState` shows the change here at once, and has no promise: a command that is sent after it keeps the pace at
// which the others can go on.
async function write(change: (value: number) => number): Promise<void> {
  store.setState((document) => withProbe(document, change));
  await invoke('floor_nothing');
}

/** tauri-plugin-zustand: a store of Zustand's that is kept in step with one in Rust. */
export const zustand: Contender = {
  async start(show) {
    store.subscribe(show);
    const id = new URLSearchParams(location.search).get('store') ?? '';
    await createTauriStore(id, store, { save: false }).start();
  },
  write: (value) => write(() => value),
  counts: { setState: () => write((value) => value + 1) },
};
