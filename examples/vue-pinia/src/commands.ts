import { invoke } from '@tauri-apps/api/core';

/** Brings another window to the front, or opens it. */
export const showWindow = (label: 'preferences' | 'panel'): Promise<void> =>
  invoke('show_window', { label });

/** Closes this window. */
export const closeWindow = (): Promise<void> => invoke('close_window');
