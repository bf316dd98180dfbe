import { invoke } from '@tauri-apps/api/core';
import { defineTopic } from 'tauri-plugin-lockstep-api';

const ADDITIONS = 10;
const SUM = 2 * ADDITIONS;

const counter = defineTopic<{ count: number }>('counter');

counter.subscribe(({ count }) => {
  const output = document.querySelector('#count');
  if (output) output.textContent = String(count);
  if (count === SUM) void invoke('shown', { count });
});

await counter.ready;
for (let i = 0; i < ADDITIONS; i++) {
  await counter.update(({ count }) => ({ count: count + 1 }));
}
