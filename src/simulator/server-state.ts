import type { Log } from '../log.ts';
import type { AccountEvent } from './account-box.ts';
import { type AccountChange, AccountState } from './account-state.ts';
import { type AuthKey, authKey } from './auth-key.ts';
import { ChannelBox, type ChannelEvent } from './channel-box.ts';
import { HOME_DC } from './data-centres.ts';
import { Journal } from './journal.ts';
import { freshKey, type KeyState } from './key-state.ts';
import type { World, WorldChannel, WorldChat } from './world.ts';
import { initialMessages } from './world-chats.ts';

/** Lines of the journal. Key ids are decimal, as they are 64-bit. */
type Entry =
  | { readonly t: 'key'; readonly bytes: string; readonly dc?: number; readonly until?: number }
  | { readonly t: 'bind'; readonly key: string; readonly to: string; readonly until: number }
  | { readonly t: 'forget'; readonly key: string }
  | { readonly t: 'login'; readonly key: string; readonly phone: string }
  | { readonly t: 'logout'; readonly key: string }
  | { readonly t: 'refuse'; readonly key: string; readonly code: number; readonly message: string }
  | { readonly t: 'layer'; readonly key: string; readonly layer: number }
  | { readonly t: 'port'; readonly dc: number; readonly port: number }
  | { readonly t: 'channel'; readonly channel: number; readonly pts: number }
  | { readonly t: 'event'; readonly channel: number; readonly event: ChannelEvent }
  | { readonly t: 'account'; readonly phone: string; readonly change: AccountChange }
  | { readonly t: 'move'; readonly phone: string; readonly channel: number; readonly joined: boolean }
  | { readonly t: 'own'; readonly phone: string; readonly event: AccountEvent };

/** A freshly seen channel's pts: one for each message it has, and one for its making. */
function initialPts(channel: WorldChannel): number {
  return channel.source.size + 1;
}

/**
 * Everything the server must still know after it was killed: keys, who is logged in, and what happened in channels and to accounts.
 * Each change is in the journal before it counts.
 */
export class ServerState {
  readonly #journal: Journal;
  readonly #keys = new Map<bigint, KeyState>();
  readonly #boxes = new Map<number, ChannelBox>();
  readonly #accounts: ReadonlyMap<string, AccountState>;
  readonly #users: ReadonlyMap<number, AccountState>;
  readonly #groups: ReadonlyMap<number, WorldChat>;
  /** What happened in channels that are not in the world of this run; they come back with it. */
  readonly #absent = new Map<number, ChannelEvent[]>();
  readonly #basePts = new Map<number, number>();
  /** Where data centres were reached last. */
  readonly #ports = new Map<number, number>();

  private constructor(path: string, world: World, log: Log) {
    const chats = world.chats ?? [];
    const messages = initialMessages(chats);
    this.#accounts = new Map(
      world.accounts.map((account) => [account.phone, new AccountState(account, messages.get(account.userId) ?? [])]),
    );
    this.#users = new Map([...this.#accounts.values()].map((account) => [account.userId, account]));
    this.#groups = new Map(chats.flatMap((chat) => (chat.groupId === null ? [] : [[chat.groupId, chat] as const])));
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

  get accounts(): Iterable<AccountState> {
    return this.#accounts.values();
  }

  get groups(): Iterable<WorldChat> {
    return this.#groups.values();
  }

  get boxes(): Iterable<ChannelBox> {
    return this.#boxes.values();
  }

  account(phone: string): AccountState | undefined {
    return this.#accounts.get(phone);
  }

  user(userId: number): AccountState | undefined {
    return this.#users.get(userId);
  }

