import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import { type Contender, type Document, withProbe } from '../contender.js';

interface Snapshot {
  revision: number;
  document: Document;
}

let own: Snapshot = { revision: -1, document: {} };
let wanted = 0;
let pulling: Promise<void> | undefined;
let show: (document: Document) => void;

function become(next: Snapshot): void {
  if (next.revision <= own.revision) return;
  own = next;
  show(next.document);
}

/** One pull at a time, and another while something newer is known. */
function pull(): Promise<void> {
  pulling ??= (async () => {
    do become(await invoke<Snapshot>('pull_get'));
    while (own.revision < wanted);
    pulling = undefined;
  })();
  return pulling;
}

async function write(change: (value: number) => number): Promise<void> {
  const document = withProbe(own.document, change);
  const revision = await invoke<number>('pull_set', { document });
  become({ revision, document });
}

/** By hand, with care: an event that says the revision, and a pull where that is newer. */
export const pullByHand: Contender = {
  async start(showIt) {
    show = showIt;
    await listen<number>('pull-changed', ({ payload }) => {
      wanted = Math.max(wanted, payload);
      if (wanted > own.revision) void pull();
    });
    await pull();
  },
  write: (value) => write(() => value),
  counts: { 'read, set': () => write((value) => value + 1) },
};
