import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { exportedChat, usernameFrom } from './export-chat.ts';
import { generatedChannel } from './generated-channel.ts';
import { seedOf } from './seeded.ts';
import type { World, WorldAccount, WorldChannel } from './world.ts';
import { DEFAULT_ACCOUNT, readWorldFile } from './world-file.ts';

const RESULT_FILE = 'result.json';
const WORLD_FILE = 'world.json';

/** The world where none is given. */
function demoWorld(): World {
  return {
    accounts: [DEFAULT_ACCOUNT],
    channels: [
      generatedChannel({ username: 'vigilia_news', title: 'Vigília News', kind: 'channel', messages: 2_000, seed: 1 }),
      generatedChannel({ username: 'vigilia_signals', title: 'Vigília Signals', kind: 'channel', messages: 20_000, seed: 2 }),
      generatedChannel({ username: 'vigilia_chat', title: 'Vigília Chat', kind: 'supergroup', messages: 500, seed: 3 }),
    ],
  };
}

/** The JSON files of a world: the file itself, or a folder's and the `result.json` of its sub-folders. */
function worldFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  const files: string[] = [];
  for (const entry of readdirSync(path, { withFileTypes: true }) as Dirent[]) {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) {
      if (readdirSync(inside).includes(RESULT_FILE)) files.push(join(inside, RESULT_FILE));
    } else if (entry.name.toLowerCase().endsWith('.json')) files.push(inside);
  }
  return files.sort();
}

/** A file's own name, or its folder's where every export of the world lies in a folder of its own. */
function nameOfFile(file: string, world: string): string {
  const nested =
    basename(file).toLowerCase() === RESULT_FILE && resolve(file) !== resolve(world) && dirname(resolve(file)) !== resolve(world);
  return nested ? basename(dirname(resolve(file))) : basename(file).replace(/\.json$/i, '');
}

/** Collects channels and everything that is wrong, so that all of it can be said at once. */
class Loader {
  readonly channels: WorldChannel[] = [];
  readonly accounts: WorldAccount[] = [];
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
      const { accounts, channels, faults } = readWorldFile(value);
      this.faults.push(...faults.map((fault) => `${file}: ${fault}`));
      this.accounts.push(...accounts);
      for (const channel of channels) this.#add(channel, file);
      return;
    }
    const chats = (value as { chats?: { list?: unknown } } | null)?.chats?.list;
    if (!Array.isArray(chats)) {
      const own = nameOfFile(file, this.#world);
      const username = usernameFrom(own) ?? `channel_${seedOf(own) % 1_000_000}`;
      if (username !== own)
        this.#log.warn({ file, username }, 'world: the file name is no username; the channel is called otherwise');
      this.#addChat(value, username, file);
      return;
    }
    for (const [index, chat] of chats.entries()) {
      const { name, id } = (chat ?? {}) as { name?: unknown; id?: unknown };
      const username =
        (typeof name === 'string' ? usernameFrom(name) : undefined) ?? `channel_${typeof id === 'number' ? Math.abs(id) : index}`;
      this.#addChat(chat, username, `${file} chats.list[${index}]`);
    }
  }

  #addChat(value: unknown, username: string, where: string): void {
    const { channel, remarks, faults } = exportedChat(value, this.#freeUsername(username));
    this.faults.push(...faults.map((fault) => `${where}: ${fault}`));
    for (const remark of remarks) this.#log.warn({ file: where, remark }, 'world: export put right');
    if (channel !== undefined) this.#add(channel, where);
  }

  #freeUsername(wanted: string): string {
    let username = wanted;
    for (let number = 2; this.#usernames.has(username.toLowerCase()); number++) username = `${wanted.slice(0, 28)}_${number}`;
    return username;
  }

  #add(channel: WorldChannel, where: string): void {
    const username = this.#freeUsername(channel.username);
    let id = channel.id;
    while (this.#ids.has(id)) id = 1_990_000_000 + (seedOf(username, id) % 9_000_000);
    if (id !== channel.id)
      this.#log.warn({ file: where, id: channel.id, newId: id }, 'world: two chats have one id, the later gets another');
    this.#usernames.add(username.toLowerCase());
    this.#ids.add(id);
    this.channels.push({ ...channel, id, username });
  }
}

/**
 * Reads a world: one chat's `result.json`, a folder of such files, a full Telegram Desktop export, a folder with a `world.json`;
 * or makes the built-in one.
 * @param path undefined for the built-in world
 * @throws WORLD_INVALID naming every bad file and its reasons
 */
export function loadWorld(path: string | undefined, log: Log): World {
  if (path === undefined) return demoWorld();
  let files: string[];
  try {
    files = worldFiles(path);
  } catch (cause) {
    throw new VigiliaError('WORLD_INVALID', `The simulated world at ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  const loader = new Loader(path, log);
  for (const file of files) loader.readFile(file);
  if (files.length === 0) loader.faults.push(`${path}: has no .json file`);
  if (loader.faults.length > 0) {
    throw new VigiliaError(
      'WORLD_INVALID',
      `The simulated world at ${path} cannot be read:\n${loader.faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
  }
  if (loader.channels.length === 0) log.warn({ path }, 'world: there is no channel in it');
  return { accounts: loader.accounts.length > 0 ? loader.accounts : [DEFAULT_ACCOUNT], channels: loader.channels };
}
