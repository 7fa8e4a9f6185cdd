import { DATA_CENTRES, HOME_DC } from './data-centres.ts';
import { generatedChannel } from './generated-channel.ts';
import { seedOf } from './seeded.ts';
import type { NumberState, WorldAccount, WorldChannel, WorldChat } from './world.ts';

/** Who can log in where nothing else is said. */
export const DEFAULT_ACCOUNT: WorldAccount = {
  phone: '15550000001',
  code: '12345',
  userId: 700_000_001,
  firstName: 'Vigilia',
  password: null,
  hint: null,
  dcId: HOME_DC,
  channels: null,
  number: 'good',
};

/** Who there is in the demo world. The second one has two-step verification: only a person logs him in. */
export const DEMO_ACCOUNTS: readonly WorldAccount[] = [
  DEFAULT_ACCOUNT,
  {
    ...DEFAULT_ACCOUNT,
    phone: '15550000002',
    code: '24680',
    userId: 700_000_002,
    firstName: 'Cautela',
    password: 'correct horse',
    hint: 'an animal',
  },
];

/** The largest channel that can be generated: ids are 31-bit. */
const MAX_MESSAGES = 1_000_000_000;
/** Of chats, whose messages are held. */
const MAX_CHAT_MESSAGES = 10_000;
const MAX_ACCOUNTS = 10_000;
const MAX_GROUP_MEMBERS = 200;
/** 2024-01-01T00:00:00Z, when all chats begin. */
const FIRST_DATE = 1_704_067_200;
const NUMBER_STATES: readonly unknown[] = ['good', 'banned', 'flooded'] satisfies NumberState[];

type Fields = Readonly<Record<string, unknown>>;

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

function isTextOrNothing(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === 'string';
}

function userIdOf(phone: string): number {
  return phone === DEFAULT_ACCOUNT.phone ? DEFAULT_ACCOUNT.userId : 710_000_000 + (seedOf('account', phone) % 80_000_000);
}

function channelNames(value: unknown, at: string, faults: string[]): ReadonlySet<string> | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
    faults.push(`${at}.channels is not a list of usernames`);
    return null;
  }
  return new Set(value.map((name: string) => name.replace(/^@/, '').toLowerCase()));
}

/** One account, or with `count` so many whose numbers follow each other. */
function accounts(value: Fields, at: string, faults: string[]): WorldAccount[] {
  const { password, hint, dc = HOME_DC, number = 'good', count = 1 } = value;
  const phone = String(value.phone ?? '').replace(/\D/g, '');
  const code = String(value.code ?? '');
  if (!/^\d{5,15}$/.test(phone)) faults.push(`${at}.phone is not a phone number`);
  if (!/^\d{3,8}$/.test(code)) faults.push(`${at}.code is not a code of 3 to 8 digits`);
  if (!isTextOrNothing(password) || password === '') faults.push(`${at}.password is not a text`);
  if (!isTextOrNothing(hint)) faults.push(`${at}.hint is not a text`);
  if (!DATA_CENTRES.includes(dc as number)) faults.push(`${at}.dc is none of ${DATA_CENTRES.join(', ')}`);
  if (!NUMBER_STATES.includes(number)) faults.push(`${at}.number is none of ${NUMBER_STATES.join(', ')}`);
  if (!isWhole(count, 1, MAX_ACCOUNTS)) faults.push(`${at}.count is not a whole number from 1 to ${MAX_ACCOUNTS}`);
  const firstName = typeof value.firstName === 'string' ? value.firstName : 'Account';
  const shared = {
    code,
    password: (password as string | undefined) ?? null,
    hint: (hint as string | undefined) ?? null,
    dcId: dc as number,
    channels: channelNames(value.channels, at, faults),
    number: number as NumberState,
  };
  if (count === 1) return [{ ...shared, phone, userId: userIdOf(phone), firstName }];
  return Array.from({ length: isWhole(count, 1, MAX_ACCOUNTS) ? count : 0 }, (_, index) => {
    const own = String(BigInt(phone === '' ? 0 : phone) + BigInt(index)).padStart(phone.length, '0');
    return { ...shared, phone: own, userId: userIdOf(own), firstName: `${firstName} ${index + 1}` };
  });
}

/** Ids are made of numbers; where two come out the same, the later one moves on. */
function withOwnIds(all: readonly WorldAccount[]): WorldAccount[] {
  const taken = new Map<number, string>();
  return all.map((account) => {
    let { userId } = account;
    while ((taken.get(userId) ?? account.phone) !== account.phone) userId++;
    taken.set(userId, account.phone);
    return { ...account, userId };
  });
}

