// @vitest-environment happy-dom
import { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, expect, it, type MockInstance, vi } from 'vitest';
import { createCollectionStore } from '../core/collection.js';
import type { CollectionStore } from '../core/collection-store.js';
import { tick } from '../test/helpers.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import {
  TopicProvider,
  useCollection,
  useCollectionStore,
  useEntity,
  useEntityKeys,
} from './index.js';

interface Task {
  title: string;
}

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

function setup() {
  const tasks = Object.fromEntries(['a', 'b', 'c'].map((key) => [key, { title: key }]));
  const backend = createFakeBackend({ topics: { tasks }, patches: true });
  const store: CollectionStore<Task> = createCollectionStore(
    'tasks',
    backend.window('main').transport,
  );
  const rendered: string[] = [];
  function Row({ id }: { id: string }) {
    rendered.push(id);
    return <li>{useEntity(store, id)?.title}</li>;
  }
  function List() {
    rendered.push('list');
    return useEntityKeys(store)?.map((id) => <Row key={id} id={id} />) ?? 'none';
  }
  function Count() {
    return <b>{useCollection(store)?.size}</b>;
  }
  return { backend, store, rendered, List, Count };
}

it('renders the row whose entity has changed, and the list only when one came or went', async () => {
  const { store, rendered, List, Count } = setup();
  act(() => root.render([<List key="list" />, <Count key="count" />]));
  expect(container.textContent).toContain('none');
  await act(tick);
  expect(container.textContent).toBe('abc3');
  rendered.length = 0;
  await act(() => store.merge('b', { title: 'B' }));
  expect([container.textContent, rendered]).toEqual(['aBc3', ['b']]);
  await act(() => store.upsert('d', { title: 'd' }));
  expect(container.textContent).toBe('aBcd4');
  expect(rendered).toContain('list');
  await act(() => store.remove('a'));
  expect(container.textContent).toBe('Bcd3');
});

it('takes the collection of the provider', async () => {
  const [real, fake] = [setup(), setup()];
  function First() {
    useCollectionStore(real.store);
    return <i>{useEntity(real.store, 'a')?.title}</i>;
  }
  await act(async () => {
    root.render(
      <TopicProvider replace={real.store} by={fake.store}>
        <First />
      </TopicProvider>,
    );
  });
  await act(tick);
  expect(container.textContent).toBe('a');
  expect([real.store.status, fake.store.status]).toEqual(['idle', 'synchronized']);
});
