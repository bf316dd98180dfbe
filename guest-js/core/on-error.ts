import { defaultLogger } from './logger.js';
import { pageOf } from './page.js';
import type { Transport } from './transport.js';
import type { SyncErrorContext, Unsubscribe } from './types.js';

/**
 * Hears what no `onError` of a store, family or role of its own does: every failed pull and listen
 * in this page, and what listeners throw. Not failed writes: their promises tell. Bundled
 * copies of this package share it.
 *
 * What `handler` throws is written to the console. Until the returned function is called, it is
 * told of every such error, those of stores that are older included.
 *
 * @param of the page. Default: this one.
 *
 * @example
 * const stop = onError(({ topic, phase, error }) => report(`${topic}: ${phase}`, error));
 */
export function onError(
  handler: (context: SyncErrorContext) => void,
  of: Pick<Transport, 'scope'> = {},
): Unsubscribe {
  const page = pageOf(of);
  const tell = (context: SyncErrorContext): void => {
    try {
      handler(context);
    } catch (error) {
      defaultLogger.error('onError failed', { error });
    }
  };
  page.errorHandlers ??= new Set();
  page.errorHandlers.add(tell);
  return () => void page.errorHandlers?.delete(tell);
}

/** Tells whoever listens to a page's errors. */
export function tellPage(of: Pick<Transport, 'scope'>, context: SyncErrorContext): void {
  for (const tell of pageOf(of).errorHandlers ?? []) tell(context);
}
