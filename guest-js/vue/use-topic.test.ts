// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  computed,
  createApp,
  defineComponent,
  effectScope,
  h,
  isReactive,
  nextTick,
  watch,
} from 'vue';
import type { TopicStore } from '../core/topic-store.js';
import { tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import { topicKey, type UseTopicReturn, useTopic } from './index.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A window whose store nobody has used yet. */
function idle() {
  const all = setup();
  const window = all.backend.window('main');
  return { ...all, window, store: window.store<Settings>('settings') };
}

const Theme = defineComponent({
  props: { store: { type: Object as () => TopicStore<Settings>, required: true } },
  setup(props) {
    const { state, status, store } = useTopic(props.store);
    return () =>
      h(
        'button',
        { onClick: () => store.merge({ theme: 'dark' }) },
        `${status.value} ${state.value?.theme ?? 'none'};`,
      );
  },
});

/** Mounts so many components on one store. */
function mount(store: TopicStore<Settings>, times = 1) {
  const app = createApp(() => Array.from({ length: times }, () => h(Theme, { store })));
  const container = document.createElement('div');
  return {
    app,
    container,
    show: () => app.mount(container),
    shown: () => container.textContent,
  };
}

describe('useTopic', () => {
  it('gives undefined before the first snapshot, then the state, then each change', async () => {
    const { backend, store } = idle();
    const { show, shown } = mount(store);
    show();
    expect(shown()).toBe('connecting none;');
    await tick();
    expect(shown()).toBe('synchronized light;');
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(shown()).toBe('synchronized dark;');
  });

  it('a hundred components make one subscription and one pull', async () => {
    const { backend, calls, window, store } = idle();
    const { show, shown } = mount(store, 100);
    show();
    await tick();
    expect(shown()).toBe('synchronized light;'.repeat(100));
    const traffic = () => [
      window.listeners('settings'),
      calls.count({ command: 'listen' }),
      calls.count({ command: 'subscribe' }),
      calls.count({ command: 'get_snapshot' }),
    ];
    expect(traffic()).toEqual([0, 0, 1, 1]);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(shown()).toBe('synchronized dark;'.repeat(100));
    expect(traffic()).toEqual([0, 0, 1, 1]);
  });

  it('ends with its scope, and leaves the store open', async () => {
    const { settings } = setup();
    const store = await settings();
    const scope = effectScope();
    const { state, status } = scope.run(() => useTopic(store)) as UseTopicReturn<Settings>;
    await store.merge({ theme: 'dark' });
    expect(state.value?.theme).toBe('dark');
    scope.stop();
    await store.merge({ theme: 'blue' });
    expect([state.value?.theme, store.get()?.theme, store.status]).toEqual([
      'dark',
      'blue',
      'synchronized',
    ]);
    store.close();
    expect(status.value).toBe('synchronized');
  });

  it('ends with its component', async () => {
    const { store } = idle();
    const stop = vi.fn();
    vi.spyOn(store, 'subscribe').mockReturnValue(stop);
    const { app, show } = mount(store, 3);
    show();
    expect(stop).not.toHaveBeenCalled();
    app.unmount();
    expect(stop).toHaveBeenCalledTimes(3);
  });

  it('outside of a scope it is kept up', async () => {
    const { settings } = setup();
    const store = await settings();
    const { state } = useTopic(store);
    await store.merge({ theme: 'dark' });
    expect(state.value?.theme).toBe('dark');
  });

  it('gives the store’s own copy, of which unchanged parts stay', async () => {
    const { settings } = setup();
    const store = await settings('main', { freeze: false });
    const { state } = useTopic(store);
    const before = state.value?.window;
    expect([state.value === store.get(), isReactive(state.value)]).toEqual([true, false]);
    await store.merge({ theme: 'dark' });
    expect(state.value?.window).toBe(before);
  });

  it('a computed part is watched alone', async () => {
    const { settings } = setup();
    const store = await settings();
    const { state } = useTopic(store);
    const seen: (number | undefined)[] = [];
    const stop = watch(
      computed(() => state.value?.window.width),
      (width) => seen.push(width),
    );
    await store.merge({ theme: 'dark' });
    await nextTick();
    expect(seen).toEqual([]);
    await store.merge({ window: { width: 900 } });
    await nextTick();
    expect(seen).toEqual([900]);
    stop();
  });

  it('counts the optimistic writes that are not confirmed', async () => {
    const { settings, hold } = setup();
    const { pending, store } = useTopic(await settings());
    const held = hold({ command: 'write' });
    store.merge({ size: 7 }, { optimistic: true });
    expect(pending.value).toBe(1);
    held.release();
    await tick();
    expect(pending.value).toBe(0);
  });

  it('the refs cannot be written', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { settings } = setup();
    const { state } = useTopic(await settings());
    // @ts-expect-error -- read-only
    state.value = undefined;
    expect([state.value, warn.mock.calls.length]).toEqual([FIRST, 1]);
  });
});

describe('topicKey', () => {
  it('is the same for the same store, and no other', () => {
    const [a, b] = [idle().store, idle().store];
    expect(topicKey(a)).toBe(topicKey(a));
    expect(topicKey(a)).not.toBe(topicKey(b));
  });

  it('replaces the store for reading and writing, and leaves the real one alone', async () => {
    const [real, fake] = [idle(), idle()];
    const { app, container, show, shown } = mount(real.store);
    app.provide(topicKey(real.store), fake.store);
    show();
    await tick();
    expect(shown()).toBe('synchronized light;');
    container.querySelector('button')?.click();
    await tick();
    expect(shown()).toBe('synchronized dark;');
    expect(fake.backend.data('settings')).toMatchObject({ theme: 'dark' });
    expect([real.store.status, real.calls.all]).toEqual(['idle', []]);
  });
});
