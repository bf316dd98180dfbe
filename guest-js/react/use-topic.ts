import { use, useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { ReadonlyTopicStore, TopicStatus } from '../core/topic-store.js';
import { useInForce } from './provider.js';

/** How a component waits for the first snapshot. */
export interface UseTopicOptions {
  /**
   * Whether the component suspends until the first snapshot is here, so that the nearest
   * `<Suspense>` shows its fallback and the state is never undefined. Default: false.
   */
  suspense?: boolean;
}

/**
 * A topic's state, and a new rendering whenever it changes; undefined before the first snapshot.
 * Parts that did not change stay `===`. The state is the store's own and not to be changed: write
 * with the store's methods (see {@link useTopicStore}).
 *
 * With `suspense`, the component suspends instead of returning undefined. Where the store is
 * closed before its first snapshot, it throws a `LockstepError` of kind `closed`, for an error
 * boundary. It goes on waiting while the window is denied: `useTopicStatus` tells, outside of the
 * `<Suspense>`.
 *
 * On a server there is no state: without `suspense` it is undefined, with it React renders the
 * fallback and leaves the rest to the window.
 *
 * @throws LockstepError with `suspense`, as said above; else never.
 *
 * @example
 * function Theme() {
 *   const now = useTopic(settings);
 *   return now?.dark ? 'dark' : 'light';
 * }
 *
 * @example
 * const { dark } = useTopic(settings, { suspense: true });
 */
export function useTopic<T>(
  store: ReadonlyTopicStore<T>,
  options: UseTopicOptions & { suspense: true },
): T;
export function useTopic<T>(store: ReadonlyTopicStore<T>, options?: UseTopicOptions): T | undefined;
export function useTopic<T>(
  given: ReadonlyTopicStore<T>,
  { suspense }: UseTopicOptions = {},
): T | undefined {
  const store = useInForce(given);
  const state = useSyncExternalStore(
    useOnChange(store),
    () => store.get(),
    suspense ? notOnServer : nothing,
  );
  if (suspense) use(state === undefined ? store.ready : here);
  return state;
}

/**
 * A part of a topic's state, and a new rendering only when that part has changed; undefined
 * before the first snapshot. `selector` may be a new function at each rendering, and must be
 * free of side effects. What it throws, the component throws.
 *
 * @param equal When two parts count as the same. Default: `Object.is`, which is right for any
 * part that is picked, since parts that did not change stay `===`. Give your own where `selector`
 * makes something new each time.
 *
 * @example
 * const width = useTopicSelector(settings, (s) => s.window.width);
 *
 * @example
 * const names = useTopicSelector(todos, (s) => s.items.map((i) => i.name), sameItems);
 */
export function useTopicSelector<T, S>(
  given: ReadonlyTopicStore<T>,
  selector: (state: T) => S,
  equal: (a: S, b: S) => boolean = Object.is,
): S | undefined {
  const store = useInForce(given);
  const rendered = useRef<{ part: S }>(null);
  const select = useMemo(() => {
    let last: { state: T; part: S } | undefined;
    return (): S | undefined => {
      const state = store.get();
      if (state === undefined) return undefined;
      if (last?.state === state) return last.part;
      // An inline selector is new each time: then what is on screen is what to compare with.
      const before = last ?? rendered.current;
      const next = selector(state);
      const part = before && equal(before.part, next) ? before.part : next;
      last = { state, part };
      return part;
    };
  }, [store, selector, equal]);
  const part = useSyncExternalStore(useOnChange(store), select, nothing);
  useEffect(() => {
    rendered.current = part === undefined ? null : { part };
  }, [part]);
  return part;
}

/**
 * What a topic's store is doing, and a new rendering whenever that changes: for a spinner, or a
 * word about a capability that is missing. On a server it is `idle`.
 *
 * @example
 * const status = useTopicStatus(settings);
 * const note = status === 'denied' ? 'This window may not read the settings' : undefined;
 */
export function useTopicStatus<T>(given: ReadonlyTopicStore<T>): TopicStatus {
  const store = useInForce(given);
  return useSyncExternalStore(
    useCallback((onChange) => store.onStatus(onChange), [store]),
    () => store.status,
    () => 'idle',
  );
}

/**
 * How many of this window's optimistic writes to a topic are not confirmed yet, and a new rendering
 * whenever that changes: for a spinner. On a server it is 0.
 *
 * @example
 * const saving = useTopicPending(settings) > 0;
 */
export function useTopicPending<T>(given: ReadonlyTopicStore<T>): number {
  const store = useInForce(given);
  return useSyncExternalStore(
    useCallback((onChange) => store.onPending(onChange), [store]),
    () => store.pending,
    () => 0,
  );
}

/** One function for as long as the store is the same, or React would listen anew each time. */
function useOnChange<T>(store: ReadonlyTopicStore<T>): (onChange: () => void) => () => void {
  return useCallback((onChange) => store.subscribe(onChange), [store]);
}

/**
 * Used in the place of `ready` once the state is here: React wants `use` at each rendering, and
 * would suspend on a promise that it has not seen before, unless that says it is fulfilled.
 */
const here = Object.assign(Promise.resolve(), { status: 'fulfilled' });

const nothing = (): undefined => undefined;

/** Makes React render the fallback there, where a store would wait for ever. */
function notOnServer(): never {
  throw new Error('A topic has no state on a server: the window will render this');
}
