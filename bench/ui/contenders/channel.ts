import { Channel, invoke } from '@tauri-apps/api/core';
import { type Contender, type Document, withProbe } from '../contender.js';

let document: Document;

const write = (change: (value: number) => number) =>
  invoke<void>('channel_set', { document: withProbe(document, change) });

/** By hand, over a `Channel` of the window's own that brings the whole state, the first included. */
export const channel: Contender = {
  async start(show) {
    const messages = new Channel<Document>();
    const first = new Promise<void>((resolve) => {
      messages.onmessage = (next) => {
        document = next;
        show(next);
        resolve();
      };
    });
    await invoke('channel_open', { messages });
    await first;
  },
  write: (value) => write(() => value),
  counts: { 'read, set': () => write((value) => value + 1) },
};
