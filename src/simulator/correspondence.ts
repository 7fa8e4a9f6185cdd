import { randomBytes } from 'node:crypto';
import type { AccountEvent, AccountMessage, ChatPeer } from './account-box.ts';
import type { AccountState } from './account-state.ts';
import { accountMessageObject, type MessageForm } from './account-updates.ts';
import type { ClientSession } from './client-session.ts';
import { wellFormed } from './formatted-text.ts';
import type { Pusher } from './pusher.ts';
import type { ServerState } from './server-state.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import type { WorldChat } from './world.ts';

/** What is needed of the server to let something happen. */
export interface CorrespondenceHost {
  readonly state: ServerState;
  readonly pusher: Pusher;
  /** Seconds since the epoch. */
  now(): number;
}

/** What somebody writes. */
export interface Letter {
  readonly text: string;
  /** `messageEntity…` objects. */
  readonly entities?: readonly TlObject[];
  /** Seconds since the epoch. @default now */
  readonly date?: number;
  /** Id of the sender's own copy. */
  readonly replyToId?: number;
  readonly action?: TlObject;
}

/** How something becomes known to clients. */
export interface Telling {
  /** @default full */
  readonly form?: MessageForm;
  /** The session whose call it was: it hears of it in the answer. */
  readonly except?: ClientSession;
}

/**
 * Lets accounts write to each other: each has a copy of his own, with its own id and pts. Written down, applied, then pushed.
 */
export class Correspondence {
  readonly #host: CorrespondenceHost;

  constructor(host: CorrespondenceHost) {
    this.#host = host;
  }

  /** @param to another account (or the sender himself), or a basic group @returns the sender's own copy and its pts */
  write(
    from: AccountState,
    to: AccountState | WorldChat,
    letter: Letter,
    telling: Telling = {},
  ): { readonly message: AccountMessage; readonly pts: number } {
    const isGroup = 'groupId' in to;
    const readers = isGroup
      ? to.members.flatMap((id) => this.#host.state.user(id) ?? []).filter((member) => member !== from)
      : [to].filter((one) => one !== from);
    const date = letter.date ?? this.#host.now();
    const origin = randomBytes(8).toString('hex');
    const repliesTo = letter.replyToId === undefined ? undefined : from.box.find(letter.replyToId)?.origin;
    const copy = (owner: AccountState): AccountMessage => {
      const peer: ChatPeer = isGroup
        ? { kind: 'chat', id: to.groupId ?? 0 }
        : { kind: 'user', id: owner === from ? to.userId : from.userId };
      return {
        id: owner.box.nextId,
        origin,
        peer,
        fromId: from.userId,
        out: owner === from,
        date,
        editDate: null,
        text: wellFormed(letter.text),
        entities: letter.entities ?? [],
        replyToId: repliesTo === undefined ? null : (owner.box.copyOf(repliesTo)?.id ?? null),
        pinned: false,
        action: letter.action ?? null,
      };
    };
    const message = copy(from);
    // What does not fit the wire must not get into the journal: it would spoil every page it stands on.
    tl.encode(accountMessageObject(message));
    for (const owner of [from, ...readers]) {
      const event = { kind: 'message' as const, pts: owner.box.pts + 1, at: this.#host.now(), message: copy(owner) };
      this.#happen(owner, event, telling);
    }
    return { message, pts: from.box.pts };
  }

  /** Edits a message in everybody's copy. @param id of the account's own @returns undefined when it is not there */
  edit(account: AccountState, id: number, text: string, telling: Telling = {}): { readonly pts: number } | undefined {
    const own = account.box.find(id);
    if (own === undefined) return undefined;
    const editDate = Math.max(this.#host.now(), own.date);
    this.#inEveryCopy(own, (owner, message) => {
      const edited = { ...message, text: wellFormed(text), entities: [], editDate };
      this.#happen(owner, { kind: 'edit', pts: owner.box.pts + 1, at: this.#host.now(), message: edited }, telling);
    });
    return { pts: account.box.pts };
  }

  /**
   * Deletes what is there of the messages. @param ids of the account's own @param everywhere in everybody's copy too
   * @returns which of his own are gone, and his pts after it
   */
  remove(
    account: AccountState,
    ids: readonly number[],
    everywhere: boolean,
    telling: Telling = {},
  ): { readonly ids: readonly number[]; readonly pts: number } {
    const present = [...new Set(ids)].flatMap((id) => account.box.find(id) ?? []);
    const gone = new Map<AccountState, number[]>([[account, present.map(({ id }) => id)]]);
    for (const own of everywhere ? present : []) {
      this.#inEveryCopy(own, (owner, { id }) => {
        if (owner !== account) gone.set(owner, [...(gone.get(owner) ?? []), id]);
      });
    }
    for (const [owner, list] of gone) {
      if (list.length === 0) continue;
      this.#happen(owner, { kind: 'delete', pts: owner.box.pts + list.length, at: this.#host.now(), ids: list }, telling);
    }
    return { ids: present.map(({ id }) => id), pts: account.box.pts };
  }

  /** Pins a message in everybody's copy, or takes that back. @returns undefined when it is not there */
  pin(account: AccountState, id: number, pinned: boolean): { readonly pts: number } | undefined {
    const own = account.box.find(id);
    if (own === undefined) return undefined;
    this.#inEveryCopy(own, (owner, message) => {
      const { peer } = message;
      const event = { kind: 'pin' as const, pts: owner.box.pts + 1, at: this.#host.now(), ids: [message.id], peer, pinned };
      this.#happen(owner, event, {});
    });
    return { pts: account.box.pts };
  }

  /** A message of a secret chat arrives, which moves qts. @param bytes base64 */
  sendSecret(account: AccountState, bytes: string): { readonly qts: number } {
    const message = {
      randomId: String(randomBytes(8).readBigInt64LE()),
      chatId: 1,
      date: this.#host.now(),
      bytes,
    };
    this.#happen(account, { kind: 'secret', qts: account.box.qts + 1, at: message.date, message }, {});
    return { qts: account.box.qts };
  }

  /** Telegram itself has something to say, which moves seq: once for each text. */
  notify(account: AccountState, texts: readonly string[]): { readonly seq: number } {
    const seqStart = account.box.seq + 1;
    const updates = texts.map((message, index) => ({
      _: 'updateServiceNotification',
      type: `NOTICE_${seqStart + index}`,
      message,
      media: { _: 'messageMediaEmpty' },
      entities: [],
    }));
    const event: AccountEvent = { kind: 'notice', seqStart, seq: seqStart + texts.length - 1, at: this.#host.now(), updates };
    this.#happen(account, event, {});
    return { seq: account.box.seq };
  }

  #inEveryCopy(own: AccountMessage, each: (owner: AccountState, message: AccountMessage) => void): void {
    for (const owner of this.#host.state.accounts) {
      const message = owner.box.copyOf(own.origin);
      if (message !== undefined) each(owner, message);
    }
  }

  #happen(account: AccountState, event: AccountEvent, { form, except }: Telling): void {
    this.#host.state.happenTo(account, event);
    this.#host.pusher.account(account, event, form, except);
  }
}
