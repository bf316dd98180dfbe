import { noopLogger } from '../core/logger.js';
import { createTopicStore } from '../core/store.js';
import type { TopicStore, TopicStoreOptions } from '../core/topic-store.js';
import type { WriteRequest } from '../core/transport.js';
import type { SyncErrorContext } from '../core/types.js';
import {
  createFakeBackend,
  type FakeBackendOptions,
  type FakeWindow,
  type Hop,
} from '../testing/fake-backend.js';
import { tick } from './helpers.js';

export interface Settings {
  theme: string;
  size: number;
  window: { width: number; title?: string };
}

export const FIRST: Settings = { theme: 'light', size: 1, window: { width: 800 } };

/** A backend of which every crossing of a kind can be held, failed, or counted. */
export function setup(options: Partial<FakeBackendOptions> = {}) {
  const hops: Hop[] = [];
  const rules: ((hop: Hop) => Promise<void> | undefined)[] = [];
  const backend = createFakeBackend({
    topics: { settings: FIRST, counter: 0 },
    network(hop) {
      hops.push(hop);
      for (const rule of rules) {
        const result = rule(hop);
        if (result) return result;
      }
      return undefined;
    },
    ...options,
  });
  const errors: SyncErrorContext[] = [];
  const store = <T, A = never>(
    window: FakeWindow,
    topic: string,
    storeOptions: TopicStoreOptions = {},
  ): TopicStore<T, A> =>
    createTopicStore<T, A>(topic, window.transport, {
      logger: noopLogger,
      onError: (context) => errors.push(context),
      ...storeOptions,
    });
  return {
    backend,
    errors,
    hops,
    rules,
    store,
    count: (kind: Hop['kind'], command?: Hop['command']) =>
      hops.filter((hop) => hop.kind === kind && hop.command === command).length,
    /** Fails, or holds, every crossing that matches. */
    rule(match: Partial<Hop>, act: () => Promise<void>): () => void {
      const rule = (hop: Hop) =>
        Object.entries(match).every(([key, value]) => hop[key as keyof Hop] === value)
          ? act()
          : undefined;
      rules.push(rule);
      return () => void rules.splice(rules.indexOf(rule), 1);
    },
    async settings(label = 'main', storeOptions: TopicStoreOptions = {}) {
      const made = store<Settings>(backend.window(label), 'settings', storeOptions);
      await Promise.all([made.ready, tick()]);
      return made;
    },
  };
}

/** The same window, of which every write that it sends is seen. */
export function tapped({ transport, ...window }: FakeWindow) {
  const sent: WriteRequest[] = [];
  const tap: FakeWindow = {
    ...window,
    transport: {
      ...transport,
      write(request) {
        sent.push(request);
        return transport.write(request);
      },
    },
  };
  return { window: tap, sent };
}

export const down = (): Promise<void> => Promise.reject(new Error('down'));
