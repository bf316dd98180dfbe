import { provide, ref } from 'vue';
import { createStore } from 'zustand/vanilla';
import { createValtioSnapshotApplier } from '../appliers/valtio.js';
import { createZustandSnapshotApplier } from '../appliers/zustand.js';
import { createTopicStore } from '../core/store.js';
import type { ReadonlyTopicStore, TopicStore } from '../core/topic-store.js';
import { TopicProvider, useTopic, useTopicSelector } from '../react/index.js';
import { createSvelteSnapshotApplier, topicReadable, topicState } from '../svelte/index.js';
import { createVueSnapshotApplier, topicKey, useTopic as useVueTopic } from '../vue/index.js';
import type { Settings, SettingsAction } from './must-not-compile.js';

const pickTheme = (settings: Settings) => settings.theme;
const sameSettings = (a: Settings, b: Settings) => a === b;
const sizeAsText = () => ({ size: 'big' });

/** Compiled, never run: each expected error is one that `tsc` must find. */
export function mustNotCompile(
  store: TopicStore<Settings>,
  acting: TopicStore<Settings, SettingsAction>,
  readonly: ReadonlyTopicStore<Settings>,
  settings: Settings,
): void {
  const zustand = createStore(() => settings);

  // @ts-expect-error -- before the first snapshot there is none
  useTopic(store).theme;
  // @ts-expect-error -- whether it suspends must be known
  useTopic(store, { suspense: Math.random() < 0.5 }).theme;
  // @ts-expect-error -- a store, not its state
  useTopic(settings);
  // @ts-expect-error -- no such member to select
  useTopicSelector(store, (s) => s.themes);
  // @ts-expect-error -- before the first snapshot there is no part
  useTopicSelector(store, (s) => s.window).width;
  // @ts-expect-error -- equal compares parts
  useTopicSelector(store, pickTheme, sameSettings);
  // @ts-expect-error -- replaced by a store of something else
  TopicProvider({ replace: store, by: createTopicStore<number>('counter', {} as never) });

  // @ts-expect-error -- read-only
  useVueTopic(store).state.value = settings;
  // @ts-expect-error -- before the first snapshot there is none
  useVueTopic(store).state.value.theme;
  // @ts-expect-error -- no such action
  useVueTopic(acting).store.dispatch({ type: 'shrink' });
  // @ts-expect-error -- the key of one store does not fit another
  provide(topicKey(store), createTopicStore<number>('counter', {} as never));

  // @ts-expect-error -- it only reads
  useVueTopic(readonly).store.set(settings);
  // @ts-expect-error -- it only reads
  topicState(readonly).store.merge({});
  // @ts-expect-error -- read-only
  topicState(store).current = settings;
  // @ts-expect-error -- not a writable
  topicReadable(store).set(settings);

  // @ts-expect-error -- one list of keys, or the other
  createValtioSnapshotApplier(settings, { pickKeys: ['theme'], omitKeys: ['size'] });
  // @ts-expect-error -- no such key
  createVueSnapshotApplier(ref(settings), { omitKeys: ['themes'] });
  // @ts-expect-error -- no such mode
  createSvelteSnapshotApplier(settings, { mode: 'merge' });
  // @ts-expect-error -- not a part of the local state
  createZustandSnapshotApplier(zustand, { toState: sizeAsText });
}
