import {
  getCurrentScope,
  hasInjectionContext,
  type InjectionKey,
  inject,
  onScopeDispose,
  type ShallowRef,
  shallowReadonly,
  shallowRef,
} from 'vue';
import type { CollectionStore } from '../core/collection-store.js';
import type { ReadonlyTopicStore, TopicStatus, TopicStore } from '../core/topic-store.js';

/** A topic in a component. `S` is the store that it is of: one that writes, or one that only reads. */
export interface UseTopicReturn<T, A = never, S = TopicStore<T, A>> {
  /**
   * The state; undefined before the first snapshot. Shallow: its value is the store's own copy,
   * of which parts that did not change stay `===`. Not to be changed: write with `store`.
   */
  readonly state: Readonly<ShallowRef<T | undefined>>;
  /** What the store is doing. */
  readonly status: Readonly<ShallowRef<TopicStatus>>;
  /** How many of this window's optimistic writes are not confirmed yet. */
  readonly pending: Readonly<ShallowRef<number>>;
  /** The store in force, to write to: the one given, unless {@link topicKey} replaces it. */
  readonly store: S;
}

const keys = new WeakMap<object, symbol>();

/**
 * The key under which components look for another store than the one that they import: for tests
 * and component galleries, which have no Tauri. Always the same for the same store.
 *
 * @example
 * const fake = createTopicStore<Settings>('settings', transport);
 * createApp(Form).provide(topicKey(settings), fake).mount('#app');
 */
export function topicKey<T, A = never>(store: TopicStore<T, A>): InjectionKey<TopicStore<T, A>>;
export function topicKey<T>(store: ReadonlyTopicStore<T>): InjectionKey<ReadonlyTopicStore<T>>;
export function topicKey<V, A = never>(
  store: CollectionStore<V, A>,
): InjectionKey<CollectionStore<V, A>>;
export function topicKey(store: { topic: string }): symbol {
  const key = keys.get(store) ?? Symbol(store.topic);
  keys.set(store, key);
  return key;
}

/**
 * A topic's state, status and count of pending writes as read-only refs, until the current effect scope ends: that of the
 * component, where it is called in `setup`. Outside of any scope they are kept up for good. The
 * store itself is never closed by it.
 *
 * For a part of the state, `computed(() => state.value?.part)` changes only when the part does.
 *
 * @example
 * const { state, status, store } = useTopic(settings);
 * const dark = computed(() => state.value?.dark ?? false);
 * const toggle = () => store.merge({ dark: !dark.value });
 */
export function useTopic<T, A = never>(given: TopicStore<T, A>): UseTopicReturn<T, A>;
export function useTopic<T>(
  given: ReadonlyTopicStore<T>,
): UseTopicReturn<T, never, ReadonlyTopicStore<T>>;
export function useTopic<T>(
  given: ReadonlyTopicStore<T>,
): UseTopicReturn<T, never, ReadonlyTopicStore<T>> {
  const store = hasInjectionContext() ? inject(topicKey(given), given) : given;
  const state = shallowRef(store.get());
  const status = shallowRef(store.status);
  const pending = shallowRef(store.pending);
  const stops = [
    store.subscribe((next) => {
      state.value = next;
    }),
    store.onStatus((next) => {
      status.value = next;
    }),
    store.onPending((next) => {
      pending.value = next;
    }),
  ];
  if (getCurrentScope()) {
    onScopeDispose(() => {
      for (const stop of stops) stop();
    });
  }
  return {
    state: shallowReadonly(state),
    status: shallowReadonly(status),
    pending: shallowReadonly(pending),
    store,
  };
}
