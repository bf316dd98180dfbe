import { createTauriStore } from '@tauri-store/zustand';
import { createStore } from 'zustand/vanilla';
import { type Contender, type Document, turn, withProbe } from '../contender.js';

const store = createStore<Document>(() => ({}));

// `setState` shows the change here at once, and has no promise: what it resolves with is the next turn.
async function write(change: (value: number) => number): Promise<void> {
  store.setState((document) => withProbe(document, change));
  await turn();
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
