import { defineConfig } from 'vitest/config';

/** Real tabs in Chromium: `npm run test:chromium`. */
export default defineConfig({
  test: {
    include: ['guest-js/browser/e2e/*.e2e.mjs'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Other tests may run at the same time.
    expect: { poll: { timeout: 10_000 } },
  },
});
