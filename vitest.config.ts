import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['guest-js/**/*.test.ts'],
    // Two workers at most: the machines that run this build Rust at the same time.
    maxWorkers: 2,
    restoreMocks: true,
  },
});
