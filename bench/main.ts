import { join } from 'node:path';
import { runAccounts } from './accounts/accounts.ts';
import { withCleanUp } from './harness/cleanup.ts';
import { ROOT } from './harness/paths.ts';
import { writeSection } from './harness/results-file.ts';
import { runHistory } from './history/history.ts';
import { runJobs } from './jobs/jobs.ts';
import { runLive } from './live/live.ts';
import { type Command, HELP, readCommand, UsageError } from './options.ts';
import { runReads } from './reads/reads.ts';
import { runRuntime } from './runtime/runtime.ts';
import { runSoak } from './soak/soak.ts';
import { runStart } from './start/start.ts';
import { runStore } from './store/store.ts';

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

async function measure(command: Command): Promise<string> {
  switch (command.name) {
    case 'accounts':
      return runAccounts(command.options, say);
    case 'history':
      return runHistory(command.options, say);
    case 'jobs':
      return runJobs(command.options, say);
    case 'live':
      return runLive(command.options, say);
    case 'reads':
      return runReads(command.options, say);
    case 'runtime':
      return runRuntime(command.options, say);
    case 'soak':
      return runSoak(command.options, say);
    case 'start':
      return runStart(command.options, say);
    case 'store':
      return runStore(command.options, say);
  }
}

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  return withCleanUp(async () => {
    const text = await measure(command);
    process.stdout.write(`${text}\n`);
    if (command.output !== '-') writeSection(command.output ?? join(ROOT, 'bench', 'RESULTS.md'), command.name, text);
    return 0;
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isUsage = error instanceof UsageError;
    process.stderr.write(
      isUsage ? `bench: ${error.message}\n\n${HELP}` : `bench: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exit(isUsage ? 64 : 1);
  },
);
