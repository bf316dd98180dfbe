import { defineConfig } from 'vitest/config';

/** Real tabs in Chromium: `npm run test:chromium`. */
export default defineConfig({
  test: {
    include: ['guest-js/browser/e2e/*.e2e.mjs'],
    // Reached only by what hangs, also where other tests run at the same time.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
