import type { TopicFamily } from '../core/family.js';
import { compareRevisions, ZERO_REVISION } from '../core/revision.js';
import type { Role } from '../core/role.js';
import { createRevisionSync } from '../core/sync.js';
import type { TopicStore } from '../core/topic-store.js';

export interface Settings {
  theme: 'light' | 'dark';
  size: number;
  note?: string;
  owner: string | null;
  tags: string[];
  window: { width: number; title?: string };
  shortcuts: Record<string, string>;
}

export type SettingsAction = { type: 'paint'; theme: 'light' | 'dark' } | { type: 'grow' };

/** Compiled, never run: each expected error is one that `tsc` must find. */
export function mustNotCompile(
  store: TopicStore<Settings>,
  acting: TopicStore<Settings, SettingsAction>,
  family: TopicFamily<Settings, SettingsAction>,
  role: Role,
): void {
  // @ts-expect-error -- members are missing
  family.create({ initial: { theme: 'dark' } });
  // @ts-expect-error -- an id is a text
  family.topic(42);
  // @ts-expect-error -- which one is to be had or created must be said
  family.getOrCreate();
  // @ts-expect-error -- a topic of this family has no such action
  family.topic('1').dispatch({ type: 'shrink' });
  // @ts-expect-error -- the store comes when the topic is there
  family.create({ id: '1' }).get();
  // @ts-expect-error -- a family has no state of its own
  family.get();
  // @ts-expect-error -- no such role
  if (role.role() === 'leader') role.join();
  // @ts-expect-error -- a page that is not primary has no term
  compareRevisions(role.term, ZERO_REVISION);
  // @ts-expect-error -- no such action
  acting.dispatch({ type: 'shrink' });
  // @ts-expect-error -- not what the action carries
  acting.dispatch({ type: 'paint', theme: 'blue' });
  // @ts-expect-error -- a member is missing
  acting.dispatch({ type: 'paint' });
  // @ts-expect-error -- what is foreseen must be a whole state
  acting.dispatch({ type: 'grow' }, { optimistic: (settings) => settings.size });
  // @ts-expect-error -- only an action needs to be told what it does
  store.merge({ size: 2 }, { optimistic: (settings: Settings) => settings });
  // @ts-expect-error -- an update is made of the confirmed state
  store.update((settings) => settings, { optimistic: true });
  // @ts-expect-error -- this topic has no actions
  store.dispatch({ type: 'grow' });
  // @ts-expect-error -- no such member to listen to
  store.subscribe(() => {}, { path: ['windows'] });
  // @ts-expect-error -- nor one further down
  store.subscribe(() => {}, { path: ['window', 'height'] });
  // @ts-expect-error -- no such operation
  store.patch([{ op: 'swap', path: '/a' }]);
  // @ts-expect-error -- what is to be added is missing
  store.patch([{ op: 'add', path: '/a' }]);
  // @ts-expect-error -- not a theme
  store.merge({ theme: 'blue' });
  // @ts-expect-error -- no such member
  store.merge({ themes: 'dark' });
  // @ts-expect-error -- a member that must be there cannot be removed
  store.merge({ size: null });
  // @ts-expect-error -- nor one further down
  store.merge({ window: { width: null } });
  // @ts-expect-error -- an array is replaced as a whole
  store.merge({ tags: [1] });
  // @ts-expect-error -- members are missing
  store.set({ theme: 'dark' });
  // @ts-expect-error -- a revision is not just any string
  store.set({} as Settings, { expectedRevision: '3' });
  // @ts-expect-error -- the next state must be whole
  store.update((settings) => settings.theme);
  // @ts-expect-error -- before the first snapshot there is none
  store.get().theme;
  // @ts-expect-error -- no such member to select
  store.select((settings) => settings.themes);
  // @ts-expect-error -- the status is the store's
  store.status = 'closed';
  // @ts-expect-error -- a sync needs an applier
  createRevisionSync({ topic: 'a', subscriber: {} as never, provider: {} as never });
}
