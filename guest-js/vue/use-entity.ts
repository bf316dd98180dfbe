import {
  getCurrentScope,
  hasInjectionContext,
  inject,
  type MaybeRefOrGetter,
  onScopeDispose,
  type ShallowRef,
  shallowReadonly,
  shallowRef,
  toValue,
  watchEffect,
} from 'vue';
import type { CollectionStore } from '../core/collection-store.js';
import type { Selection } from '../core/topic-store.js';
import type { Unsubscribe } from '../core/types.js';
import { topicKey } from './use-topic.js';

/** A collection in a component. */
export interface UseCollectionReturn<V, A = never> {
  /** The entities; undefined before the first snapshot. Another object after each change. */
  readonly entities: Readonly<ShallowRef<ReadonlyMap<string, V> | undefined>>;
  /** The keys, which change only when an entity came or went. */
  readonly keys: Readonly<ShallowRef<readonly string[] | undefined>>;
  /** The store in force, to write to: the one given, unless `topicKey` replaces it. */
  readonly store: CollectionStore<V, A>;
}

/**
 * A collection as read-only refs, until the current effect scope ends: see `useTopic`.
 *
 * @example
 * const { keys, store } = useCollection(tasks);
 */
export function useCollection<V, A = never>(
  given: CollectionStore<V, A>,
): UseCollectionReturn<V, A> {
  const store = inForce(given);
  const entities = shallowRef(store.get());
  whileScoped(
    store.subscribe((next) => {
      entities.value = next;
    }),
  );
  const keys = shallowRef(store.keys.get());
  whileScoped(follow(store.keys, keys));
  return { entities: shallowReadonly(entities), keys: shallowReadonly(keys), store };
}

/**
 * One entity of a collection as a read-only ref, which changes only when that entity came, changed
 * or went; undefined where there is none. The key may be a ref or a getter.
 *
 * @example
 * const props = defineProps<{ id: string }>();
 * const task = useEntity(tasks, () => props.id);
 */
export function useEntity<V, A = never>(
  given: CollectionStore<V, A>,
  key: MaybeRefOrGetter<string>,
): Readonly<ShallowRef<V | undefined>> {
  const store = inForce(given);
  const entity = shallowRef<V | undefined>();
  watchEffect(
    (onCleanup) => {
      const selection = store.key(toValue(key));
      entity.value = selection.get();
      onCleanup(follow(selection, entity));
    },
    { flush: 'sync' },
  );
  return shallowReadonly(entity);
}

function inForce<V, A>(given: CollectionStore<V, A>): CollectionStore<V, A> {
  return hasInjectionContext() ? inject(topicKey(given), given) : given;
}

function follow<S>(selection: Selection<S>, ref: ShallowRef<S | undefined>): Unsubscribe {
  return selection.subscribe((next) => {
    ref.value = next;
  });
}

function whileScoped(stop: Unsubscribe): void {
  if (getCurrentScope()) onScopeDispose(stop);
}
