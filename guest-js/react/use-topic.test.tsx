// @vitest-environment happy-dom
import {
  act,
  Component,
  type ReactNode,
  StrictMode,
  Suspense,
  startTransition,
  useLayoutEffect,
} from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import type { TopicStore } from '../core/topic-store.js';
import { tick } from '../test/helpers.js';
import { FIRST, type Settings, setup } from '../test/store-setup.js';
import {
  TopicProvider,
  useFamilyTopic,
  useTopic,
  useTopicPending,
  useTopicSelector,
  useTopicStatus,
  useTopicStore,
} from './index.js';

let root: Root;
let complaints: MockInstance<typeof console.error>;
const container = document.createElement('div');

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  complaints = vi.spyOn(console, 'error').mockImplementation(() => {});
  root = createRoot(container);
});
afterEach(() => {
  act(() => root.unmount());
  expect(complaints.mock.calls).toEqual([]);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const shown = (): string => container.textContent;
const show = (node: ReactNode): Promise<void> => act(async () => root.render(node));
const settle = (): Promise<void> => act(async () => void (await tick()));

/** A window whose store nobody has used yet. */
function idle(topic = 'settings') {
  const all = setup();
  const window = all.backend.window('main');
  return { ...all, window, store: window.store<Settings>(topic) };
}

/** The same, with answers that come when they are let go. */
function held() {
  const all = idle();
  const gate = all.hold({ kind: 'response', command: 'get_snapshot' });
  return {
    ...all,
    release() {
      gate.release();
      return settle();
    },
  };
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

function Theme({ store }: { store: TopicStore<Settings> }): ReactNode {
  return useTopic(store)?.theme ?? 'none';
}

describe('useTopic', () => {
  it('gives undefined before the first snapshot, then the state, then each change', async () => {
    const { backend, release, store } = held();
    await show(<Theme store={store} />);
    expect(shown()).toBe('none');
    await release();
    expect(shown()).toBe('light');
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await settle();
    expect(shown()).toBe('dark');
  });

  it('a hundred components make one subscription and one pull', async () => {
    const { backend, calls, window, store } = idle();
    const many = Array.from({ length: 100 }, (_, i) => <Theme key={String(i)} store={store} />);
    await show(many);
    await settle();
    expect(shown()).toBe('light'.repeat(100));
    const traffic = () => [
      window.listeners('settings'),
      calls.count({ command: 'listen' }),
      calls.count({ command: 'subscribe' }),
      calls.count({ command: 'get_snapshot' }),
    ];
    expect(traffic()).toEqual([0, 0, 1, 1]);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await settle();
    expect(shown()).toBe('dark'.repeat(100));
    expect(traffic()).toEqual([0, 0, 1, 1]);
  });

  it('leaves no listener behind, and the store open, after unmounting', async () => {
    const { calls, store } = idle();
    const listeners = listenersOf(store);
    const two = () => [<Theme key="a" store={store} />, <Theme key="b" store={store} />];
    await show(two());
    await settle();
    await show(two());
    expect([listeners(), vi.mocked(store.subscribe).mock.calls.length]).toEqual([2, 2]);
    await show(null);
    expect(listeners()).toBe(0);
    expect(store.status).toBe('synchronized');
    await show(<Theme store={store} />);
    expect(shown()).toBe('light');
    expect(calls.count({ command: 'get_snapshot' })).toBe(1);
  });

  it('listens once for each component in strict mode, too', async () => {
    const { calls, store } = idle();
    const listeners = listenersOf(store);
    await show(
      <StrictMode>
        <Theme store={store} />
      </StrictMode>,
    );
    await settle();
    expect([
      shown(),
      listeners(),
      calls.count({ command: 'listen' }),
      calls.count({ command: 'get_snapshot' }),
    ]).toEqual(['light', 1, 0, 1]);
    await show(null);
    expect(listeners()).toBe(0);
  });

  it('follows when it is given another store', async () => {
    const { store, settings } = idle();
    const other = await settings('other');
    await other.merge({ theme: 'blue' });
    await tick();
    await show(<Theme store={store} />);
    const listeners = listenersOf(store);
    await show(<Theme store={other} />);
    expect([shown(), listeners()]).toEqual(['blue', 0]);
  });

  it('does not tear: a change during a rendering is in all of it, or in nothing', async () => {
    const { settings } = setup();
    const store = await settings();
    const commits: string[] = [];
    let meddle = true;
    function Meddler(): ReactNode {
      useLayoutEffect(() => void commits.push(shown()));
      if (meddle) {
        meddle = false;
        store.merge({ theme: 'dark' }, { optimistic: true });
      }
      return '/';
    }
    await act(() =>
      startTransition(() =>
        root.render([
          <Theme key="a" store={store} />,
          <Meddler key="b" />,
          <Theme key="c" store={store} />,
        ]),
      ),
    );
    await settle();
    expect(commits).toEqual(['dark/dark']);
  });

  it('on a server it is undefined, and starts nothing', () => {
    const { store } = idle();
    expect(renderToString(<Theme store={store} />)).toBe('none');
    expect(store.status).toBe('idle');
  });
});

describe('with suspense', () => {
  function Waiting({ store }: { store: TopicStore<Settings> }): ReactNode {
    return useTopic(store, { suspense: true }).theme;
  }
  const page = (store: TopicStore<Settings>) => (
    <Suspense fallback="wait">
      <Waiting store={store} />
    </Suspense>
  );

  it('shows the fallback until the first snapshot, and follows from then on', async () => {
    const { backend, calls, release, store } = held();
    await show(page(store));
    expect(shown()).toBe('wait');
    await release();
    expect(shown()).toBe('light');
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await settle();
    expect([shown(), calls.count({ command: 'get_snapshot' })]).toEqual(['dark', 1]);
  });

  it('shows no fallback where the state is here', async () => {
    const { settings } = setup();
    const store = await settings();
    const renderings: string[] = [];
    function Fallback(): ReactNode {
      renderings.push('fallback');
      return null;
    }
    await show(
      <Suspense fallback={<Fallback />}>
        <Waiting store={store} />
      </Suspense>,
    );
    expect([shown(), renderings]).toEqual(['light', []]);
  });

  it('throws `closed` to the error boundary where the store ends before', async () => {
    class Boundary extends Component<{ children: ReactNode }, { kind?: string }> {
      override state: { kind?: string } = {};
      static getDerivedStateFromError(error: { kind: string }) {
        return { kind: error.kind };
      }
      override render() {
        return this.state.kind ?? this.props.children;
      }
    }
    const { store } = held();
    await show(<Boundary>{page(store)}</Boundary>);
    await act(async () => store.close());
    await settle();
    expect(shown()).toBe('closed');
    // React's own word about the boundary.
    complaints.mockClear();
  });

  it('on a server renders the fallback, and starts nothing', () => {
    const { store } = idle();
    expect(renderToString(page(store))).toContain('wait');
    expect(store.status).toBe('idle');
  });
});

describe('useTopicSelector', () => {
  it('renders only when the part has changed', async () => {
    const { backend, store, release } = held();
    let renderings = 0;
    function Width(): ReactNode {
      renderings++;
      return useTopicSelector(store, (s) => s.window.width) ?? 'none';
    }
    await show(<Width />);
    expect(shown()).toBe('none');
    await release();
    expect([shown(), renderings]).toEqual(['800', 2]);
    backend.set('settings', { ...FIRST, theme: 'dark', window: { width: 800, title: 'A' } });
    await settle();
    expect([store.get()?.theme, renderings]).toEqual(['dark', 2]);
    backend.set('settings', { ...FIRST, window: { width: 900 } });
    await settle();
    expect([shown(), renderings]).toEqual(['900', 3]);
  });

  it('keeps the part that `equal` accepts, across changes and renderings', async () => {
    const { backend, settings } = setup();
    const store = await settings();
    const parts = new Set<unknown>();
    const sameKeys = (a: string[], b: string[]) => a.join() === b.join();
    function Keys({ label }: { label: string }): ReactNode {
      const keys = useTopicSelector(store, (s) => Object.keys(s), sameKeys);
      parts.add(keys);
      return `${label}: ${keys}`;
    }
    await show(<Keys label="a" />);
    backend.set('settings', { ...FIRST, theme: 'dark' });
    await settle();
    await show(<Keys label="b" />);
    expect(shown()).toBe('b: theme,size,window');
    expect(parts.size).toBe(1);
  });

  it('bears a selector that makes something new each time', async () => {
    const { settings } = setup();
    const store = await settings();
    function Keys(): ReactNode {
      return useTopicSelector(store, (s) => Object.keys(s))?.join();
    }
    await show(<Keys />);
    expect(shown()).toBe('theme,size,window');
  });

  it('uses the selector of the latest rendering', async () => {
    const { settings } = setup();
    const store = await settings();
    function Part({ name }: { name: 'theme' | 'size' }): ReactNode {
      return useTopicSelector(store, (s) => s[name]);
    }
    await show(<Part name="theme" />);
    expect(shown()).toBe('light');
    await show(<Part name="size" />);
    expect(shown()).toBe('1');
  });
});

it('useTopicStatus follows the status', async () => {
  const { window } = setup({ grants: () => false });
  const store = window('main').store<Settings>('settings');
  function Status(): ReactNode {
    return useTopicStatus(store);
  }
  expect(renderToString(<Status />)).toBe('idle');
  await show(<Status />);
  await settle();
  expect(shown()).toBe('denied');
  await act(async () => store.close());
  expect(shown()).toBe('closed');
});

it('useTopicPending counts the optimistic writes that are not confirmed', async () => {
  const { store, hold } = idle();
  function Pending(): ReactNode {
    return <>{useTopicPending(store)}</>;
  }
  await show(<Pending />);
  await settle();
  const held = hold({ command: 'write' });
  await act(async () => void store.merge({ size: 7 }, { optimistic: true }));
  expect(shown()).toBe('1');
  held.release();
  await settle();
  expect(shown()).toBe('0');
  expect(renderToString(<Pending />)).toBe('0');
});

describe('useFamilyTopic', () => {
  function jobs() {
    const { backend } = setup({ topics: {}, families: { jobs: 0 } });
    const family = backend.window('main').family<number>('jobs');
    for (const id of ['a', 'b']) backend.create(`jobs/${id}`, id);
    function Job({ id }: { id: string }): ReactNode {
      const store = useFamilyTopic(family, id);
      return <>{useTopic(store)}</>;
    }
    return { backend, family, Job };
  }

  it('closes a store when the last component that used it is gone', async () => {
    const { backend, family, Job } = jobs();
    const [a, b] = [family.topic('a'), family.topic('b')];
    await show([<Job key="1" id="a" />, <Job key="2" id="a" />]);
    await settle();
    expect([shown(), backend.readers('jobs/a')]).toEqual(['aa', ['main']]);
    await show([<Job key="1" id="b" />, <Job key="2" id="a" />]);
    await settle();
    expect([shown(), a.status, b.status]).toEqual(['ba', 'synchronized', 'synchronized']);
    await show([<Job key="1" id="b" />]);
    await settle();
    expect([a.status, b.status]).toEqual(['closed', 'synchronized']);
    await show([<Job key="1" id="a" />]);
    await settle();
    expect([shown(), b.status, family.topic('a') === a]).toEqual(['a', 'closed', false]);
  });

  it('keeps it open where the component is only taken away and put back', async () => {
    const { family, Job } = jobs();
    const store = family.topic('a');
    await show(
      <StrictMode>
        <Job id="a" />
      </StrictMode>,
    );
    await settle();
    expect([shown(), store.status]).toEqual(['a', 'synchronized']);
    await show([<Job key="moved" id="a" />]);
    await settle();
    expect([shown(), store.status]).toEqual(['a', 'synchronized']);
  });
});

describe('TopicProvider', () => {
  function Toggle({ store: given }: { store: TopicStore<Settings> }): ReactNode {
    const store = useTopicStore(given);
    const theme = useTopicSelector(given, (s) => s.theme);
    const status = useTopicStatus(given);
    return (
      <button type="button" onClick={() => store.merge({ theme: 'dark' })}>
        {status} {theme}
      </button>
    );
  }

  it('replaces the store for reading and writing, and leaves the real one alone', async () => {
    const real = idle();
    const fake = idle();
    await show(
      <TopicProvider replace={real.store} by={fake.store}>
        <Toggle store={real.store} />
      </TopicProvider>,
    );
    await settle();
    expect(shown()).toBe('synchronized light');
    await act(async () => container.querySelector('button')?.click());
    await settle();
    expect(shown()).toBe('synchronized dark');
    expect(fake.backend.data('settings')).toMatchObject({ theme: 'dark' });
    expect([real.store.status, real.calls.all]).toEqual(['idle', []]);
  });

  it('nests: each replaces one store, and the inner one counts', async () => {
    const [a, b] = [idle(), idle()];
    const [outer, inner, other] = [await a.settings('1'), await idle().settings(), idle().store];
    await outer.merge({ theme: 'red' });
    await b.backend.set('settings', { ...FIRST, theme: 'blue' });
    const second = await b.settings();
    await show(
      <TopicProvider replace={a.store} by={outer}>
        <TopicProvider replace={other} by={second}>
          <Theme store={a.store} />
          <Theme store={other} />
          <TopicProvider replace={other} by={inner}>
            <Theme store={other} />
          </TopicProvider>
        </TopicProvider>
      </TopicProvider>,
    );
    expect(shown()).toBe('redbluelight');
    expect([a.store.status, other.status]).toEqual(['idle', 'idle']);
  });
});
