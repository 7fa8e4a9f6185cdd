import type { Clock } from '../clock.ts';
import type { KeyState } from './key-state.ts';

/** Whoever can carry a session's messages to its client. */
export interface SessionCarrier {
  readonly isOpen: boolean;
  /** Queues a message; it leaves with the next {@link flush}. */
  queue(session: ClientSession, message: OutgoingMessage): void;
  flush(): void;
}

/** A message for a client, before it has an id. */
export interface OutgoingMessage {
  readonly body: Buffer;
  /** Whether the client is to acknowledge it. */
  readonly isContent: boolean;
  /** Whether it answers something of the client's. */
  readonly isReply: boolean;
  /** The call it is the result of. */
  readonly answers?: bigint;
  /** The number it had when it was sent before. */
  readonly as?: NumberedMessage;
}

/** A message as it goes out. */
export interface NumberedMessage {
  readonly id: bigint;
  readonly sequence: number;
  readonly body: Buffer;
}

/** What is wrong with a message (https://core.telegram.org/mtproto/service_messages_about_messages#notice-of-ignored-error-message). */
export type BadMessageCode = 16 | 17 | 18 | 19 | 20 | 32 | 33 | 34 | 35 | 64;

/** Who must number its messages how: results want acknowledging (odd), containers and acknowledgements do not (even). */
export type Parity = 'odd' | 'even' | 'either';

/** What is known of a message that came. */
interface Received {
  readonly isContent: boolean;
  readonly isCall: boolean;
  isAnswered: boolean;
  /** Of a call, from when it was sent until the client acknowledges it. */
  answer: Buffer | undefined;
}

/** A message's state in a msgs_state_info, and what may be added to it (https://core.telegram.org/mtproto/service_messages_about_messages). */
const STATE = { unknown: 1, missing: 2, tooHigh: 3, received: 4, wantsNoAck: 16, isCall: 32, isAnswered: 64 } as const;

const MAX_REMEMBERED = 1_000;
const MAX_UNACKNOWLEDGED = 300;
const OLDEST_SECONDS = 300;
const NEWEST_SECONDS = 30;

/**
 * One session of a client: the numbering of its messages both ways, and what it asked for already
 * (https://core.telegram.org/mtproto/description#session). Outlives connections, not the process: a client that comes back after
 * a restart is told that a new session began.
 */
export class ClientSession {
  readonly id: bigint;
  /** What its messages are sealed with. */
  readonly wireKey: KeyState;
  /** Told in new_session_created, which each session gets once. */
  announced = false;
  /** Whether pushes are wanted: any call that does not come in an invokeWithoutUpdates says so. */
  wantsUpdates = false;
  /** The connection that the client's last message came over. */
  carrier: SessionCarrier | undefined;
  readonly #clock: Clock;
  #contentSent = 0;
  #lastSentId = 0n;
  #floor = 0n;
  #lastContent: { readonly id: bigint; readonly sequence: number } | undefined;
  #newestReceived = 0n;
  /** Calls and other messages that came, oldest first. */
  readonly #received = new Map<bigint, Received>();
  /** Messages that went out and were not acknowledged, as they went. */
  readonly #unacknowledged = new Map<bigint, OutgoingMessage>();

  constructor(id: bigint, key: KeyState, clock: Clock) {
    this.id = id;
    this.wireKey = key;
    this.#clock = clock;
  }

  /** The key that holds the login: a permanent one, also where a temporary one stands for it. */
  get key(): KeyState {
    return this.wireKey.boundTo ?? this.wireKey;
  }

