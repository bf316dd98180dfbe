import { useSyncExternalStore } from 'react';

const TASK = /^#\/task\/([\w:-]+)$/;

export const LIST_HREF = '#/';
export const taskHref = (id: string): string => `#/task/${id}`;

/** What this window shows: one task, or all of them. */
export function useRoute(): { taskId: string | undefined } {
  const hash = useSyncExternalStore(onHash, () => window.location.hash);
  return { taskId: TASK.exec(hash)?.[1] };
}

function onHash(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}
