// @vitest-environment happy-dom
import { act, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { get } from 'svelte/store';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { effectScope } from 'vue';
import { connectApplier } from '../core/connect-applier.js';
import { createReadonlyTopicStore } from '../core/reader.js';
import { useTopic, useTopicPending, useTopicSelector, useTopicStatus } from '../react/index.js';
import { topicReadable, topicState, topicStatus } from '../svelte/index.js';
import { useTopic as useVueTopic } from '../vue/index.js';
import { tick } from './helpers.js';
import { FIRST, type Settings, setup } from './store-setup.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A store that only reads, and what changes under it. */
async function reading() {
  const { backend } = setup();
  const { transport } = backend.window('main');
  const store = createReadonlyTopicStore<Settings>('settings', transport);
  await store.ready;
  const change = async (): Promise<void> => {
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
  };
  return { store, change };
}

it('React shows a store that only reads', async () => {
  const { store, change } = await reading();
  const container = document.createElement('div');
  const root = createRoot(container);
  const Shown = () => {
    const part = useTopicSelector(store, ({ size }) => size);
    const [now, status, pending] = [useTopic(store), useTopicStatus(store), useTopicPending(store)];
    return `${now?.theme} ${part} ${status} ${pending}`;
  };
  await act(async () => root.render(createElement(Shown)));
  expect(container.textContent).toBe('light 1 synchronized 0');
  await act(change);
  expect(container.textContent).toBe('dark 1 synchronized 0');
  act(() => root.unmount());
});

it('Vue shows a store that only reads', async () => {
  const { store, change } = await reading();
  const scope = effectScope();
  const { state, status, pending } = scope.run(() => useVueTopic(store)) ?? {};
  await change();
  expect([state?.value?.theme, status?.value, pending?.value]).toEqual(['dark', 'synchronized', 0]);
  scope.stop();
});

it('Svelte shows a store that only reads', async () => {
  const { store, change } = await reading();
  const state = topicState(store);
  await change();
  expect([state.current?.theme, state.status, state.pending]).toEqual(['dark', 'synchronized', 0]);
  expect([get(topicReadable(store))?.theme, get(topicStatus(store))]).toEqual([
    'dark',
    'synchronized',
  ]);
});

it('an applier is fed by a store that only reads', async () => {
  const { store, change } = await reading();
  const apply = vi.fn();
  const stop = connectApplier(store, { apply });
  await change();
  expect(apply.mock.calls.map(([{ data }]) => data.theme)).toEqual(['light', 'dark']);
  stop();
});
