import type { Clock } from '../clock.ts';
import type { KeyState } from './server-state.ts';

/** Whoever can carry a session's messages to its client. */
export interface SessionCarrier {
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
  readonly key: KeyState;
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
  /** Calls and other messages that came, oldest first, with the answer where it was sent and not acknowledged yet. */
  readonly #received = new Map<bigint, Buffer | undefined>();
  /** Messages that went out and were not acknowledged; the call each answers. */
  readonly #unacknowledged = new Map<bigint, OutgoingMessage>();

  constructor(id: bigint, key: KeyState, clock: Clock) {
    this.id = id;
    this.key = key;
    this.#clock = clock;
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
    this.#remember(id);
    return undefined;
  }

  /** Whether a message came: 4 received, 3 too high an id, 2 in range but not received, 1 too old to know (msgs_state_info). */
  stateOf(id: bigint): 1 | 2 | 3 | 4 {
    if (this.#received.has(id)) return 4;
    if (id <= this.#floor) return 1;
    const newest = this.#lastContent?.id ?? 0n;
    return id > newest ? 3 : 2;
  }

  /** @returns the answer that was given to a call, while the client has not acknowledged it */
  answerTo(id: bigint): Buffer | undefined {
    return this.#received.get(id);
  }

  hasReceived(id: bigint): boolean {
    return this.#received.has(id);
  }

  /** Forgets the answer to a call. @returns whether there was one */
  dropAnswer(id: bigint): boolean {
    const had = this.#received.get(id) !== undefined;
    if (had) this.#received.set(id, undefined);
    return had;
  }

  /** The client has these messages of ours. */
  acknowledge(ids: readonly bigint[]): void {
    for (const id of ids) {
      const message = this.#unacknowledged.get(id);
      this.#unacknowledged.delete(id);
      if (message?.answers !== undefined && this.#received.has(message.answers)) this.#received.set(message.answers, undefined);
    }
  }

  /** @returns a message of ours that was not acknowledged */
  sent(id: bigint): OutgoingMessage | undefined {
    return this.#unacknowledged.get(id);
  }

  /** Gives a message its id and sequence number, and remembers it where it is to be acknowledged. */
  number(message: OutgoingMessage): NumberedMessage {
    const id = this.#nextId(message.isReply);
    const sequence = this.#contentSent * 2 + (message.isContent ? 1 : 0);
    if (message.isContent) {
      this.#contentSent++;
      this.#unacknowledged.set(id, message);
      this.#forgetOldest(this.#unacknowledged, MAX_UNACKNOWLEDGED);
    }
    if (message.answers !== undefined && this.#received.has(message.answers)) this.#received.set(message.answers, message.body);
    return { id, sequence, body: message.body };
  }

  #nextId(isReply: boolean): bigint {
    const milliseconds = BigInt(Math.floor(this.#clock.now()));
    const time = (((milliseconds << 32n) / 1000n) & ~3n) + (isReply ? 1n : 3n);
    const least = (this.#lastSentId & ~3n) + 4n + (isReply ? 1n : 3n);
    this.#lastSentId = time > this.#lastSentId ? time : least;
    return this.#lastSentId;
  }

  #remember(id: bigint): void {
    this.#received.set(id, undefined);
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