  /** @returns what is wrong with the message's numbers, `duplicate` when it came before, or undefined; then it is remembered */
  admit(id: bigint, sequence: number, parity: Parity): BadMessageCode | 'duplicate' | undefined {
    const seconds = Number(id >> 32n);
    const now = this.#clock.now() / 1000;
    if ((id & 3n) !== 0n) return 18;
    if (this.#received.has(id)) return 'duplicate';
    if (seconds < now - OLDEST_SECONDS) return 16;
    if (seconds > now + NEWEST_SECONDS) return 17;
    if (id <= this.#floor) return 20;
    const odd = (sequence & 1) === 1;
    if (odd && parity === 'even') return 34;
    if (!odd && parity === 'odd') return 35;
    const last = this.#lastContent;
    if (odd && last !== undefined) {
      if (id > last.id && sequence <= last.sequence) return 32;
      if (id < last.id && sequence >= last.sequence) return 33;
    }
    if (odd && (last === undefined || id > last.id)) this.#lastContent = { id, sequence };
    if (id > this.#newestReceived) this.#newestReceived = id;
    this.#remember(id, { isContent: odd, isCall: parity === 'odd', isAnswered: false, answer: undefined });
    return undefined;
  }

  /** Whether a message came and what became of it, as a msgs_state_info says it. */
  stateOf(id: bigint): number {
    const received = this.#received.get(id);
    if (received !== undefined) {
      const { isContent, isCall, isAnswered } = received;
      return (
        STATE.received | (isContent ? 0 : STATE.wantsNoAck) | (isCall ? STATE.isCall : 0) | (isAnswered ? STATE.isAnswered : 0)
      );
    }
    if (id <= this.#floor) return STATE.unknown;
    return id > this.#newestReceived ? STATE.tooHigh : STATE.missing;
  }

  /** @returns the answer that was given to a call, while the client has not acknowledged it */
  answerTo(id: bigint): Buffer | undefined {
    return this.#received.get(id)?.answer;
  }

  hasReceived(id: bigint): boolean {
    return this.#received.has(id);
  }

  /** Forgets the answer to a call. @returns whether there was one */
  dropAnswer(id: bigint): boolean {
    const received = this.#received.get(id);
    if (received?.answer === undefined) return false;
    received.answer = undefined;
    return true;
  }

  /** The client has these messages of ours. */
  acknowledge(ids: readonly bigint[]): void {
    for (const id of ids) {
      const message = this.#unacknowledged.get(id);
      this.#unacknowledged.delete(id);
      const call = message?.answers === undefined ? undefined : this.#received.get(message.answers);
      if (call !== undefined) call.answer = undefined;
    }
  }

  /** @returns a message of ours that was not acknowledged, to go out under its old number */
  sent(id: bigint): OutgoingMessage | undefined {
    return this.#unacknowledged.get(id);
  }

  /** Gives a message its id and sequence number, and remembers it where it is to be acknowledged. */
  number(message: OutgoingMessage): NumberedMessage {
    if (message.as !== undefined) return message.as;
    const id = this.#nextId(message.isReply);
    const sequence = this.#contentSent * 2 + (message.isContent ? 1 : 0);
    const numbered = { id, sequence, body: message.body };
    if (message.isContent) {
      this.#contentSent++;
      this.#unacknowledged.set(id, { ...message, as: numbered });
      this.#forgetOldest(this.#unacknowledged, MAX_UNACKNOWLEDGED);
    }
    const call = message.answers === undefined ? undefined : this.#received.get(message.answers);
    if (call !== undefined) {
      call.isAnswered = true;
      call.answer = message.body;
    }
    return numbered;
  }

  #nextId(isReply: boolean): bigint {
    const milliseconds = BigInt(Math.floor(this.#clock.now()));
    const time = (((milliseconds << 32n) / 1000n) & ~3n) + (isReply ? 1n : 3n);
    const least = (this.#lastSentId & ~3n) + 4n + (isReply ? 1n : 3n);
    this.#lastSentId = time > this.#lastSentId ? time : least;
    return this.#lastSentId;
  }

  #remember(id: bigint, what: Received): void {
    this.#received.set(id, what);
    const oldest = this.#forgetOldest(this.#received, MAX_REMEMBERED);
    if (oldest !== undefined && oldest > this.#floor) this.#floor = oldest;
  }

  #forgetOldest(map: Map<bigint, unknown>, most: number): bigint | undefined {
    if (map.size <= most) return undefined;
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
    return oldest;
  }
}
