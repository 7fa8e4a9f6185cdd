import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { exportedChat, usernameFrom } from './export-chat.ts';
import { generatedChannel } from './generated-channel.ts';
import { seedOf } from './seeded.ts';
import type { World, WorldAccount, WorldChannel, WorldChat } from './world.ts';
import { DEFAULT_ACCOUNT, DEMO_ACCOUNTS, readWorldFile } from './world-file.ts';

const RESULT_FILE = 'result.json';
const WORLD_FILE = 'world.json';
/** How an export as HTML begins. */
const HTML_FILES: ReadonlySet<string> = new Set(['messages.html', 'export_results.html']);
/** Where Desktop puts what is attached to messages, beside its result.json: anything can be in there. */
const ATTACHMENT_FOLDERS: ReadonlySet<string> = new Set(
  'chats css files images js photos profile_pictures round_video_messages stickers stories video_files voice_messages'.split(' '),
);
/** How many folders below the world's own an export may lie. */
const MAX_DEPTH = 4;
/** How many files one line of the log names. */
const NAMED_FILES = 5;
/** The parts of a full export that hold chats. */
const CHAT_LISTS = ['chats', 'left_chats'] as const;

const UNREAD = {
  otherName: `below the world's folder only ${RESULT_FILE} is read`,
  attachment: 'it is attached to an export, or beside what is',
  html: 'it is an export as HTML; export it as JSON',
  tooDeep: `it lies more than ${MAX_DEPTH} folders deep`,
} as const;

/** The world where none is given. */
function demoWorld(): World {
  return {
    accounts: DEMO_ACCOUNTS,
    channels: [
      generatedChannel({ username: 'vigilia_news', title: 'Vigília News', kind: 'channel', messages: 2_000, seed: 1 }),
      generatedChannel({ username: 'vigilia_signals', title: 'Vigília Signals', kind: 'channel', messages: 20_000, seed: 2 }),
      generatedChannel({ username: 'vigilia_chat', title: 'Vigília Chat', kind: 'supergroup', messages: 500, seed: 3 }),
    ],
  };
}

/** What there is of a world: the files to read, and by reason those that are not. */
interface WorldFiles {
  readonly files: string[];
  readonly unread: Map<keyof typeof UNREAD, string[]>;
}

function isFolder(entry: Dirent, path: string): boolean {
  return entry.isDirectory() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
}

function scanFolder(folder: string, depth: number, isAttached: boolean, found: WorldFiles): void {
  const leave = (why: keyof typeof UNREAD, path: string): void => {
    const paths = found.unread.get(why);
    if (paths === undefined) found.unread.set(why, [path]);
    else paths.push(path);
  };
  const entries = readdirSync(folder, { withFileTypes: true }) as Dirent[];
  const isExport = entries.some((entry) => entry.name.toLowerCase() === RESULT_FILE);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const name = entry.name.toLowerCase();
    if (isFolder(entry, path)) {
      const holdsAttached = isAttached || (isExport && ATTACHMENT_FOLDERS.has(name));
      if (depth < MAX_DEPTH) scanFolder(path, depth + 1, holdsAttached, found);
      else if (!holdsAttached) leave('tooDeep', path);
    } else if (isAttached) {
      if (name === RESULT_FILE) leave('attachment', path);
    } else if (name === RESULT_FILE || (depth === 0 && name.endsWith('.json'))) found.files.push(path);
    else if (name.endsWith('.json')) leave('otherName', path);
    else if (HTML_FILES.has(name) && !isExport) leave('html', path);
  }
}

/** The JSON files of a world: the file itself, or a folder's and the `result.json` of the folders below it. */
function worldFiles(path: string): WorldFiles {
  const found: WorldFiles = { files: [], unread: new Map() };
  if (statSync(path).isFile()) found.files.push(path);
  else scanFolder(path, 0, false, found);
  found.files.sort();
  return found;
}

/** A file's own name, or its folder's where every export of the world lies in a folder of its own. */
function nameOfFile(file: string, world: string): string {
  const nested =
    basename(file).toLowerCase() === RESULT_FILE && resolve(file) !== resolve(world) && dirname(resolve(file)) !== resolve(world);
  return nested ? basename(dirname(resolve(file))) : basename(file).replace(/\.json$/i, '');
}

function partOf(value: unknown, name: string): unknown {
  return (value as Readonly<Record<string, unknown>> | null | undefined)?.[name] ?? undefined;
}

/** Collects channels and everything that is wrong, so that all of it can be said at once. */
class Loader {
  readonly channels: WorldChannel[] = [];
  readonly accounts: WorldAccount[] = [];
  readonly chats: WorldChat[] = [];
  readonly faults: string[] = [];
  readonly #log: Log;
  readonly #usernames = new Set<string>();
  readonly #ids = new Set<number>();

  readonly #world: string;

  /** @param world the path all files belong to */
  constructor(world: string, log: Log) {
    this.#world = world;
    this.#log = log;
  }

  readFile(file: string): void {
    let value: unknown;
    try {
      value = JSON.parse(readFileSync(file, 'utf8').replace(/^\ufeff/, ''));
    } catch (error) {
      this.faults.push(
        `${file}: ${error instanceof SyntaxError ? 'is not JSON' : 'cannot be read'} (${(error as Error).message})`,
      );
      return;
    }
    if (basename(file) === WORLD_FILE) {
      const { accounts, channels, chats, faults } = readWorldFile(value);
      this.faults.push(...faults.map((fault) => `${file}: ${fault}`));
      this.accounts.push(...accounts);
      this.chats.push(...chats);
      for (const channel of channels) this.#addGenerated(channel, file);
      return;
    }
    if (CHAT_LISTS.some((name) => partOf(value, name) !== undefined)) this.#readFullExport(value, file);
    else this.#readChat(value, file);
  }

