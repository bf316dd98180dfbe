import { expect, expectTypeOf, it } from 'vitest';
import { defineTopic } from '../tauri.js';
import type { Settings, SettingsAction } from '../test/must-not-compile.js';
import { createFakeBackend } from '../testing/fake-backend.js';
import { noopLogger } from './logger.js';
import type { PathOf } from './path.js';
import type { Revision } from './revision.js';
import { createTopicStore } from './store.js';
import type { MergePatch, TopicStatus, TopicStore } from './topic-store.js';

it('merge takes any part, and null for what may be missing', () => {
  const patches: MergePatch<Settings>[] = [
    {},
    { theme: 'dark' },
    { note: null, owner: null, window: { title: null } },
    { shortcuts: { copy: 'C', paste: null } },
    { tags: ['a'] },
  ];
  expectTypeOf(patches).not.toBeAny();
  expectTypeOf<MergePatch<number>>().toEqualTypeOf<number>();
  expectTypeOf<MergePatch<string[]>>().toEqualTypeOf<string[]>();
});

it('what a store gives is typed', () => {
  const { transport } = createFakeBackend({ topics: { a: 1 } }).window('main');
  const store = createTopicStore<Settings>('a', transport, { logger: noopLogger });
  expectTypeOf(store.get).returns.toEqualTypeOf<Settings | undefined>();
  expectTypeOf(store.set).returns.resolves.toEqualTypeOf<Revision>();
  expectTypeOf(store.status).toEqualTypeOf<TopicStatus>();
  const part = store.select((settings) => settings.window.width);
  expectTypeOf(part.get).returns.toEqualTypeOf<number | undefined>();
  store.close();
});

it('dispatch takes the actions of the topic, and of the topic only', () => {
  const { transport } = createFakeBackend({ topics: { a: 1 } }).window('main');
  const store = createTopicStore<Settings, SettingsAction>('a', transport, { logger: noopLogger });
  expectTypeOf(store.dispatch).parameter(0).toEqualTypeOf<SettingsAction>();
  expectTypeOf(defineTopic<Settings, SettingsAction>).returns.toEqualTypeOf<
    TopicStore<Settings, SettingsAction>
  >();
  // Whoever only reads, or sets, need not know the actions.
  expectTypeOf(store).toExtend<TopicStore<Settings>>();
  expectTypeOf(defineTopic<Settings>('b').dispatch).parameter(0).toBeNever();
});

it('a path leads to what is there, also in a type that holds itself', () => {
  interface Tree {
    name: string;
    children: Tree[];
    parent?: Tree;
  }
  const paths: PathOf<Tree>[] = [
    [],
    ['name'],
    ['children', 0, 'name'],
    ['parent', 'parent', 'parent', 'parent', 'parent', 'name'],
  ];
  expect(paths).toHaveLength(4);
  expectTypeOf<PathOf<number>>().toEqualTypeOf<readonly []>();
  // @ts-expect-error -- no such member
  const wrong: PathOf<Tree> = ['children', 0, 'nam'];
  expect(wrong).toBeDefined();
});
