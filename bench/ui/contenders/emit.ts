import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { type Contender, type Document, withProbe } from '../contender.js';

let document: Document;

const write = (change: (value: number) => number) =>
  invoke<void>('emit_set', { document: withProbe(document, change) });

/** By hand, as most guides show it: load and listen when the page starts; each change brings the whole state. */
export const emit: Contender = {
  async start(show) {
    const become = (next: Document) => {
      document = next;
      show(next);
    };
    await Promise.all([
      invoke<Document>('emit_get').then(become),
      listen<Document>('emit-changed', ({ payload }) => become(payload)),
    ]);
  },
  write: (value) => write(() => value),
  counts: { 'read, set': () => write((value) => value + 1) },
};
