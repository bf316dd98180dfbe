import { getContext } from 'svelte';

/** The store that the component's context has under the given store as its key, or that one. */
export function inContext<S>(store: S): S {
  try {
    return getContext<S | undefined>(store) ?? store;
  } catch {
    // Outside of a component's first run there is no context.
    return store;
  }
}
