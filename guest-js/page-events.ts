import type { Hide, Wake } from './core/transport.js';
import type { Unsubscribe } from './core/types.js';

/** `onHide` of a transport, by the page's events. */
export function onHide(handler: (hide: Hide) => void): Unsubscribe {
  const controller = new AbortController();
  const { signal } = controller;
  window.addEventListener('pagehide', () => handler({ leaving: true }), { signal });
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'hidden') handler({ leaving: false });
    },
    { signal },
  );
  return () => controller.abort();
}

/** `onWake` of a transport, by the page's events. WebView2 does not report every hiding, so the focus counts as well. */
export function onWake(handler: (wake: Wake) => void): Unsubscribe {
  const controller = new AbortController();
  const { signal } = controller;
  const awake = (): void => handler({ restored: false });
  window.addEventListener('focus', awake, { signal });
  window.addEventListener('online', awake, { signal });
  window.addEventListener(
    'pageshow',
    ({ persisted }) => {
      if (persisted) handler({ restored: true });
    },
    { signal },
  );
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') awake();
    },
    { signal },
  );
  return () => controller.abort();
}

/** `hidden` of a role's transport. */
export const isHidden = (): boolean => document.visibilityState === 'hidden';
