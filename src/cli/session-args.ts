import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

/** What `vigilia session` is asked to do. */
export type SessionArgs =
  | { readonly verb: 'list' | 'rotate-key' }
  | { readonly verb: 'backup'; readonly file: string }
  | { readonly verb: 'restore'; readonly file: string; readonly account: string | undefined }
  | {
      readonly verb: 'import';
      readonly file: string | undefined;
      readonly account: string | undefined;
      readonly replace: boolean;
    };

/** A StringSession, wherever somebody may have put it. */
const SECRET = /1[A-Za-z0-9+/_-]{200,}/;

const USAGE = {
  list: 'session list',
  backup: 'session backup FILE',
  restore: 'session restore FILE [--account ID]',
  'rotate-key': 'session rotate-key',
  import: 'session import [FILE | -] [--account ID] [--replace]',
} as const;

/** @throws UsageError, which never quotes what it was given: it may be a session */
export function parseSessionArgs(args: readonly string[]): SessionArgs {
  if (args.some((arg) => SECRET.test(arg))) {
    throw new UsageError(
      'a session does not belong on the command line, where every user of the machine can read it: give it on standard input, or in a file. Log it out if others use this machine',
    );
  }
  const verb = (Object.keys(USAGE) as (keyof typeof USAGE)[]).find((known) => known === args[0]);
  if (verb === undefined) throw new UsageError(`session takes one of ${Object.keys(USAGE).join(', ')}`);
  const { files, account, replace } = parse(verb, args.slice(1));
  const [file, ...more] = files;
  const refuse = (wrong: boolean): void => {
    if (wrong) throw new UsageError(`the command is: vigilia ${USAGE[verb]}`);
  };
  refuse(more.length > 0 || file === '');
  switch (verb) {
    case 'list':
    case 'rotate-key':
      refuse(file !== undefined || account !== undefined || replace);
      return { verb };
    case 'backup':
    case 'restore':
      refuse(file === undefined || replace || (verb === 'backup' && account !== undefined));
      return verb === 'backup' ? { verb, file: file ?? '' } : { verb, file: file ?? '', account };
    case 'import':
      return { verb, file, account, replace };
  }
}

function parse(verb: keyof typeof USAGE, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { account: { type: 'string' }, replace: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    });
    if (values.account === '') throw new Error('an empty account');
    return { files: positionals, account: values.account, replace: values.replace === true };
  } catch {
    throw new UsageError(`the command is: vigilia ${USAGE[verb]}`);
  }
}
