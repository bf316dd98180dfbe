/** The components of tests, which are not type-checked themselves. */
declare module '*.svelte' {
  import type { Component } from 'svelte';
  import type { TopicStore } from '../core/topic-store.js';
  import type { Settings } from './store-setup.js';

  const component: Component<{
    given: TopicStore<Settings>;
    onwidth?: (width: number | undefined) => void;
  }>;
  export default component;
}

declare module '*.md?raw' {
  const text: string;
  export default text;
}

declare module '*.ts?raw' {
  const text: string;
  export default text;
}
