import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { SHORT_LIVED } from './test/support/short-lived.ts';

// CI wants the figures in a file besides the readable report.
const report = process.env.VIGILIA_TEST_REPORT;

/** A run of several minutes that wants the machine for itself: `npm run chaos`, which CI runs after the others. */
const CHAOS = process.env.VIGILIA_CHAOS ? [] : ['test/chaos/chaos.test.ts'];

/**
 * What needs no process of its own: it computes, or opens and closes what it uses. Starting a process and loading everything anew is most of what such
 * a file costs.
 */
const TOGETHER = ['actors', 'bench', 'charts', 'cli', 'config', 'http', 'jobs', 'machines'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    execArgv: [...SHORT_LIVED],
    // Many tests wait for real time to pass (leases, pings, backoffs): more than two cores' worth of them run at once.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
    projects: [
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [...TOGETHER, ...CHAOS] } },
      { extends: true, test: { name: 'together', include: TOGETHER, isolate: false } },
    ],
  },
});
