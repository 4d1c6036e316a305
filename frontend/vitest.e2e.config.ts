// Browser tests: the real server binary and a real Chromium, one after the other.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['e2e/**/*.e2e.ts'],
    fileParallelism: false,
    // Later steps of a journey mean nothing once one has failed.
    bail: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A busy machine shows what is asked for late.
    expect: { poll: { timeout: 15_000 } },
  },
})
