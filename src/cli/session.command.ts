import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { VigiliaError } from '../errors.ts';
import { createLog } from '../log.ts';
import { DEFAULT_ACCOUNT, openSessionTools, type SessionTools } from '../session-program.ts';
import { configuration } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { parseSessionArgs, type SessionArgs } from './session-args.ts';
import { generationLines, plural } from './session-words.ts';
import { complain, say } from './terminal.ts';

/** Commands that change nothing, and so may run beside the program. */
const READING: ReadonlySet<SessionArgs['verb']> = new Set(['list', 'backup']);

/** `vigilia session`. @returns the exit code */
export async function runSession(args: readonly string[], pid: number): Promise<number> {
  const parsed = parseSessionArgs(args);
  const config = configuration();
  // Before anything is held: whoever types it in takes his time.
  const imported = parsed.verb === 'import' ? await readImport(parsed.file ?? config.sessionImportFile ?? '-') : '';
  const access = READING.has(parsed.verb) ? 'read' : 'write';
  // What people have to know, the commands say themselves.
  const tools = await openSessionTools(config, access, { pid, clock: systemClock, log: createLog('silent') });
  try {
    return await run(parsed, tools, config, imported);
  } finally {
    await tools.close();
  }
}

function run(args: SessionArgs, tools: SessionTools, config: Config, imported: string): Promise<number> {
  switch (args.verb) {
    case 'list':
      return list(tools);
    case 'backup':
      return backup(tools, args.file, config);
    case 'restore':
      return restore(tools, args.file, args.account);
    case 'rotate-key':
      return rotate(tools, config);
    case 'import':
      return importSession(tools, imported, args.account ?? DEFAULT_ACCOUNT, args.replace);
  }
}

async function list(tools: SessionTools): Promise<number> {
  const accounts = await tools.list();
  if (accounts.length === 0) say(`no sessions in ${tools.where}`);
  for (const { account, generations } of accounts) {
    say(account);
    for (const line of generationLines(generations)) say(`  ${line}`);
  }
  const unserved = accounts.filter(({ generations }) => !generations.some(({ state }) => state === 'sound'));
  return unserved.length > 0 ? EXIT.failed : EXIT.ok;
}

async function backup(tools: SessionTools, file: string, config: Config): Promise<number> {
  const { accounts, left } = await tools.backup(file);
  say(`${file}: ${plural(accounts.length, 'session')} (${accounts.join(', ')}), written and read back`);
  if (config.sessionBackupKey === null && config.sessionKey === null) {
    complain(
      `vigilia: the backup opens with the key file in ${tools.where} and with nothing else: keep a copy of it elsewhere, or set SESSION_BACKUP_KEY`,
    );
  }
  for (const reason of left) complain(`vigilia: not in the backup: ${reason}`);
  return left.length > 0 ? EXIT.failed : EXIT.ok;
}

async function restore(tools: SessionTools, file: string, account: string | undefined): Promise<number> {
  for (const restored of await tools.restore(file, account)) {
    const kept = restored.keepsFormer ? '; what was there is kept as the generation before' : '';
    say(`${restored.account}: ${restored.outcome}${kept}`);
  }
  return EXIT.ok;
}

async function rotate(tools: SessionTools, config: Config): Promise<number> {
  const { sealed, damaged, unopened, files } = await tools.rotate();
  const key = config.sessionKey === null ? 'a new key file' : 'SESSION_KEY';
  say(`${plural(sealed, 'generation')} sealed anew with ${key}`);
  if (damaged > 0) say(`${plural(damaged, 'generation')} damaged before, and left as they are`);
  for (const file of files) say(`${file}: the former key is gone; backups that it sealed open no more`);
  for (const reason of unopened) complain(`vigilia: not sealed anew, no known key opens it: ${reason}`);
  if (unopened.length > 0) {
    complain('vigilia: set SESSION_KEY_PREVIOUS to the key that sealed it, and run this again; no key was given up');
    return EXIT.failed;
  }
  if (config.sessionKeyPrevious !== null) say('SESSION_KEY_PREVIOUS is not needed any more');
  return EXIT.ok;
}

async function importSession(tools: SessionTools, text: string, account: string, replace: boolean): Promise<number> {
  const { dcId, isNew } = await tools.import(text, account, replace);
  say(isNew ? `${account}: imported, of data centre ${dcId}` : `${account}: it has this session already`);
  if (isNew) say('use it in one place only: Telegram burns the key of a session that two programs use at once');
  return EXIT.ok;
}

/** @param file `-`: standard input. The text is read as it is and shown nowhere */
async function readImport(file: string): Promise<string> {
  if (file === '-') {
    if (process.stdin.isTTY) complain('paste the session, then press Enter and Ctrl-D:');
    return readAll(process.stdin);
  }
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new VigiliaError('SESSION_INVALID', `the file with the session cannot be read (${code})`, { cause });
  }
}
