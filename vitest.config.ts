import { defineConfig } from 'vitest/config';

// CI wants the figures in a file besides the readable report.
const report = process.env.VIGILIA_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Many tests wait for real time to pass (leases, pings, backoffs): more than two cores' worth of them run at once.
    maxWorkers: 3,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
  },
});
