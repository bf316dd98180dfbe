import { compile } from 'svelte/compiler';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    {
      name: 'svelte-components-of-tests',
      transform(code, id) {
        if (!id.endsWith('.svelte')) return null;
        return compile(code, { filename: id, generate: 'client', dev: true }).js;
      },
    },
  ],
  // Svelte's and Vue's entries for Node are for servers.
  resolve: { conditions: ['browser'] },
  test: {
    include: ['guest-js/**/*.test.{ts,tsx}'],
    server: { deps: { inline: ['svelte'] } },
    // Two workers at most: the machines that run this build Rust at the same time.
    maxWorkers: 2,
    // Reached only by what hangs, also there.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
  },
});