  group(groupId: number): WorldChat | undefined {
    return this.#groups.get(groupId);
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

  /**
   * Keeps a data centre's key under each of its readings. @param expiresAt of a temporary key, in seconds since the epoch
   * @returns false, and keeps nothing, when an id is taken
   */
  addKey(readings: readonly AuthKey[], dcId: number, expiresAt?: number): boolean {
    if (readings.some((key) => this.#keys.has(key.id))) return false;
    for (const key of readings) {
      this.#write({
        t: 'key',
        bytes: key.bytes.toString('base64'),
        dc: dcId,
        ...(expiresAt === undefined ? {} : { until: expiresAt }),
      });
      this.#keys.set(key.id, freshKey(key, dcId, expiresAt));
    }
    return true;
  }

  forgetKey(state: KeyState): void {
    this.#write({ t: 'forget', key: String(state.key.id) });
    this.#forget(state);
  }

  /** Lets a temporary key stand for a permanent one until then, in the place of the one that did so before. */
  bindKey(temporary: KeyState, permanent: KeyState, until: number): void {
    this.#write({ t: 'bind', key: String(temporary.key.id), to: String(permanent.key.id), until });
    this.#bind(temporary, permanent, until);
  }

  /** The temporary key that stands for a permanent one. */
  temporaryOf(permanent: KeyState): KeyState | undefined {
    for (const key of this.#keys.values()) if (key.boundTo === permanent) return key;
    return undefined;
  }

  login(state: KeyState, account: AccountState): void {
    this.#write({ t: 'login', key: String(state.key.id), phone: account.phone });
    state.account = account;
    state.pending = undefined;
    state.refusal = undefined;
  }

  logout(state: KeyState): void {
    this.#write({ t: 'logout', key: String(state.key.id) });
    state.account = undefined;
    state.pending = undefined;
  }

  /** Logs a key out and says from then on why. */
  refuse(state: KeyState, code: number, message: string): void {
    this.#write({ t: 'refuse', key: String(state.key.id), code, message });
    state.account = undefined;
    state.pending = undefined;
    state.refusal = { code, message };
  }

  changeAccount(account: AccountState, change: AccountChange): void {
    this.#write({ t: 'account', phone: account.phone, change });
    account.change(change);
  }

  /** An account joins a channel or leaves it. */
  move(account: AccountState, channel: WorldChannel, joined: boolean): void {
    this.#write({ t: 'move', phone: account.phone, channel: channel.id, joined });
    account.move(channel.id, joined);
  }

  /** Writes an event of an account's own boxes down and lets it happen. */
  happenTo(account: AccountState, event: AccountEvent): void {
    this.#write({ t: 'own', phone: account.phone, event });
    account.box.apply(event);
  }

  /** The port a data centre was reached at last; undefined when it never was. */
  port(dcId: number): number | undefined {
    return this.#ports.get(dcId);
  }

  keepPort(dcId: number, port: number): void {
    if (this.#ports.get(dcId) === port) return;
    this.#write({ t: 'port', dc: dcId, port });
    this.#ports.set(dcId, port);
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

  /** A permanent key takes the temporary one that stands for it along. */
  #forget(state: KeyState): void {
    this.#keys.delete(state.key.id);
    const temporary = this.temporaryOf(state);
    if (temporary !== undefined) this.#keys.delete(temporary.key.id);
  }

  #bind(temporary: KeyState, permanent: KeyState, until: number): void {
    const before = this.temporaryOf(permanent);
    if (before !== undefined) before.boundTo = undefined;
    temporary.boundTo = permanent;
    temporary.expiresAt = until;
    // Who binds a key has to say anew what he is.
    permanent.layer = undefined;
  }

  #write(entry: Entry): void {
    this.#journal.append(entry);
  }

  #restore(entry: Entry): void {
    const of = (id: string): KeyState | undefined => this.#keys.get(BigInt(id));
    switch (entry.t) {
      case 'key': {
        const key = authKey(Buffer.from(entry.bytes, 'base64'));
        this.#keys.set(key.id, freshKey(key, entry.dc ?? HOME_DC, entry.until));
        break;
      }
      case 'forget': {
        const state = of(entry.key);
        if (state !== undefined) this.#forget(state);
        break;
      }
      case 'bind': {
        const [temporary, permanent] = [of(entry.key), of(entry.to)];
        if (temporary !== undefined && permanent !== undefined) this.#bind(temporary, permanent, entry.until);
        break;
      }
      case 'login': {
        const state = of(entry.key);
        if (state !== undefined) {
          state.account = this.#accounts.get(entry.phone);
          state.refusal = undefined;
        }
        break;
      }
      case 'logout': {
        const state = of(entry.key);
        if (state !== undefined) state.account = undefined;
        break;
      }
      case 'refuse': {
        const state = of(entry.key);
        if (state !== undefined) {
          state.account = undefined;
          state.refusal = { code: entry.code, message: entry.message };
        }
        break;
      }
      case 'account':
        this.#accounts.get(entry.phone)?.change(entry.change);
        break;
      case 'move':
        this.#accounts.get(entry.phone)?.move(entry.channel, entry.joined);
        break;
      case 'own':
        this.#accounts.get(entry.phone)?.box.apply(entry.event);
        break;
      case 'layer': {
        const state = of(entry.key);
        if (state !== undefined) state.layer = entry.layer;
        break;
      }
      case 'port':
        this.#ports.set(entry.dc, entry.port);
        break;
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
