import { invoke } from '@tauri-apps/api/core';
import { getCurrentWindow } from '@tauri-apps/api/window';
import { useEffect } from 'react';
import { showToast } from './toasts';

/** This window's label. */
export const { label } = getCurrentWindow();

/** Whether this window was opened for one task. */
export const isTaskWindow = label.startsWith('task-');

const failed = (error: unknown): void =>
  showToast({ title: 'That did not work', text: String(error) });

/** Opens one more list. */
export const openList = (): Promise<void> => invoke<void>('open_list').catch(failed);

/** Opens a task's own window, or brings it to the front. */
export const openTask = (id: string): Promise<void> =>
  invoke<void>('open_task', { id }).catch(failed);

export const closeWindow = (): Promise<void> => getCurrentWindow().close().catch(failed);

/** Names the window after what it shows. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
    getCurrentWindow().setTitle(title).catch(failed);
  }, [title]);
}
