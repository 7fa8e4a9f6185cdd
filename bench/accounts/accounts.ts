import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { kill } from '../harness/child.ts';
import { describeMachine } from '../harness/machine.ts';
import { temporaryFolder } from '../harness/paths.ts';
import { usageOf } from '../harness/process-usage.ts';
import { type Home, RunningProgram } from '../harness/program.ts';
import { type AccountsSample, accountsReport } from './accounts-report.ts';

/** What is measured. */
export interface AccountsOptions {
  /** How many accounts in one worker, one program after the other. */
  readonly counts: readonly number[];
  /** How long they rest before memory is read, and over how long CPU time is taken. */
  readonly restSeconds: number;
}

/** How long all accounts may take to be authenticated before the run fails, in ms. */
const PATIENCE_MS = 600_000;

/** Measures and @returns the section's text */
export async function runAccounts({ counts, restSeconds }: AccountsOptions, say: (line: string) => void): Promise<string> {
  const machine = describeMachine();
  const samples: AccountsSample[] = [];
  for (const accounts of counts) {
    const sample = await measure(accounts, restSeconds);
    const { rssBytes, cpuShare, againMs } = sample;
    say(
      `${accounts} accounts: ${(rssBytes / 1e6).toFixed(0)} MB, ${(cpuShare * 100).toFixed(1)} % of a core, ` +
        `all back after ${againMs.toFixed(0)} ms`,
    );
    samples.push(sample);
  }
  return accountsReport({ machine, restSeconds, samples });
}

/** A program with its own simulator, in whose world all accounts log themselves in. */
function makeWorld(accounts: number): Home {
  const { path: folder, remove } = temporaryFolder();
  const world = join(folder, 'world.json');
  const channels = Array.from({ length: 5 }, (_, index) => ({
    username: `idle_${index}`,
    title: `Idle ${index}`,
    kind: 'channel',
    messages: 20,
    seed: index + 1,
  }));
  writeFileSync(world, JSON.stringify({ accounts: [{ phone: '99966200000', code: '22222', count: accounts }], channels }));
  return { folder, env: { VIGILIA_DATA_DIR: join(folder, 'data'), SIMULATOR_WORLD: world, SIMULATOR_RATE: '0' }, remove };
}

async function measure(accounts: number, restSeconds: number): Promise<AccountsSample> {
  const home = makeWorld(accounts);
  const first = await RunningProgram.start(home);
  let last = first;
  try {
    await allAuthenticated(first, accounts);
    await kill(first.child);
    const killedAt = performance.now();
    // A process that has only opened sessions, not made them: as it is after every start but the first.
    last = await RunningProgram.start(home);
    await allAuthenticated(last, accounts);
    const againMs = performance.now() - killedAt;
    await pause(restSeconds * 1000);
    const before = await usageOf(last.pid);
    await pause(restSeconds * 1000);
    const after = await usageOf(last.pid);
    const cpuShare = (after.cpuSeconds - before.cpuSeconds) / restSeconds;
    return { accounts, rssBytes: after.rssBytes, cpuShare, againMs };
  } finally {
    await last.stop();
    await home.remove();
  }
}

/** Asks until so many are authenticated. */
async function allAuthenticated(program: RunningProgram, accounts: number): Promise<void> {
  let seen = 0;
  for (const giveUpAt = performance.now() + PATIENCE_MS; performance.now() < giveUpAt; ) {
    const answer = await fetch(`${program.url}/health`).catch(() => undefined);
    const report = (await answer?.json()) as { readonly accounts?: readonly { readonly state: string }[] } | undefined;
    seen = report?.accounts?.filter(({ state }) => state === 'authenticated').length ?? 0;
    if (seen === accounts) return;
    if (program.child.exitCode !== null) throw new Error(`the program ended with ${program.child.exitCode}`);
    await pause(50);
  }
  throw new Error(`${seen} of ${accounts} accounts were authenticated in time`);
}
