import { setDefaultTransport } from '../core/default-transport.js';
import { pageOf } from '../core/page.js';
import type { BrowserTransport, BrowserTransportOptions } from './options.js';
import { createBrowserTransport } from './transport.js';

let installed: BrowserTransport | undefined;

/**
 * Makes `defineTopic` and its like work in a plain browser: with the bindings that the app has
 * already, and without a line of the app's that knows. Call it before a store is used. In a window of
 * Tauri it does nothing, and returns undefined.
 *
 * A page has one: later calls get the first, with its options.
 *
 * @example
 * // main.ts
 * installBrowserTransport({ topics: { settings: { initial: { dark: false } } } });
 */
export function installBrowserTransport(
  options: BrowserTransportOptions,
): BrowserTransport | undefined {
  if ('__TAURI_INTERNALS__' in globalThis) return undefined;
  if (!installed || pageOf({}).transport !== installed) {
    installed = createBrowserTransport(options);
    setDefaultTransport(installed);
  }
  return installed;
}
