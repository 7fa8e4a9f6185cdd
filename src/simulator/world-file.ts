import { generatedChannel } from './generated-channel.ts';
import { seedOf } from './seeded.ts';
import type { WorldAccount, WorldChannel } from './world.ts';

/** Who can log in where nothing else is said. */
export const DEFAULT_ACCOUNT: WorldAccount = { phone: '15550000001', code: '12345', userId: 700_000_001, firstName: 'Vigilia' };

/** The largest channel that can be generated: ids are 31-bit. */
const MAX_MESSAGES = 1_000_000_000;

type Fields = Readonly<Record<string, unknown>>;

function userIdOf(phone: string): number {
  return phone === DEFAULT_ACCOUNT.phone ? DEFAULT_ACCOUNT.userId : 710_000_000 + (seedOf('account', phone) % 80_000_000);
}

function account(value: Fields, at: string, faults: string[]): WorldAccount | undefined {
  const phone = String(value.phone ?? '').replace(/\D/g, '');
  const code = String(value.code ?? '');
  if (!/^\d{5,15}$/.test(phone)) faults.push(`${at}.phone is not a phone number`);
  if (!/^\d{3,8}$/.test(code)) faults.push(`${at}.code is not a code of 3 to 8 digits`);
  const firstName = typeof value.firstName === 'string' ? value.firstName : 'Account';
  return { phone, code, userId: userIdOf(phone), firstName };
}

function channel(value: Fields, at: string, faults: string[]): WorldChannel | undefined {
  const before = faults.length;
  const { username, title, messages, seed, kind } = value;
  if (typeof username !== 'string' || !/^[A-Za-z]\w{3,31}$/.test(username)) faults.push(`${at}.username is not a username`);
  if (typeof messages !== 'number' || !Number.isInteger(messages) || messages < 0 || messages > MAX_MESSAGES) {
    faults.push(`${at}.messages is not a whole number from 0 to ${MAX_MESSAGES}`);
  }
  if (seed !== undefined && (typeof seed !== 'number' || !Number.isSafeInteger(seed)))
    faults.push(`${at}.seed is not a whole number`);
  if (kind !== undefined && kind !== 'channel' && kind !== 'supergroup')
    faults.push(`${at}.kind is neither channel nor supergroup`);
  if (title !== undefined && typeof title !== 'string') faults.push(`${at}.title is not a text`);
  if (faults.length > before) return undefined;
  return generatedChannel({
    username: username as string,
    title: (title as string | undefined) ?? (username as string),
    kind: (kind as 'channel' | 'supergroup' | undefined) ?? 'channel',
    messages: messages as number,
    seed: (seed as number | undefined) ?? 1,
  });
}

function list<T>(
  value: unknown,
  at: string,
  faults: string[],
  read: (one: Fields, at: string, faults: string[]) => T | undefined,
): T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    faults.push(`${at} is not a list`);
    return [];
  }
  const found: T[] = [];
  for (const [index, one] of value.entries()) {
    const place = `${at}[${index}]`;
    if (typeof one !== 'object' || one === null) faults.push(`${place} is not an object`);
    else {
      const made = read(one as Fields, place, faults);
      if (made !== undefined) found.push(made);
    }
  }
  return found;
}

/**
 * A folder's `world.json`: `{accounts: [{phone, code, firstName}], channels: [{username, title, messages, seed, kind}]}`.
 * Its accounts come in place of the default one.
 */
export function readWorldFile(value: unknown): {
  readonly accounts: readonly WorldAccount[];
  readonly channels: readonly WorldChannel[];
  readonly faults: readonly string[];
} {
  const faults: string[] = [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { accounts: [], channels: [], faults: ['is not a JSON object'] };
  }
  const file = value as Fields;
  for (const name of Object.keys(file)) if (name !== 'accounts' && name !== 'channels') faults.push(`${name} is unknown`);
  return {
    accounts: list(file.accounts, 'accounts', faults, account),
    channels: list(file.channels, 'channels', faults, channel),
    faults,
  };
}
