/** How to thin out what a burst of announcements sets off. Without an option: not at all. */
export interface InvalidationThrottlingOptions {
  /**
   * Wait for so many ms of silence. Under a steady stream the handler fires all the same, once
   * {@link InvalidationThrottlingOptions.maxWaitMs} have passed since the first unanswered call.
   */
  debounceMs?: number;
  /** The longest that `debounceMs` may put off a call, in ms. Default: five times `debounceMs`. */
  maxWaitMs?: number;
  /** At most one call per so many ms. With `debounceMs`, what the debounce lets through. */
  throttleMs?: number;
  /** With `throttleMs`: fire at once when nothing was fired lately. Default: true. */
  leading?: boolean;
  /**
   * With `throttleMs`: fire at the interval's end for what came within it. Default: true. Always
   * on where `leading` is off, and in a revision sync: the last change of a burst would be missed
   * otherwise.
   */
  trailing?: boolean;
}

/** A handler that is called now or later. It may be used again after `dispose`. */
export interface ThrottledHandler {
  trigger(): void;
  /** Forgets what is pending. */
  dispose(): void;
}

/**
 * Thins out calls of `handler`: see the options.
 *
 * @example
 * const throttled = createThrottledHandler(() => refresh(), { throttleMs: 100 });
 * throttled.trigger(); // calls refresh at once
 * throttled.trigger(); // calls refresh in 100 ms
 */
export function createThrottledHandler(
  handler: () => void,
  {
    debounceMs = 0,
    maxWaitMs = debounceMs * 5,
    throttleMs = 0,
    leading = true,
    trailing = true,
  }: InvalidationThrottlingOptions = {},
): ThrottledHandler {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // When the first call came that has not been answered yet, and when the handler last fired.
  let first: number | undefined;
  let last = Number.NEGATIVE_INFINITY;

  function fire(): void {
    first = undefined;
    last = performance.now();
    handler();
  }

  return {
    trigger() {
      const now = performance.now();
      if (leading && !trailing && now < last + throttleMs) return;
      first ??= now;
      clearTimeout(timer);
      const wait =
        Math.max(
          Math.min(now + debounceMs, first + maxWaitMs),
          last + throttleMs,
          leading ? 0 : first + throttleMs,
        ) - now;
      if (wait > 0) timer = setTimeout(fire, wait);
      else fire();
    },
    dispose() {
      clearTimeout(timer);
      first = undefined;
    },
  };
}
