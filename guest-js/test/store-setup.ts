import type { TopicStoreOptions } from '../core/topic-store.js';
import { createFakeBackend, type FakeBackendOptions } from '../testing/fake-backend.js';
import { settled } from '../testing/wait-for.js';

export interface Settings {
  theme: string;
  size: number;
  window: { width: number; title?: string };
}

export const FIRST: Settings = { theme: 'light', size: 1, window: { width: 800 } };

/** The fake backend, whole and in its parts, with the topics that most tests are about. */
export function setup(options: Partial<FakeBackendOptions> = {}) {
  const backend = createFakeBackend({ topics: { settings: FIRST, counter: 0 }, ...options });
  return {
    ...backend,
    backend,
    /** What a window wrote, as it was sent. */
    sent: (window = 'main') =>
      backend.calls.of({ command: 'write', window }).map(({ args }) => args),
    async settings(label = 'main', storeOptions: TopicStoreOptions = {}) {
      const made = backend.window(label).store<Settings>('settings', storeOptions);
      await settled(made);
      return made;
    },
  };
}
