#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { EXIT } from './cli/exit-codes.ts';
import { KEPT } from './cli/kept.ts';
import { complain, say } from './cli/terminal.ts';
import { takesNothing } from './cli/usage-error.ts';

const entry = fileURLToPath(import.meta.url);

// Compiled code is kept for the next start, where Node can (22.8 and later).
(module as { enableCompileCache?: () => void }).enableCompileCache?.();

/**
 * Runs one command. Each loads what it needs and no more: the simulator is up sooner without the program, the keeper stays small for the
 * months that it waits, help needs neither.
 * @returns the exit code
 */
async function main([command = 'help', ...rest]: readonly string[]): Promise<number> {
  switch (rest.some((word) => word === '--help' || word === '-h') ? 'help' : command) {
    case 'start': {
      const kept = rest.length === 1 && rest[0] === KEPT && process.send !== undefined;
      if (!kept) takesNothing(command, rest);
      const { runProgram } = await import('./cli/start.command.ts');
      return runProgram({ version: version(), pid: process.pid, entry }, kept);
    }
    case 'keep': {
      takesNothing(command, rest);
      const { keepProgram } = await import('./cli/keep.command.ts');
      return keepProgram(entry);
    }
    case 'config': {
      takesNothing(command, rest);
      const { showConfig } = await import('./cli/config.command.ts');
      return showConfig();
    }
    case 'session': {
      const { runSession } = await import('./cli/session.command.ts');
      return runSession(rest, process.pid);
    }
    case 'login': {
      const { runLogin } = await import('./cli/login.command.ts');
      return runLogin(rest, { version: version(), pid: process.pid, entry });
    }
    case 'machines': {
      const { showMachines } = await import('./cli/machines.command.ts');
      return showMachines(rest);
    }
    case 'simulator': {
      const { runSimulator } = await import('./cli/simulator.command.ts');
      return runSimulator(rest);
    }
    case 'version':
    case '--version':
      say(version());
      return EXIT.ok;
    case 'help':
    case '--help':
    case '-h': {
      const { HELP } = await import('./cli/help.ts');
      say(HELP);
      return EXIT.ok;
    }
    default: {
      const { HELP } = await import('./cli/help.ts');
      complain(`vigilia: there is no command ${command}\n\n${HELP}`);
      return EXIT.usage;
    }
  }
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

process.exit(
  await main(process.argv.slice(2)).catch(async (error: unknown) => {
    const { tellFailure } = await import('./cli/tell-failure.ts');
    return tellFailure(error);
  }),
);
