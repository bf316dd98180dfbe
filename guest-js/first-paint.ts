import { convertFileSrc } from '@tauri-apps/api/core';

/**
 * `getSnapshotNow` of Tauri's transport: a script can wait for a request to the plugin's own scheme, and
 * not for a command.
 */
export function getSnapshotNow(topic: string): unknown {
  const request = new XMLHttpRequest();
  const url = convertFileSrc('', 'lockstep');
  request.open('GET', `${url}?topic=${encodeURIComponent(topic)}`, false);
  request.send();
  if (request.status !== 200) throw Error(`Status ${request.status}: ${request.responseText}`);
  return JSON.parse(request.responseText);
}
