import { countSmaller } from './message-list.ts';
import type { TlObject } from './tl-codec.ts';

/** Whom somebody writes with, by bare id: a user, or a basic group. */
export interface ChatPeer {
  readonly kind: 'user' | 'chat';
  readonly id: number;
}

/**
 * A message of a private chat or basic group as one account has it: everybody's copy has an id of his own. Survives JSON;
 * dates are seconds since the epoch.
 */
export interface AccountMessage {
  readonly id: number;
  /** The same in everybody's copy. */
  readonly origin: string;
  readonly peer: ChatPeer;
  readonly fromId: number;
  /** Whether the account wrote it. */
  readonly out: boolean;
  readonly date: number;
  readonly editDate: number | null;
  readonly text: string;
  readonly entities: readonly TlObject[];
  /** Id of the account's own copy. */
  readonly replyToId: number | null;
  readonly pinned: boolean;
  /** A `messageAction…` object; with it the message is a service message. */
  readonly action: TlObject | null;
}

/** A message of a secret chat; nobody but its two ends can read it. */
export interface SecretMessage {
  /** Decimal, as it is 64-bit. */
  readonly randomId: string;
  readonly chatId: number;
  readonly date: number;
  /** Base64. */
  readonly bytes: string;
}

/** One thing that happened to an account, as the journal keeps it: in its common box (pts), its secret box (qts), or its sequence (seq). */
export type AccountEvent =
  | { readonly kind: 'message' | 'edit'; readonly pts: number; readonly at: number; readonly message: AccountMessage }
  | { readonly kind: 'delete'; readonly pts: number; readonly at: number; readonly ids: readonly number[] }
  | {
      readonly kind: 'pin';
      readonly pts: number;
      readonly at: number;
      readonly ids: readonly number[];
      readonly peer: ChatPeer;
      readonly pinned: boolean;
    }
  | { readonly kind: 'secret'; readonly qts: number; readonly at: number; readonly message: SecretMessage }
  | {
      readonly kind: 'notice';
      readonly seqStart: number;
      readonly seq: number;
      readonly at: number;
      readonly updates: readonly TlObject[];
    };

/** What remains of an event of the common box: the messages themselves are found by their ids. */
export type AccountLogEntry = { readonly pts: number; readonly ptsCount: number; readonly ids: readonly number[] } & (
  | { readonly kind: 'message' | 'edit' | 'delete' }
  | { readonly kind: 'pin'; readonly peer: ChatPeer; readonly pinned: boolean }
);

/** An account's own messages and where its boxes stand (https://core.telegram.org/api/updates#message-related-event-sequences). */
export class AccountBox {
  /** What happened in the common box, in order of pts. */
  readonly log: AccountLogEntry[] = [];
  readonly secrets: { readonly qts: number; readonly message: SecretMessage }[] = [];
  readonly notices: { readonly seq: number; readonly at: number; readonly updates: readonly TlObject[] }[] = [];
  /** Differences from before this pts are too long to be told. */
  tellsFrom: number;
  readonly #messages = new Map<number, AccountMessage>();
  /** Of the messages that are there, ascending. */
  readonly #ids: number[] = [];
  readonly #byOrigin = new Map<string, number>();
  #lastId = 0;
  #pts: number;
  #qts = 0;
  #seq = 1;

  /** @param messages what was there before anything happened, ascending by id */
  constructor(messages: readonly AccountMessage[]) {
    for (const message of messages) this.#put(message);
    this.#pts = messages.length + 1;
    this.tellsFrom = this.#pts;
  }

  get pts(): number {
    return this.#pts;
  }

  get qts(): number {
    return this.#qts;
  }

  get seq(): number {
    return this.#seq;
  }

  /** The id after the highest there ever was. */
  get nextId(): number {
    return this.#lastId + 1;
  }

  get size(): number {
    return this.#ids.length;
  }

  find(id: number): AccountMessage | undefined {
    return this.#messages.get(id);
  }

  /** The account's copy of a message. */
  copyOf(origin: string): AccountMessage | undefined {
    return this.#messages.get(this.#byOrigin.get(origin) ?? 0);
  }

  /** Messages with a peer, newest first. */
  with(peer: ChatPeer): AccountMessage[] {
    return this.all().filter((message) => message.peer.kind === peer.kind && message.peer.id === peer.id);
  }

  /** All messages, newest first. */
  all(): AccountMessage[] {
    return this.#ids.map((id) => this.#messages.get(id) as AccountMessage).reverse();
  }

  /** Takes in an event, now or out of the journal. */
  apply(event: AccountEvent): void {
    switch (event.kind) {
      case 'message':
      case 'edit':
        this.#put(event.message);
        this.#note(event.pts, { kind: event.kind, ids: [event.message.id] });
        return;
      case 'delete':
        for (const id of event.ids) this.#remove(id);
        this.#note(event.pts, { kind: 'delete', ids: event.ids });
        return;
      case 'pin':
        for (const id of event.ids) {
          const message = this.#messages.get(id);
          if (message !== undefined) this.#messages.set(id, { ...message, pinned: event.pinned });
        }
        this.#note(event.pts, { kind: 'pin', ids: event.ids, peer: event.peer, pinned: event.pinned });
        return;
      case 'secret':
        this.#qts = event.qts;
        this.secrets.push({ qts: event.qts, message: event.message });
        return;
      case 'notice':
        this.#seq = event.seq;
        this.notices.push({ seq: event.seq, at: event.at, updates: event.updates });
        return;
    }
  }

  #note(
    pts: number,
    what:
      | { readonly kind: 'message' | 'edit' | 'delete'; readonly ids: readonly number[] }
      | { readonly kind: 'pin'; readonly ids: readonly number[]; readonly peer: ChatPeer; readonly pinned: boolean },
  ): void {
    this.#pts = pts;
    this.log.push({ pts, ptsCount: what.ids.length, ...what });
  }

  #put(message: AccountMessage): void {
    if (!this.#messages.has(message.id)) {
      const at = countSmaller(this.#ids.length, (index) => this.#ids[index] as number, message.id);
      this.#ids.splice(at, 0, message.id);
    }
    this.#messages.set(message.id, message);
    this.#byOrigin.set(message.origin, message.id);
    this.#lastId = Math.max(this.#lastId, message.id);
  }

  #remove(id: number): void {
    const message = this.#messages.get(id);
    if (message === undefined) return;
    this.#messages.delete(id);
    this.#byOrigin.delete(message.origin);
    this.#ids.splice(
      countSmaller(this.#ids.length, (index) => this.#ids[index] as number, id),
      1,
    );
  }
}
