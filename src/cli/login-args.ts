import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

/** What `vigilia login` is asked to do. */
export interface LoginArgs {
  readonly account: string;
  readonly qr: boolean;
  /** As it was typed. */
  readonly phone: string | undefined;
  readonly replace: boolean;
  /** Of a gateway; undefined: whatever holds the data directory. */
  readonly url: string | undefined;
}

const USAGE = 'login [--account ID] [--phone NUMBER | --qr] [--replace] [--url URL]';

/**
 * @param defaultAccount where none is named
 * @throws UsageError, which never quotes what it was given
 */
export function parseLoginArgs(args: readonly string[], defaultAccount: string): LoginArgs {
  const { account = defaultAccount, qr = false, phone, replace = false, url } = parse(args);
  if (qr && phone !== undefined) throw new UsageError('a login by QR code needs no phone number: give --qr or --phone');
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(account)) throw new UsageError('--account is 1 to 64 letters, digits, - and _');
  if (url !== undefined && !/^https?:\/\//.test(url)) throw new UsageError('--url begins with http:// or https://');
  return { account, qr, phone, replace, url: url?.replace(/\/+$/, '') };
}

function parse(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    const options = { account: text, phone: text, url: text, qr: flag, replace: flag };
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch {
    throw new UsageError(`the command is: vigilia ${USAGE}`);
  }
}
