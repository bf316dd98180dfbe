import { pageOf } from './page.js';
import type { TopicStoreOptions } from './topic-store.js';
import type { Transport } from './transport.js';

/** What may be said for all stores of a page at once. */
export type PageOptions = Pick<TopicStoreOptions, 'firstPaint' | 'whenHidden'>;

/**
 * Says what the stores of this page do whose own options do not say it, such as those of the generated
 * bindings. Bundled copies of this package share it. To be called before the stores are first used:
 * best in the window's first module. What is left out stays as it was.
 *
 * @param of the page. Default: this one.
 *
 * @example
 * configure({ firstPaint: true, whenHidden: 'rest' });
 */
export function configure(options: PageOptions, of: Pick<Transport, 'scope'> = {}): void {
  const page = pageOf(of);
  page.options = { ...page.options, ...options };
}
