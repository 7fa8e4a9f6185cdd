// `npm run chaos -- [--minutes N] [--seed S] [--calm] [--keep]`: the chaos run of the tests, as long as one likes.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run chaos -- [--minutes N] [--seed S] [--calm] [--keep]
  --minutes N   for how long faults happen; by default as in CI, some two
  --seed S      a whole number: the same one gives the same plan of faults; by default the one of CI
  --calm        load without faults: what the processes hold in memory over time
  --keep        keeps the logs, the plan and the rows also where nothing is wrong`;

/** Reads the arguments. Throws an Error in words for people. */
function read(args) {
  const { values } = parseArgs({
    args,
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, calm: { type: 'boolean' }, keep: { type: 'boolean' } },
  });
  const { minutes, seed, calm, keep } = values;
  if (minutes !== undefined && !(Number(minutes) > 0 && Number(minutes) <= 1_440))
    throw new Error(`--minutes ${minutes}: a number above 0, and 1440 at most`);
  if (seed !== undefined && !(/^\d+$/.test(seed) && Number(seed) < 2 ** 32))
    throw new Error(`--seed ${seed}: a whole number below 2^32`);
  return {
    ...(minutes !== undefined && { CHAOS_MINUTES: minutes }),
    ...(seed !== undefined && { CHAOS_SEED: seed }),
    ...(calm === true && { CHAOS_CALM: '1' }),
    ...(keep === true && { CHAOS_KEEP: '1' }),
  };
}

let env;
try {
  env = read(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exit(64);
}
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const run = spawn(process.execPath, [vitest, 'run', 'test/chaos/chaos.test.ts', '--disable-console-intercept'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  // A run that was asked for says what it lacks, in place of being skipped.
  env: { ...process.env, VIGILIA_TEST_REQUIRE: 'all', VIGILIA_CHAOS: '1', ...env },
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal));
run.on('exit', (code) => process.exit(code ?? 1));
