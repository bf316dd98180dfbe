// @vitest-environment happy-dom
import { flushSync, mount as mountComponent, unmount } from 'svelte';
import { get } from 'svelte/store';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TopicStore } from '../core/topic-store.js';
import { tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import Theme from '../test/Theme.svelte';
import ThemeStore from '../test/ThemeStore.svelte';
import { topicPending, topicReadable, topicState, topicStatus } from './index.js';

const mounted: object[] = [];

beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  for (const component of mounted.splice(0)) await unmount(component);
  vi.useRealTimers();
});

/** A window whose store nobody has used yet. */
function idle() {
  const all = setup();
  const window = all.backend.window('main');
  return { ...all, window, store: window.store<Settings>('settings') };
}

type Props = { given: TopicStore<Settings>; onwidth?: (width: number | undefined) => void };

/** Mounts so many components with the same properties. */
function mount(
  component: typeof Theme,
  props: Props,
  { times = 1, context = new Map<unknown, unknown>() } = {},
) {
  const target = document.createElement('div');
  for (let i = 0; i < times; i++) {
    mounted.push(mountComponent(component, { target, props, context }));
  }
  flushSync();
  return { target, shown: () => target.textContent.replace(/\s+/g, ' ').trim() };
}

/** Counts the listeners that are added and not taken away again. */
function listenersOf(store: TopicStore<Settings>): () => number {
  let count = 0;
  const { subscribe } = store;
  vi.spyOn(store, 'subscribe').mockImplementation((...args) => {
    count++;
    const stop = subscribe(...args);
    return () => {
      count--;
      stop();
    };
  });
  return () => count;
}

describe.each([
  ['topicState', Theme],
  ['topicReadable and topicStatus', ThemeStore],
])('%s in a component', (_, component) => {
  it('gives undefined before the first snapshot, then the state, then each change', async () => {
    const { backend, store } = idle();
    const { shown } = mount(component, { given: store });
    expect(shown()).toBe('connecting none;');
    await tick();
    expect(shown()).toBe('synchronized light;');
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(shown()).toBe('synchronized dark;');
  });

  it('a hundred components make one subscription and one pull', async () => {
    const { backend, calls, window, store } = idle();
    const { target } = mount(component, { given: store }, { times: 100 });
    const themes = (theme: string) => target.textContent.split(theme).length - 1;
    await tick();
    expect(themes('light')).toBe(100);
    const traffic = () => [
      window.listeners('settings'),
      calls.count({ command: 'listen' }),
      calls.count({ command: 'subscribe' }),
      calls.count({ command: 'get_snapshot' }),
    ];
    expect(traffic()).toEqual([0, 0, 1, 1]);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await tick();
    expect(themes('dark')).toBe(100);
    expect(traffic()).toEqual([0, 0, 1, 1]);
  });

  it('leaves no listener behind, and the store open, after unmounting', async () => {
    const { calls, store } = idle();
    const listeners = listenersOf(store);
    mount(component, { given: store }, { times: 2 });
    await tick();
    expect(listeners()).toBe(2);
    for (const each of mounted.splice(0)) await unmount(each);
    await tick();
    expect([listeners(), store.status]).toEqual([0, 'synchronized']);
    expect(mount(component, { given: store }).shown()).toBe('synchronized light;');
    expect(calls.count({ command: 'get_snapshot' })).toBe(1);
  });

  it('takes the store that the context holds, and leaves the real one alone', async () => {
    const [real, fake] = [idle(), idle()];
    const context = new Map<unknown, unknown>([[real.store, fake.store]]);
    const { shown } = mount(component, { given: real.store }, { context });
    await tick();
    expect(shown()).toBe('synchronized light;');
    expect([real.store.status, real.calls.all]).toEqual(['idle', []]);
  });
});

describe('topicState', () => {
  it('writes to the store in force', async () => {
    const [real, fake] = [idle(), idle()];
    const context = new Map<unknown, unknown>([[real.store, fake.store]]);
    const { shown, target } = mount(Theme, { given: real.store }, { context });
    await tick();
    target.querySelector('button')?.click();
    await tick();
    expect(shown()).toBe('synchronized dark;');
    expect(fake.backend.data('settings')).toMatchObject({ theme: 'dark' });
    expect(real.calls.all).toEqual([]);
  });

  it('a derived part runs effects only when it has changed', async () => {
    const { settings } = setup();
    const store = await settings();
    const widths: (number | undefined)[] = [];
    mount(Theme, { given: store, onwidth: (width) => widths.push(width) });
    await store.merge({ theme: 'dark' });
    await tick();
    expect(widths).toEqual([800]);
    await store.merge({ window: { width: 900 } });
    await tick();
    expect(widths).toEqual([800, 900]);
  });

  it('outside of a component it is what the store has', async () => {
    const { settings } = setup();
    const store = await settings();
    const topic = topicState(store);
    expect(topic.store).toBe(store);
    expect(topic.current).toBe(store.get());
    await store.merge({ theme: 'dark' });
    expect([topic.current?.theme, topic.status]).toEqual(['dark', 'synchronized']);
  });
});

describe('the contract of Svelte’s stores', () => {
  it('calls at once, then after each change, until told to stop', async () => {
    const { store } = idle();
    const seen: (string | undefined)[] = [];
    const stop = topicReadable(store).subscribe((now) => seen.push(now?.theme));
    expect(seen).toEqual([undefined]);
    await tick();
    await store.merge({ theme: 'dark' });
    stop();
    await store.merge({ theme: 'blue' });
    expect(seen).toEqual([undefined, 'light', 'dark']);
  });

  it('hears of what a subscriber changes as it is called first', async () => {
    const { settings } = setup();
    const store = await settings();
    const seen: (string | undefined)[] = [];
    topicReadable(store).subscribe((now) => {
      seen.push(now?.theme);
      if (seen.length === 1) store.merge({ theme: 'dark' }, { optimistic: true });
    });
    expect(seen).toEqual(['light', 'dark']);
  });

  it('counts the optimistic writes that are not confirmed', async () => {
    const { settings, hold } = setup();
    const store = await settings();
    const seen: number[] = [];
    const stop = topicPending(store).subscribe((pending) => seen.push(pending));
    const state = topicState(store);
    const held = hold({ command: 'write' });
    store.merge({ size: 7 }, { optimistic: true });
    expect([seen, state.pending]).toEqual([[0, 1], 1]);
    held.release();
    await tick();
    stop();
    await store.merge({ size: 8 }, { optimistic: true });
    expect([seen, state.pending]).toEqual([[0, 1, 0], 0]);
  });

  it('works with `get`, for the status, too', async () => {
    const { settings } = setup();
    const store = await settings();
    expect(get(topicReadable(store))).toBe(store.get());
    expect(get(topicStatus(store))).toBe('synchronized');
    const seen: string[] = [];
    topicStatus(store).subscribe((status) => seen.push(status));
    store.close();
    expect(seen).toEqual(['synchronized', 'closed']);
  });
});
