import type { Hide, Wake } from './core/transport.js';
import type { Unsubscribe } from './core/types.js';

/** `onHide` of a transport, by the page's events. */
export function onHide(handler: (hide: Hide) => void): Unsubscribe {
  // It ends what is given it as options, by its signal.
  const until = new AbortController();
  window.addEventListener('pagehide', () => handler({ leaving: true }), until);
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'hidden') handler({ leaving: false });
    },
    until,
  );
  return () => until.abort();
}

/**
 * `onWake` of a transport, by the page's events. WebView2 does not report every hiding, so the focus
 * counts as well; the last is the plugin's own: it had taken this page for dead.
 */
export function onWake(handler: (wake: Wake) => void): Unsubscribe {
  // It ends what is given it as options, by its signal.
  const until = new AbortController();
  const awake = (): void => handler({ restored: false });
  for (const event of ['focus', 'online', 'tauri-plugin-lockstep:wake']) {
    window.addEventListener(event, awake, until);
  }
  window.addEventListener(
    'pageshow',
    ({ persisted }) => {
      if (persisted) handler({ restored: true });
    },
    until,
  );
  document.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') awake();
    },
    until,
  );
  return () => until.abort();
}

/** `hidden` of a transport. */
export const isHidden = (): boolean => document.visibilityState === 'hidden';
