import type { ChannelBox, ChannelEvent } from './channel-box.ts';
import { wellFormed } from './formatted-text.ts';
import { messageObject } from './message-view.ts';
import type { MtprotoServer } from './mtproto-server.ts';
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
}

/** Lets things happen in channels: written down, applied, then pushed. */
export class Happenings {
  readonly #server: MtprotoServer;

  constructor(server: MtprotoServer) {
    this.#server = server;
  }

  /** @returns the new message and the pts it came with */
  post(box: ChannelBox, draft: PostDraft): { readonly message: WorldMessage; readonly pts: number } {
    const message = worldMessage({
      id: box.nextId,
      date: draft.date ?? this.#server.now(),
      text: wellFormed(draft.text),
      entities: draft.entities ?? [],
      replyTo: draft.replyToId === undefined ? null : { id: draft.replyToId, peer: null },
      from: draft.fromId === undefined ? null : { kind: 'user', id: draft.fromId },
      views: box.world.kind === 'channel' ? 1 : null,
    });
    const event: ChannelEvent = { kind: 'post', pts: box.pts + 1, at: this.#server.now(), message };
    this.#happen(box, event);
    return { message, pts: event.pts };
  }

  /** @returns the message as it is now, or undefined when it is not there */
  edit(
    box: ChannelBox,
    id: number,
    text: string,
    entities: readonly TlObject[] = [],
  ): { readonly message: WorldMessage; readonly pts: number } | undefined {
    const before = box.find(id);
    if (before === undefined) return undefined;
    const editDate = Math.max(this.#server.now(), before.date);
    const message: WorldMessage = { ...before, text: wellFormed(text), entities, editDate };
    const event: ChannelEvent = { kind: 'edit', pts: box.pts + 1, at: this.#server.now(), message };
    this.#happen(box, event);
    return { message, pts: event.pts };
  }

  /** Deletes what is there of the messages. @returns their ids, and the pts after it */
  remove(box: ChannelBox, ids: readonly number[]): { readonly ids: readonly number[]; readonly pts: number } {
    const present = [...new Set(ids)].filter((id) => box.find(id) !== undefined);
    if (present.length > 0) {
      this.#happen(box, { kind: 'delete', pts: box.pts + present.length, at: this.#server.now(), ids: present });
    }
    return { ids: present, pts: box.pts };
  }

  #happen(box: ChannelBox, event: ChannelEvent): void {
    // What does not fit the wire must not get into the journal: it would spoil every page it stands on.
    if (event.kind !== 'delete') tl.encode(messageObject(box.world, event.message));
    this.#server.state.happen(box, event);
    this.#server.push(box, event);
  }
}
