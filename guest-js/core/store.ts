import { createReader } from './reader.js';
import type { TopicStore, TopicStoreOptions } from './topic-store.js';
import type { Transport } from './transport.js';
import { createWriter } from './writer.js';

/**
 * The everyday store of one topic over any transport. In a Tauri app, `defineTopic` is this
 * with Tauri's.
 *
 * - **I7** Its copy moves forward only, and is its own: no listener, transport or other handle
 *   holds a part of it that could be changed.
 * - **I10** An optimistic write that is refused is taken back, and no other.
 * - **I12** A write resolves when this copy is at the write's revision or newer.
 *
 * @example
 * const counter = createTopicStore<number>('counter', transport);
 */
export function createTopicStore<T, A = never>(
  topic: string,
  transport: Transport,
  options: TopicStoreOptions = {},
): TopicStore<T, A> {
  const reader = createReader<T>(topic, transport, options);
  const { overlay, write, update, onPending } = createWriter(
    reader.base,
    transport,
    options,
    reader.show,
  );
  reader.overlay = overlay;
  // In this order: its accessors stay accessors.
  return Object.assign(reader.members, {
    onPending,
    set: (next, how) => write({ set: next }, how),
    merge: (patch, how) => write({ merge: patch }, how),
    patch: (operations, how) => write({ patch: operations }, how),
    dispatch: (action, how) => write({ action }, how),
    update: (change) => update(() => ({ set: change(reader.confirmed() as T) })),
  } satisfies Omit<TopicStore<T, A>, Exclude<keyof typeof reader.members, 'onPending'>>);
}
