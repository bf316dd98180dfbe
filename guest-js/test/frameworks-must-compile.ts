import { defineStore } from 'pinia';
import { writable } from 'svelte/store';
import { proxy } from 'valtio';
import { reactive, ref, shallowRef } from 'vue';
import { create } from 'zustand';
import { devtools, persist, subscribeWithSelector } from 'zustand/middleware';
import { createPiniaSnapshotApplier } from '../appliers/pinia.js';
import { createValtioSnapshotApplier } from '../appliers/valtio.js';
import { createZustandSnapshotApplier } from '../appliers/zustand.js';
import type { ReadonlyTopicStore, TopicStore } from '../core/topic-store.js';
import { useTopic, useTopicSelector, useTopicStore } from '../react/index.js';
import { createSvelteSnapshotApplier, topicReadable, topicState } from '../svelte/index.js';
import { createTauriRevisionSync, type TauriRevisionSyncOptions } from '../tauri.js';
import { createVueSnapshotApplier, useTopic as useVueTopic } from '../vue/index.js';
import type { Settings, SettingsAction } from './must-not-compile.js';

interface Topic {
  dark: boolean;
  name: string;
}

interface State extends Topic {
  menu: number;
  toggle(): void;
}

type Applier = TauriRevisionSyncOptions<Topic>['applier'];

/** Compiled, never run: what apps write, with the types that the libraries give. */
export function mustCompile(
  initial: State,
  acting: TopicStore<Settings, SettingsAction>,
  readonly: ReadonlyTopicStore<Settings>,
): void {
  const bound = create<State>()(() => initial);
  const within = create<State>()(
    devtools(subscribeWithSelector(persist(() => initial, { name: 'app' }))),
  );
  const options = defineStore('options', {
    state: () => ({ dark: false, name: '', menu: 1 }),
    getters: { light: (state) => !state.dark },
    actions: {
      toggle() {
        this.dark = !this.dark;
      },
    },
  })();
  const setup = defineStore('setup', () => ({ dark: ref(false), menu: ref(1), toggle() {} }))();
  const local = () => ({ dark: false, name: '', menu: 1 });

  const appliers: Applier[] = [
    createZustandSnapshotApplier(bound),
    createZustandSnapshotApplier(bound, { omitKeys: ['menu'], mode: 'replace' }),
    createZustandSnapshotApplier(within, { pickKeys: ['dark'] }),
    createPiniaSnapshotApplier(options, { omitKeys: ['menu'] }),
    createPiniaSnapshotApplier(setup, { pickKeys: ['dark'] }),
    createPiniaSnapshotApplier(setup, { toState: ({ dark }: Topic) => ({ dark }) }),
    createValtioSnapshotApplier(proxy(local()), { omitKeys: ['menu'] }),
    createVueSnapshotApplier(reactive(local()), { omitKeys: ['menu'] }),
    createVueSnapshotApplier(ref(local()), { omitKeys: ['menu'] }),
    createVueSnapshotApplier(shallowRef<Topic>(), { pickKeys: ['dark'] }),
    createSvelteSnapshotApplier(local(), { omitKeys: ['menu'] }),
    createSvelteSnapshotApplier(writable(local()), { omitKeys: ['menu'] }),
    createSvelteSnapshotApplier(writable<Topic | undefined>(), { pickKeys: ['dark'] }),
  ];
  createTauriRevisionSync<Topic>({
    topic: 'settings',
    applier: appliers[0] ?? createZustandSnapshotApplier(bound),
  });
  createTauriRevisionSync({
    topic: 'counter',
    applier: createVueSnapshotApplier(reactive(local()), {
      toState: (menu: number, { revision, state }) => ({ menu, name: state.name ?? revision }),
    }),
  });

  const state: Settings = useTopic(acting, { suspense: true });
  const maybe: Settings | undefined = useTopic(acting, { suspense: false });
  const width: number | undefined = useTopicSelector(acting, (s) => s.window.width);
  useTopicStore(acting).dispatch({ type: 'grow' });
  const { state: current, store } = useVueTopic(acting);
  const theme: 'light' | 'dark' | undefined = current.value?.theme;
  store.dispatch({ type: 'grow' });
  topicState(acting).store.dispatch({ type: 'grow' });
  const shown: Settings | undefined = useTopic(readonly) ?? useVueTopic(readonly).state.value;
  const same: ReadonlyTopicStore<Settings> = shown ? topicState(readonly).store : acting;
  topicReadable(same).subscribe((now) => useTopicSelector(readonly, () => now?.theme));
  topicReadable(acting).subscribe((now) => [now?.theme, state, maybe, width, theme]);
}
