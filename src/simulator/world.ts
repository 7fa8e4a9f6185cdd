import type { TlObject } from './tl-codec.ts';

/** A peer by its bare id. */
export interface WorldPeer {
  readonly kind: 'user' | 'channel';
  readonly id: number;
}

/** A message as the simulated Telegram has it; everything in it survives JSON. Dates are seconds since the epoch. */
export interface WorldMessage {
  readonly id: number;
  readonly date: number;
  readonly editDate: number | null;
  /** Well-formed Unicode. */
  readonly text: string;
  /** `messageEntity…` objects, offsets and lengths in UTF-16 code units. */
  readonly entities: readonly TlObject[];
  readonly from: WorldPeer | null;
  readonly replyTo: { readonly id: number; readonly peer: WorldPeer | null } | null;
  readonly views: number | null;
  /** A `messageMedia…` object. */
  readonly media: TlObject | null;
  /** A `messageAction…` object; with it the message is a service message. */
  readonly action: TlObject | null;
  /** A `messageFwdHeader`. */
  readonly forward: TlObject | null;
  /** A `messageReactions`. */
  readonly reactions: TlObject | null;
  /** The signature of a post. */
  readonly author: string | null;
  readonly pinned?: boolean;
}

/** The messages a channel has from the start, by index in the order of their ids. */
export interface MessageSource {
  readonly size: number;
  /** @param index 0 (oldest) to size - 1 */
  idAt(index: number): number;
  dateAt(index: number): number;
  messageAt(index: number): WorldMessage;
  /** How many messages have a smaller id. */
  countBelow(id: number): number;
}

/** A channel or supergroup before anything happened in it. */
export interface WorldChannel {
  /** Bare id. */
  readonly id: number;
  readonly username: string;
  readonly title: string;
  readonly about: string;
  readonly kind: 'channel' | 'supergroup';
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly participants: number;
  readonly origin: 'generated' | 'export';
  readonly source: MessageSource;
  /** Whether what happens in it is pushed: Telegram leaves that out for large channels. @default true */
  readonly pushes?: boolean;
  /** What a user who wrote in it is called. */
  nameOf(userId: number): string | undefined;
}

/** What Telegram thinks of a number: all is well, it is banned, or it asked for too many codes. */
export type NumberState = 'good' | 'banned' | 'flooded';

/** Somebody who can log in. */
export interface WorldAccount {
  /** Digits only. */
  readonly phone: string;
  readonly code: string;
  readonly userId: number;
  readonly firstName: string;
  /** The second step of the login, or null where there is none. */
  readonly password: string | null;
  readonly hint: string | null;
  /** The data centre it lives in. */
  readonly dcId: number;
  /** Usernames of the channels it is in, in lower case; null for all there are. */
  readonly channels: ReadonlySet<string> | null;
  readonly number: NumberState;
}

/** A private chat of two accounts, or a basic group of several, with what was said there before anything happened. */
export interface WorldChat {
  /** Bare id of a basic group; null for a private chat. */
  readonly groupId: number | null;
  /** Of a group; empty for a private chat. */
  readonly title: string;
  /** User ids; the first made the group. */
  readonly members: readonly number[];
  /** Seconds since the epoch. */
  readonly createdAt: number;
  /** How many messages it has from the start. */
  readonly messages: number;
  readonly seed: number;
}

/** What the simulated Telegram begins with. */
export interface World {
  readonly accounts: readonly WorldAccount[];
  readonly channels: readonly WorldChannel[];
  readonly chats?: readonly WorldChat[];
}

/** A message with nothing but what is given; id and date are needed. */
export function worldMessage(given: Partial<WorldMessage> & { readonly id: number; readonly date: number }): WorldMessage {
  return {
    editDate: null,
    text: '',
    entities: [],
    from: null,
    replyTo: null,
    views: null,
    media: null,
    action: null,
    forward: null,
    reactions: null,
    author: null,
    ...given,
  };
}
