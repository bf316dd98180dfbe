import { watchEffect } from 'vue';
import type { Settings } from './lockstep';

/** Theme and accent of the whole window; style.css has the colours. */
export function followLook(settings: Pick<Settings, 'theme' | 'accent'>): void {
  watchEffect(() => {
    const { theme, accent } = settings;
    Object.assign(document.documentElement.dataset, { theme, accent });
  });
}
