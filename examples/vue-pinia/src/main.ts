import { getCurrentWebviewWindow } from '@tauri-apps/api/webviewWindow';
import { createPinia } from 'pinia';
import { type Component, createApp } from 'vue';
import { followLook } from './look';
import { followSettings, useSettings } from './stores/settings';
import './style.css';

/** One page for every window: which one it is, the label says. */
const WINDOWS: Record<string, () => Promise<{ default: Component }>> = {
  main: () => import('./windows/MainWindow.vue'),
  preferences: () => import('./windows/PreferencesWindow.vue'),
  panel: () => import('./windows/PanelWindow.vue'),
};

async function open(label: string): Promise<void> {
  const load = WINDOWS[label];
  if (!load) throw new Error(`There is nothing to show in a window ${label}.`);
  const { default: view } = await load();
  const app = createApp(view).use(createPinia());
  // Without it the window is of use, too, and the console says why.
  await followSettings().catch(console.error);
  followLook(useSettings());
  app.mount('#app');
}

open(getCurrentWebviewWindow().label);
