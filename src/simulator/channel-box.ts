import { countSmaller } from './message-list.ts';
import type { WorldChannel, WorldMessage } from './world.ts';

/** One thing that happened in a channel, as the journal keeps it (https://core.telegram.org/api/updates). */
export type ChannelEvent =
  | { readonly kind: 'post' | 'edit'; readonly pts: number; readonly at: number; readonly message: WorldMessage }
  | { readonly kind: 'delete'; readonly pts: number; readonly at: number; readonly ids: readonly number[] }
  | {
      readonly kind: 'pin';
      readonly pts: number;
      readonly at: number;
      readonly ids: readonly number[];
      readonly pinned: boolean;
    }
  /** Does not move pts. */
  | {
      readonly kind: 'views';
      readonly pts: number;
      readonly at: number;
      readonly ids: readonly number[];
      readonly views: number;
    };

/** @returns by how much an event moves the channel's pts: one for each message it touches, none for view counts */
export function ptsCountOf(event: ChannelEvent): number {
  if (event.kind === 'views') return 0;
  return 'message' in event ? 1 : event.ids.length;
}

/** What remains of an event once it was applied: the messages themselves are found by their ids. */
export interface ChannelLogEntry {
  readonly kind: ChannelEvent['kind'];
  readonly pts: number;
  readonly ptsCount: number;
  /** Seconds since the epoch. */
  readonly at: number;
  readonly ids: readonly number[];
  /** Of a pin: whether it was set or taken away. */
  readonly pinned?: boolean;
}

/**
 * A channel as it is now: what it began with, and over it what happened since. Costs memory for what happened only.
 */
export class ChannelBox {
  readonly world: WorldChannel;
  readonly basePts: number;
  /** What happened, in order of pts. */
  readonly log: ChannelLogEntry[] = [];
  /** Whether new things are pushed; Telegram leaves that out for large channels. */
  pushes: boolean;
  /** Differences from before this pts are too long to be told. */
  tellsFrom: number;
  /** Why calls that name the channel are refused, by the caller's phone, `*` for everybody's: `CHANNEL_PRIVATE`. */
  readonly refusals = new Map<string, string>();
  readonly #changed = new Map<number, WorldMessage>();
  /** Indexes into the source of messages that were deleted, ascending. */
  readonly #deleted: number[] = [];
  /** Ids of messages that came later and are still there, ascending. */
  readonly #posted: number[] = [];
  #lastId: number;
  #pts: number;

  constructor(world: WorldChannel, basePts: number) {
    this.world = world;
    this.basePts = basePts;
    this.#pts = basePts;
    this.pushes = world.pushes ?? true;
    this.tellsFrom = basePts;
    this.#lastId = world.source.size === 0 ? 0 : world.source.idAt(world.source.size - 1);
  }

  get pts(): number {
    return this.#pts;
  }

  /** The id after the highest there ever was. */
  get nextId(): number {
    return this.#lastId + 1;
  }

  /** How many messages there are. */
  get size(): number {
    return this.world.source.size - this.#deleted.length + this.#posted.length;
  }

  /** How many messages have a smaller id. */
  countBelow(id: number): number {
    const inSource = this.world.source.countBelow(id);
    const deleted = countSmaller(this.#deleted.length, (index) => this.#deleted[index] as number, inSource);
    const posted = countSmaller(this.#posted.length, (index) => this.#posted[index] as number, id);
    return inSource - deleted + posted;
  }

  /** How many messages were written before a date, in seconds; dates are taken to ascend with ids. */
  countBefore(date: number): number {
    return countSmaller(this.size, (index) => this.#dateAt(index), date);
  }

  /** @param index 0 (oldest) to size - 1 */
  at(index: number): WorldMessage {
    const source = this.#sourceIndex(index);
    if (source === undefined) return this.#changed.get(this.#postedAt(index)) as WorldMessage;
    return this.#changed.get(this.world.source.idAt(source)) ?? this.world.source.messageAt(source);
  }

  /** @returns the message, or undefined when it never was or was deleted */
  find(id: number): WorldMessage | undefined {
    const index = this.countBelow(id);
    if (index >= this.size) return undefined;
    const message = this.at(index);
    return message.id === id ? message : undefined;
  }

  /** Takes in an event, now or out of the journal. Events come in order of pts; what cannot be found is passed over. */
  apply(event: ChannelEvent): void {
    this.#pts = event.pts;
    const ids = 'message' in event ? [event.message.id] : event.ids;
    const entry = { kind: event.kind, pts: event.pts, ptsCount: ptsCountOf(event), at: event.at, ids };
    this.log.push(event.kind === 'pin' ? { ...entry, pinned: event.pinned } : entry);
    if (event.kind === 'delete') {
      for (const id of event.ids) this.#remove(id);
      return;
    }
    if (event.kind === 'pin') {
      for (const id of event.ids) this.#change(id, { pinned: event.pinned });
      return;
    }
    if (event.kind === 'views') {
      for (const id of event.ids) this.#change(id, { views: event.views });
      return;
    }
    this.#changed.set(event.message.id, event.message);
    if (event.kind === 'post' && event.message.id > this.#lastId) {
      this.#posted.push(event.message.id);
      this.#lastId = event.message.id;
    }
  }

  #change(id: number, what: Partial<WorldMessage>): void {
    const message = this.find(id);
    if (message !== undefined) this.#changed.set(id, { ...message, ...what });
  }

  #remove(id: number): void {
    this.#changed.delete(id);
    const posted = countSmaller(this.#posted.length, (index) => this.#posted[index] as number, id);
    if (this.#posted[posted] === id) {
      this.#posted.splice(posted, 1);
      return;
    }
    const { source } = this.world;
    const index = source.countBelow(id);
    if (index >= source.size || source.idAt(index) !== id) return;
    const place = countSmaller(this.#deleted.length, (at) => this.#deleted[at] as number, index);
    if (this.#deleted[place] !== index) this.#deleted.splice(place, 0, index);
  }

  /** Where in the source the index-th message that is still there stands; undefined when it came later. */
  #sourceIndex(index: number): number | undefined {
    if (index >= this.world.source.size - this.#deleted.length) return undefined;
    return index + countSmaller(this.#deleted.length, (at) => (this.#deleted[at] as number) - at, index + 1);
  }

  #postedAt(index: number): number {
    return this.#posted[index - (this.world.source.size - this.#deleted.length)] as number;
  }

  #dateAt(index: number): number {
    const source = this.#sourceIndex(index);
    return source === undefined ? (this.#changed.get(this.#postedAt(index))?.date ?? 0) : this.world.source.dateAt(source);
  }
}
