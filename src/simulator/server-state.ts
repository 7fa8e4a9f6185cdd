import type { Log } from '../log.ts';
import { type AuthKey, authKey } from './auth-key.ts';
import { ChannelBox, type ChannelEvent } from './channel-box.ts';
import { Journal } from './journal.ts';
import type { World, WorldAccount, WorldChannel } from './world.ts';

/** A client's key and what the server knows of its holder. */
export interface KeyState {
  readonly key: AuthKey;
  /** Who is logged in on it. */
  account: WorldAccount | undefined;
  /** The API layer of its last initConnection. */
  layer: number | undefined;
}

/** Lines of the journal. Key ids are decimal, as they are 64-bit. */
type Entry =
  | { readonly t: 'key'; readonly bytes: string }
  | { readonly t: 'forget'; readonly key: string }
  | { readonly t: 'login'; readonly key: string; readonly phone: string }
  | { readonly t: 'logout'; readonly key: string }
  | { readonly t: 'layer'; readonly key: string; readonly layer: number }
  | { readonly t: 'channel'; readonly channel: number; readonly pts: number }
  | { readonly t: 'event'; readonly channel: number; readonly event: ChannelEvent };

/** A freshly seen channel's pts: one for each message it has, and one for its making. */
function initialPts(channel: WorldChannel): number {
  return channel.source.size + 1;
}

/**
 * Everything the server must still know after it was killed: keys, who is logged in, and what happened in the channels.
 * Each change is in the journal before it counts.
 */
export class ServerState {
  readonly #journal: Journal;
  readonly #keys = new Map<bigint, KeyState>();
  readonly #boxes = new Map<number, ChannelBox>();
  readonly #accounts: ReadonlyMap<string, WorldAccount>;
  /** What happened in channels that are not in the world of this run; they come back with it. */
  readonly #absent = new Map<number, ChannelEvent[]>();
  readonly #basePts = new Map<number, number>();

  private constructor(path: string, world: World, log: Log) {
    this.#accounts = new Map(world.accounts.map((account) => [account.phone, account]));
    this.#journal = Journal.open(path, log, (record) => this.#restore(record as Entry));
    for (const channel of world.channels) {
      let pts = this.#basePts.get(channel.id);
      if (pts === undefined) {
        pts = initialPts(channel);
        this.#write({ t: 'channel', channel: channel.id, pts });
      }
      const box = new ChannelBox(channel, pts);
      for (const event of this.#absent.get(channel.id) ?? []) box.apply(event);
      this.#absent.delete(channel.id);
      this.#boxes.set(channel.id, box);
    }
  }

  /** Opens the journal at the path over the world. */
  static open(path: string, world: World, log: Log): ServerState {
    return new ServerState(path, world, log);
  }

  get accounts(): Iterable<WorldAccount> {
    return this.#accounts.values();
  }

  get boxes(): Iterable<ChannelBox> {
    return this.#boxes.values();
  }

  account(phone: string): WorldAccount | undefined {
    return this.#accounts.get(phone);
  }

  box(channelId: number): ChannelBox | undefined {
    return this.#boxes.get(channelId);
  }

  key(id: bigint): KeyState | undefined {
    return this.#keys.get(id);
  }

  get keys(): Iterable<KeyState> {
    return this.#keys.values();
  }

  /** Keeps a key under each of its readings. @returns false, and keeps nothing, when an id is taken */
  addKey(readings: readonly AuthKey[]): boolean {
    if (readings.some((key) => this.#keys.has(key.id))) return false;
    for (const key of readings) {
      this.#write({ t: 'key', bytes: key.bytes.toString('base64') });
      this.#keys.set(key.id, { key, account: undefined, layer: undefined });
    }
    return true;
  }

  forgetKey(state: KeyState): void {
    this.#write({ t: 'forget', key: String(state.key.id) });
    this.#keys.delete(state.key.id);
  }

  login(state: KeyState, account: WorldAccount): void {
    this.#write({ t: 'login', key: String(state.key.id), phone: account.phone });
    state.account = account;
  }

  logout(state: KeyState): void {
    this.#write({ t: 'logout', key: String(state.key.id) });
    state.account = undefined;
  }

  setLayer(state: KeyState, layer: number): void {
    if (state.layer === layer) return;
    this.#write({ t: 'layer', key: String(state.key.id), layer });
    state.layer = layer;
  }

  /** Writes an event down and lets it happen. */
  happen(box: ChannelBox, event: ChannelEvent): void {
    this.#write({ t: 'event', channel: box.world.id, event });
    box.apply(event);
  }

  close(): void {
    this.#journal.close();
  }

  #write(entry: Entry): void {
    this.#journal.append(entry);
  }

  #restore(entry: Entry): void {
    const of = (id: string): KeyState | undefined => this.#keys.get(BigInt(id));
    switch (entry.t) {
      case 'key': {
        const key = authKey(Buffer.from(entry.bytes, 'base64'));
        this.#keys.set(key.id, { key, account: undefined, layer: undefined });
        break;
      }
      case 'forget':
        this.#keys.delete(BigInt(entry.key));
        break;
      case 'login': {
        const state = of(entry.key);
        if (state !== undefined) state.account = this.#accounts.get(entry.phone);
        break;
      }
      case 'logout': {
        const state = of(entry.key);
        if (state !== undefined) state.account = undefined;
        break;
      }
      case 'layer': {
        const state = of(entry.key);
        if (state !== undefined) state.layer = entry.layer;
        break;
      }
      case 'channel':
        this.#basePts.set(entry.channel, entry.pts);
        break;
      case 'event': {
        const events = this.#absent.get(entry.channel) ?? [];
        events.push(entry.event);
        this.#absent.set(entry.channel, events);
        break;
      }
    }
  }
}
