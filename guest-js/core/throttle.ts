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
   * With `throttleMs`: fire at the interval's end for what came within it. Default: true. A
   * revision sync always does, since the last change of a burst would be missed otherwise.
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
 * @throws {RangeError} where neither edge is wanted: such a handler would never fire.
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
  if (!leading && !trailing) throw new RangeError('leading and trailing are both off');

  let quiet: ReturnType<typeof setTimeout> | undefined;
  let deadline = 0;
  let interval: ReturnType<typeof setTimeout> | undefined;
  let missed = false;

  function open(): void {
    interval = setTimeout(() => {
      interval = undefined;
      if (missed) fire();
    }, throttleMs);
  }

  function fire(): void {
    missed = false;
    if (throttleMs > 0) open();
    handler();
  }

  function pass(): void {
    quiet = undefined;
    if (interval !== undefined) missed = trailing;
    else if (leading || throttleMs <= 0) fire();
    else {
      missed = true;
      open();
    }
  }

  return {
    trigger() {
      if (debounceMs <= 0) return pass();
      const now = Date.now();
      if (quiet === undefined) deadline = now + maxWaitMs;
      clearTimeout(quiet);
      quiet = setTimeout(pass, Math.max(0, Math.min(debounceMs, deadline - now)));
    },
    dispose() {
      clearTimeout(quiet);
      clearTimeout(interval);
      quiet = interval = undefined;
      missed = false;
    },
  };
}