/** A private chat, or with a title a basic group, of accounts that are named by their numbers. */
function chat(
  value: Fields,
  at: string,
  faults: string[],
  known: readonly WorldAccount[],
  isGroup: boolean,
): WorldChat | undefined {
  const before = faults.length;
  const { title, members, messages = 0, seed = 1 } = value;
  if (isGroup && (typeof title !== 'string' || title === '')) faults.push(`${at}.title is not a text`);
  const phones = Array.isArray(members) ? [...new Set(members.map((phone) => String(phone).replace(/\D/g, '')))] : [];
  const most = isGroup ? MAX_GROUP_MEMBERS : 2;
  if (phones.length < 2 || phones.length > most)
    faults.push(`${at}.members is not a list of ${isGroup ? `2 to ${most}` : 'two'} phone numbers`);
  const userIds = phones.map((phone) => known.find((account) => account.phone === phone)?.userId);
  for (const [index, id] of userIds.entries()) if (id === undefined) faults.push(`${at}.members: nobody has ${phones[index]}`);
  if (!isWhole(messages, 0, MAX_CHAT_MESSAGES))
    faults.push(`${at}.messages is not a whole number from 0 to ${MAX_CHAT_MESSAGES}`);
  if (!Number.isSafeInteger(seed)) faults.push(`${at}.seed is not a whole number`);
  if (faults.length > before) return undefined;
  return {
    groupId: isGroup ? 400_000_000 + (seedOf('group', title as string, seed as number, ...phones) % 90_000_000) : null,
    title: isGroup ? (title as string) : '',
    members: userIds as number[],
    createdAt: FIRST_DATE,
    messages: messages as number,
    seed: seed as number,
  };
}

function channel(value: Fields, at: string, faults: string[]): WorldChannel | undefined {
  const before = faults.length;
  const { username, title, messages, seed, kind, pushed = true } = value;
  if (typeof username !== 'string' || !/^[A-Za-z]\w{3,31}$/.test(username)) faults.push(`${at}.username is not a username`);
  if (!isWhole(messages, 0, MAX_MESSAGES)) faults.push(`${at}.messages is not a whole number from 0 to ${MAX_MESSAGES}`);
  if (seed !== undefined && (typeof seed !== 'number' || !Number.isSafeInteger(seed)))
    faults.push(`${at}.seed is not a whole number`);
  if (kind !== undefined && kind !== 'channel' && kind !== 'supergroup')
    faults.push(`${at}.kind is neither channel nor supergroup`);
  if (title !== undefined && typeof title !== 'string') faults.push(`${at}.title is not a text`);
  if (typeof pushed !== 'boolean') faults.push(`${at}.pushed is neither true nor false`);
  if (faults.length > before) return undefined;
  const made = generatedChannel({
    username: username as string,
    title: (title as string | undefined) ?? (username as string),
    kind: (kind as 'channel' | 'supergroup' | undefined) ?? 'channel',
    messages: messages as number,
    seed: (seed as number | undefined) ?? 1,
  });
  return pushed === true ? made : { ...made, pushes: false };
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

const PARTS: readonly string[] = ['accounts', 'channels', 'groups', 'chats'];

/** What a `world.json` holds, and what is wrong with it. */
interface WorldFile {
  readonly accounts: readonly WorldAccount[];
  readonly channels: readonly WorldChannel[];
  readonly chats: readonly WorldChat[];
  readonly faults: readonly string[];
}

/**
 * A folder's `world.json`:
 * `{accounts: [{phone, code, firstName, password, hint, dc, channels, number, count}], channels: [{username, title, messages, seed, kind, pushed}],
 * groups: [{title, members, messages, seed}], chats: [{members, messages, seed}]}`; only phone, code, username, messages (of channels), title
 * (of groups) and members are needed. Accounts come in place of the default one; one entry with `count` is that many, with numbers that
 * follow each other. Their `channels` are usernames, all of them where it is absent; `members` are phone numbers.
 */
export function readWorldFile(value: unknown): WorldFile {
  const faults: string[] = [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { accounts: [], channels: [], chats: [], faults: ['is not a JSON object'] };
  }
  const file = value as Fields;
  for (const name of Object.keys(file)) if (!PARTS.includes(name)) faults.push(`${name} is unknown`);
  const people = withOwnIds(list(file.accounts, 'accounts', faults, accounts).flat());
  const known = people.length > 0 ? people : [DEFAULT_ACCOUNT];
  return {
    accounts: people,
    channels: list(file.channels, 'channels', faults, channel),
    chats: [
      ...list(file.groups, 'groups', faults, (one, at) => chat(one, at, faults, known, true)),
      ...list(file.chats, 'chats', faults, (one, at) => chat(one, at, faults, known, false)),
    ],
    faults,
  };
}
