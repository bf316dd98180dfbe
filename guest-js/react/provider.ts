import { createContext, createElement, type ReactNode, useContext } from 'react';
import type { CollectionStore } from '../core/collection-store.js';
import type { TopicStore } from '../core/topic-store.js';

/** The store given, and the one that takes its place. */
type Replacements = ReadonlyMap<unknown, unknown>;

const Context = createContext<Replacements>(new Map());

/** What a {@link TopicProvider} is given; `V` is the entity where a collection is replaced. */
export interface TopicProviderProps<T, A = never, V = never> {
  /** The store that components import. It is not touched beneath the provider, nor started. */
  replace: TopicStore<T, A> | CollectionStore<V, A>;
  /** What they get in its place, such as a store over a fake backend. */
  by: TopicStore<T, A> | CollectionStore<V, A>;
  children?: ReactNode;
}

/**
 * Gives the components beneath it another store than the one that they import: for tests and
 * component galleries, which have no Tauri. Providers nest, one for each store; of two for the
 * same store, the inner one counts.
 *
 * @example
 * const fake = createTopicStore<Settings>('settings', transport);
 * render(createElement(TopicProvider<Settings>, { replace: settings, by: fake }, form));
 */
export function TopicProvider<T, A = never, V = never>({
  replace,
  by,
  children,
}: TopicProviderProps<T, A, V>): ReactNode {
  const value = new Map(useContext(Context)).set(replace, by);
  return createElement(Context, { value }, children);
}

/**
 * The store that is in force here: the one given, unless a {@link TopicProvider} replaces it. For
 * components that write, so that they write to the same store from which they read.
 *
 * @example
 * const store = useTopicStore(settings);
 * const toggle = () => store.merge({ dark: true });
 */
export function useTopicStore<T, A = never>(store: TopicStore<T, A>): TopicStore<T, A> {
  return useInForce(store);
}

/**
 * The same for a collection.
 *
 * @example
 * const store = useCollectionStore(tasks);
 * const clear = () => store.remove('42');
 */
export function useCollectionStore<V, A = never>(
  store: CollectionStore<V, A>,
): CollectionStore<V, A> {
  return useInForce(store);
}

/** The store that is in force for any of them. */
export function useInForce<S>(store: S): S {
  // Safe: whoever put it there gave a store of the same type for this one.
  return (useContext(Context).get(store) as S | undefined) ?? store;
}