  /** Once all is read: whether the channels that accounts are in are there. */
  checkMembers(): void {
    const missing = new Map<string, number>();
    for (const { channels } of this.accounts) {
      for (const name of channels ?? []) if (!this.#usernames.has(name)) missing.set(name, (missing.get(name) ?? 0) + 1);
    }
    for (const [name, count] of missing) {
      this.faults.push(
        `${this.#world}: ${count === 1 ? 'an account is' : `${count} accounts are`} in ${name}, which is not there`,
      );
    }
  }

  #readChat(value: unknown, file: string): void {
    const own = nameOfFile(file, this.#world);
    const wanted = usernameFrom(own) ?? `channel_${seedOf(own) % 1_000_000}`;
    const channel = this.#addExported(value, wanted, file);
    if (channel === undefined) return;
    if (channel.username !== own) {
      const why = wanted === own ? 'another channel has the name of this file' : 'the file name is no username';
      this.#log.warn({ file, username: channel.username }, `world: ${why}; the channel is called otherwise`);
    }
    if (basename(file).toLowerCase() === RESULT_FILE) this.#announce(channel);
  }

  #readFullExport(value: unknown, file: string): void {
    for (const part of CHAT_LISTS) {
      const section = partOf(value, part);
      if (section === undefined) continue;
      const list = partOf(section, 'list');
      if (!Array.isArray(list)) {
        this.faults.push(`${file}: ${part}.list is not a list`);
        continue;
      }
      for (const [index, chat] of list.entries()) {
        const name = partOf(chat, 'name');
        const id = partOf(chat, 'id');
        const wanted =
          (typeof name === 'string' ? usernameFrom(name) : undefined) ??
          `channel_${typeof id === 'number' ? Math.abs(id) : index}`;
        const channel = this.#addExported(chat, wanted, `${file} ${part}.list[${index}]`);
        if (channel !== undefined) this.#announce(channel);
      }
    }
  }

  #addExported(value: unknown, wanted: string, where: string): WorldChannel | undefined {
    const { channel, remarks, faults } = exportedChat(value, this.#freeUsername(wanted));
    this.faults.push(...faults.map((fault) => `${where}: ${fault}`));
    for (const remark of remarks) this.#log.warn({ file: where, remark }, 'world: export put right');
    return channel === undefined ? undefined : this.#add(channel, where);
  }

  /** Says what to ask for, where no file's name does. */
  #announce({ username, id, title, source }: WorldChannel): void {
    this.#log.info({ username, id, title, messages: source.size }, 'world: channel');
  }

  #freeUsername(wanted: string): string {
    let username = wanted;
    for (let number = 2; this.#usernames.has(username.toLowerCase()); number++) username = `${wanted.slice(0, 28)}_${number}`;
    return username;
  }

  #add(channel: WorldChannel, where: string): WorldChannel {
    let id = channel.id;
    while (this.#ids.has(id)) id = 1_990_000_000 + (seedOf(channel.username, id) % 9_000_000);
    if (id !== channel.id)
      this.#log.warn({ file: where, id: channel.id, newId: id }, 'world: two chats have one id, the later gets another');
    const added = { ...channel, id };
    this.#usernames.add(added.username.toLowerCase());
    this.#ids.add(id);
    this.channels.push(added);
    return added;
  }

  #addGenerated(channel: WorldChannel, file: string): void {
    const username = this.#freeUsername(channel.username);
    if (username !== channel.username)
      this.#log.warn(
        { file, wanted: channel.username, username },
        'world: another channel has this username; it is called otherwise',
      );
    this.#add({ ...channel, username }, file);
  }
}

/**
 * Reads a world: one chat's `result.json`, a folder of such files, a full Telegram Desktop export, a folder with a `world.json`;
 * or makes the built-in one. Of a folder it takes every `.json` file, and every `result.json` up to four folders below.
 * The log tells what is left out, what is made up, and the usernames that no file's name tells.
 * @param path undefined for the built-in world
 * @throws WORLD_INVALID naming every bad file and its reasons
 */
export function loadWorld(path: string | undefined, log: Log): World {
  if (path === undefined) return demoWorld();
  let found: WorldFiles;
  try {
    found = worldFiles(path);
  } catch (cause) {
    throw new VigiliaError('WORLD_INVALID', `The simulated world at ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const { files, unread } = found;
  for (const [why, paths] of unread)
    log.warn({ count: paths.length, files: paths.slice(0, NAMED_FILES), why: UNREAD[why] }, 'world: not read');
  const loader = new Loader(path, log);
  for (const file of files) loader.readFile(file);
  loader.checkMembers();
  if (files.length === 0) loader.faults.push(`${path}: has no .json file`);
  if (loader.faults.length > 0) {
    throw new VigiliaError(
      'WORLD_INVALID',
      `The simulated world at ${path} cannot be read:\n${loader.faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
  }
  if (loader.channels.length === 0) log.warn({ path }, 'world: there is no channel in it');
  const { accounts, channels, chats } = loader;
  return { accounts: accounts.length > 0 ? accounts : [DEFAULT_ACCOUNT], channels, chats };
}
