import { ExportFault, exportedMessage, exportedPeer, zonelessTimes } from './export-message.ts';
import { wellFormed } from './formatted-text.ts';
import { MessageList } from './message-list.ts';
import { seedOf } from './seeded.ts';
import type { WorldChannel, WorldMessage } from './world.ts';

/** Desktop's kinds of chats that become channels here, and what they become. */
const CHAT_KINDS: Readonly<Record<string, 'channel' | 'supergroup'>> = {
  public_channel: 'channel',
  private_channel: 'channel',
  public_supergroup: 'supergroup',
  private_supergroup: 'supergroup',
  private_group: 'supergroup',
};

type Fields = Readonly<Record<string, unknown>>;

/** What reading one chat gave. */
export interface ExportedChat {
  /** Undefined when the chat is of a kind that has no place here. */
  readonly channel: WorldChannel | undefined;
  /** What was left out or put right, for the log. */
  readonly remarks: readonly string[];
  /** Why the chat cannot be read; not empty only without a channel. */
  readonly faults: readonly string[];
}

const MAX_FAULTS = 5;

/** What the gateway takes for a username. */
const USERNAME = /^[A-Za-z][A-Za-z0-9_]{2,31}$/;

/** @returns the name itself where it is a username, one made of it where it is not, or undefined when nothing of the name can be kept */
export function usernameFrom(name: string): string | undefined {
  if (USERNAME.test(name)) return name;
  const cleaned = name
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/_{2,}/g, '_')
    .replace(/^[_0-9]+|_+$/g, '')
    .slice(0, 32);
  if (cleaned.length === 0) return undefined;
  return cleaned.length < 3 ? `${cleaned}_chat` : cleaned;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function channelId(value: unknown, username: string, remarks: string[]): number {
  const id = typeof value === 'number' ? Math.abs(value) : Number.NaN;
  const bare = id > 1_000_000_000_000 ? id - 1_000_000_000_000 : id;
  if (Number.isSafeInteger(bare) && bare > 0) return bare;
  // A username's hash: the same at every start.
  const made = 1_900_000_000 + (seedOf('export', username) % 90_000_000);
  const what = value === undefined || value === null ? 'the chat has no id' : `id ${JSON.stringify(value)} is not a chat's`;
  remarks.push(`${what}; it got ${made}`);
  return made;
}

function readMessages(list: readonly unknown[], faults: string[], remarks: string[]): WorldMessage[] {
  const byId = new Map<number, WorldMessage>();
  const duplicates = new Set<number>();
  let before = 0;
  let migrated = 0;
  let zonelessDates = 0;
  let zonelessEdits = 0;
  let unsorted = false;
  for (const [index, value] of list.entries()) {
    try {
      const message = exportedMessage(value);
      if (message === undefined) {
        migrated++;
        continue;
      }
      const zoneless = zonelessTimes(value as Fields);
      if (zoneless.date) zonelessDates++;
      if (zoneless.edited) zonelessEdits++;
      if (byId.has(message.id)) duplicates.add(message.id);
      if (message.id < before) unsorted = true;
      before = message.id;
      byId.set(message.id, message);
    } catch (error) {
      if (!(error instanceof ExportFault)) throw error;
      faults.push(`messages[${index}] ${error.message}`);
      if (faults.length > MAX_FAULTS) break;
    }
  }
  if (duplicates.size > 0)
    remarks.push(`${counted(duplicates.size, 'id is', 'ids are')} there more than once; the last one counts`);
  if (unsorted) remarks.push('the messages are not in the order of their ids; they were sorted');
  if (migrated > 0)
    remarks.push(
      `${counted(migrated, 'message', 'messages')} from before the group's migration ${migrated === 1 ? 'was' : 'were'} left out`,
    );
  if (zonelessDates > 0) {
    const messages = counted(zonelessDates, 'message has no date_unixtime; its', 'messages have no date_unixtime; their');
    remarks.push(`${messages} date was taken as UTC`);
  }
  if (zonelessEdits > 0) {
    const messages = counted(zonelessEdits, 'message has no edited_unixtime; its', 'messages have no edited_unixtime; their');
    remarks.push(`${messages} time of editing was taken as UTC`);
  }
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

function writersOf(list: readonly unknown[], remarks: string[]): Map<number, string> {
  const names = new Map<number, string>();
  let unknown = 0;
  for (const value of list as readonly Fields[]) {
    const id = value.from_id ?? value.actor_id ?? undefined;
    const peer = exportedPeer(id);
    if (id !== undefined && peer === null) unknown++;
    const name = value.from ?? value.actor;
    if (peer?.kind === 'user') names.set(peer.id, typeof name === 'string' ? wellFormed(name) : (names.get(peer.id) ?? ''));
  }
  if (unknown > 0) {
    const messages = counted(
      unknown,
      'message has a writer whose id cannot be read; it comes',
      'messages have writers whose ids cannot be read; they come',
    );
    remarks.push(`${messages} without one`);
  }
  return names;
}

/**
 * One chat of a Telegram Desktop export.
 * @param value the parsed `result.json` of a chat, or an element of a full export's `chats.list`
 * @param username how the channel is called here
 */
export function exportedChat(value: unknown, username: string): ExportedChat {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { channel: undefined, remarks: [], faults: ['is not a JSON object'] };
  }
  const chat = value as Fields;
  const kind = CHAT_KINDS[String(chat.type)];
  const faults: string[] = [];
  const remarks: string[] = [];
  if (typeof chat.type !== 'string') faults.push('type is missing');
  if (!Array.isArray(chat.messages)) faults.push('messages is not a list');
  if (faults.length > 0) return { channel: undefined, remarks, faults };
  if (kind === undefined)
    return { channel: undefined, remarks: [`a ${String(chat.type)} has no place here and was left out`], faults };
  const list = chat.messages as readonly unknown[];
  const messages = readMessages(list, faults, remarks);
  if (faults.length > MAX_FAULTS) faults[MAX_FAULTS] = 'and more';
  if (faults.length > 0) return { channel: undefined, remarks, faults };
  const writers = writersOf(list, remarks);
  if (chat.type === 'private_group') remarks.push('a private_group is served as a supergroup');
  const named = typeof chat.name === 'string' && chat.name !== '';
  if (!named) remarks.push(`the chat has no name; its title is ${username}`);
  const id = channelId(chat.id, username, remarks);
  return {
    channel: {
      id,
      username,
      title: named ? wellFormed(chat.name as string) : username,
      about: '',
      kind,
      createdAt: messages[0]?.date ?? 0,
      participants: Math.max(1, writers.size),
      origin: 'export',
      source: new MessageList(messages),
      nameOf: (userId) => writers.get(userId),
    },
    remarks,
    faults,
  };
}
