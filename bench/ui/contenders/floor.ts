import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Contender, Document } from '../contender.js';

/** The platform alone: a bare pull, a bare event that carries a number, a bare async command. */
export const floor: Contender = {
  async start(show) {
    const document = await invoke<Document>('floor_pull');
    show(document);
    const { probe } = document;
    if (!probe) throw new Error('no probe');
    await listen<number>('floor', ({ payload }) => show({ probe: { ...probe, value: payload } }));
  },
  write: () => invoke('floor_nothing'),
};
