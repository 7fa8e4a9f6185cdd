import type { ChannelBox, ChannelEvent } from './channel-box.ts';
import type { ClientSession } from './client-session.ts';
import { wellFormed } from './formatted-text.ts';
import { messageObject } from './message-view.ts';
import type { Pusher } from './pusher.ts';
import type { ServerState } from './server-state.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { type WorldMessage, worldMessage } from './world.ts';

/** What a new post may say of itself; everything has a default. */
export interface PostDraft {
  readonly text: string;
  /** `messageEntity…` objects. */
  readonly entities?: readonly TlObject[];
  /** Seconds since the epoch. @default now */
  readonly date?: number;
  readonly replyToId?: number;
  /** A user's bare id; of supergroups. */
  readonly fromId?: number;
  /** A `messageAction…` object: makes it a service message. */
  readonly action?: TlObject;
}

/** What is needed of the server to let something happen. */
export interface HappeningsHost {
  readonly state: ServerState;
  readonly pusher: Pusher;
  /** Seconds since the epoch. */
  now(): number;
}

/** What happened to a message: how it is now, and the pts that came with it. */
export interface Happened {
  readonly message: WorldMessage;
  readonly pts: number;
}

/** Service messages have no text and are not pinned: on the wire nothing of it would be seen. */
function checkOrdinary({ id, action }: WorldMessage): void {
  if (action !== null) throw new Error(`message ${id} is a service message`);
}

/** Lets things happen in channels: written down, applied, then pushed. */
export class Happenings {
  readonly #host: HappeningsHost;

  constructor(host: HappeningsHost) {
    this.#host = host;
  }

  /** @param except the session whose call it was: it hears of it in the answer */
  post(box: ChannelBox, draft: PostDraft, except?: ClientSession): Happened {
    const message = worldMessage({
      id: box.nextId,
      date: draft.date ?? this.#host.now(),
      text: wellFormed(draft.text),
      entities: draft.entities ?? [],
      replyTo: draft.replyToId === undefined ? null : { id: draft.replyToId, peer: null },
      from: draft.fromId === undefined ? null : { kind: 'user', id: draft.fromId },
      views: box.world.kind === 'channel' ? 1 : null,
      action: draft.action ?? null,
    });
    const event: ChannelEvent = { kind: 'post', pts: box.pts + 1, at: this.#host.now(), message };
    this.#happen(box, event, except);
    return { message, pts: event.pts };
  }

  /** @returns undefined when the message is not there @throws Error in words for people when it is a service message */
  edit(box: ChannelBox, id: number, text: string, entities: readonly TlObject[] = []): Happened | undefined {
    const before = box.find(id);
    if (before === undefined) return undefined;
    checkOrdinary(before);
    const editDate = Math.max(this.#host.now(), before.date);
    const message: WorldMessage = { ...before, text: wellFormed(text), entities, editDate };
    const event: ChannelEvent = { kind: 'edit', pts: box.pts + 1, at: this.#host.now(), message };
    this.#happen(box, event);
    return { message, pts: event.pts };
  }

  /** Deletes what is there of the messages. @returns their ids, and the pts after it */
  remove(box: ChannelBox, ids: readonly number[]): { readonly ids: readonly number[]; readonly pts: number } {
    const present = [...new Set(ids)].filter((id) => box.find(id) !== undefined);
    if (present.length > 0) {
      this.#happen(box, { kind: 'delete', pts: box.pts + present.length, at: this.#host.now(), ids: present });
    }
    return { ids: present, pts: box.pts };
  }

  /** Pins a message, or takes that back. @returns undefined when it is not there @throws Error when it is a service message */
  pin(box: ChannelBox, id: number, pinned: boolean): Happened | undefined {
    const before = box.find(id);
    if (before === undefined) return undefined;
    checkOrdinary(before);
    this.#happen(box, { kind: 'pin', pts: box.pts + 1, at: this.#host.now(), ids: [id], pinned });
    return { message: box.find(id) as WorldMessage, pts: box.pts };
  }

  /** Sets how often a post was seen; that moves no pts. @returns undefined when it is not there */
  view(box: ChannelBox, id: number, views: number): Happened | undefined {
    if (box.find(id) === undefined) return undefined;
    this.#happen(box, { kind: 'views', pts: box.pts, at: this.#host.now(), ids: [id], views });
    return { message: box.find(id) as WorldMessage, pts: box.pts };
  }

  #happen(box: ChannelBox, event: ChannelEvent, except?: ClientSession): void {
    // What does not fit the wire must not get into the journal: it would spoil every page it stands on.
    if ('message' in event) tl.encode(messageObject(box.world, event.message));
    this.#host.state.happen(box, event);
    this.#host.pusher.channel(box, event, except);
  }
}
