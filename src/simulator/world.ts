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
  /** What a user who wrote in it is called. */
  nameOf(userId: number): string | undefined;
}

/** Somebody who can log in. */
export interface WorldAccount {
  /** Digits only. */
  readonly phone: string;
  readonly code: string;
  readonly userId: number;
  readonly firstName: string;
}

/** What the simulated Telegram begins with. */
export interface World {
  readonly accounts: readonly WorldAccount[];
  readonly channels: readonly WorldChannel[];
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
