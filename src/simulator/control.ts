import { type ErrorRecord, VigiliaError } from '../errors.ts';
import type { LoginControlOps } from './control-login.ts';
import type { UpdateControlOps } from './control-updates.ts';
import type { TlObject } from './tl-codec.ts';
import type { TransportErrorCode } from './transport-errors.ts';

/** A message of a channel in plain JSON, as {@link ControlOps} `dump` gives it. Dates are seconds since the epoch. */
export interface DumpedMessage {
  readonly id: number;
  readonly date: number;
  readonly editDate: number | null;
  readonly kind: 'message' | 'service';
  readonly text: string;
  /** `messageEntity…` objects; 64-bit numbers as decimal strings. */
  readonly entities: readonly TlObject[];
  readonly replyToId: number | null;
  /** The class of what is attached, `messageMediaPhoto` … */
  readonly media: string | null;
  readonly views: number | null;
  readonly pinned: boolean;
}

/** A channel as the simulator lists it. */
export interface ListedChannel {
  readonly username: string;
  /** Bare id. */
  readonly id: number;
  readonly title: string;
  readonly kind: 'channel' | 'supergroup';
  readonly messages: number;
  readonly pts: number;
}

/** Somebody who can log in. */
export interface ListedAccount {
  readonly phone: string;
  readonly code: string;
  readonly userId: number;
  /** The second step of the login, or null where there is none. */
  readonly password: string | null;
  /** The data centre it lives in. */
  readonly dcId: number;
}

/** @returns what somebody logs in with, for people: `+15550000001, code 12345` */
export function inWords({ phone, code, password }: Pick<ListedAccount, 'phone' | 'code' | 'password'>): string {
  return `+${phone}, code ${code}${password === null ? '' : `, password "${password}"`}`;
}

/** An auth key that is or was in use, in the life of this process. */
interface ListedKey {
  /** Its id, decimal and signed. */
  readonly key: string;
  /** Who is logged in on it. */
  readonly phone: string | null;
  readonly dcId: number;
  /** Sockets that it is used over. */
  readonly sockets: number;
  /** The most there were at one time. */
  readonly maxSockets: number;
}

/** What a simulator says of itself once it listens. */
export interface SimulatorInfo {
  /** Of the home data centre. */
  readonly address: { readonly host: string; readonly port: number };
  /** All of them, the home one first. */
  readonly dataCentres: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  readonly publicKeyPem: string;
  readonly publicKeyFile: string;
  /** First 16 hex digits of the SHA-256 of the public key in DER. */
  readonly worldId: string;
  readonly accounts: readonly ListedAccount[];
  readonly channels: readonly ListedChannel[];
}

/** What the simulator can be told to do. `channel` is a username; `method` a name of the schema, or `*` for all. */
export interface ControlOps extends LoginControlOps, UpdateControlOps {
  /** A new post. `date` in seconds since the epoch, now by default. */
  post: {
    request: {
      channel: string;
      text: string;
      entities?: readonly TlObject[];
      date?: number;
      replyToId?: number;
      fromId?: number;
    };
    result: { id: number; pts: number; date: number };
  };
  edit: {
    request: { channel: string; messageId: number; text: string; entities?: readonly TlObject[] };
    result: { pts: number; editDate: number };
  };
  delete: { request: { channel: string; ids: readonly number[] }; result: { ids: readonly number[]; pts: number } };
  /** Closes all connections, or those of one account. */
  drop: { request: { phone?: string }; result: { connections: number } };
  /**
   * Sockets stay open, nothing is read or answered, until `thaw`: all there are and will be, or those that one account has now (it can
   * come back by another one). A client that closes a frozen socket is not seen to do so.
   */
  freeze: { request: { phone?: string }; result: Record<never, never> };
  thaw: { request: { phone?: string }; result: Record<never, never> };
  /** Answers a method with an RPC error, `times` times, or for ever where it is absent; `times: 0` ends it. `phone`: that account's calls only. */
  fail: {
    request: { method: string; code: number; message: string; times?: number; phone?: string };
    result: Record<never, never>;
  };
  /** Holds a method's answers back; 0 ends it. */
  delay: { request: { method: string; delayMs: number }; result: Record<never, never> };
  /** What the next handshakes end with in place of `dh_gen_ok`. */
  handshake: { request: { answers: readonly ('retry' | 'fail')[] }; result: Record<never, never> };
  /** What the next packets are answered with, in place of whatever they ask for; each connection ends with that. */
  transportErrors: { request: { errors: readonly TransportErrorCode[] }; result: Record<never, never> };
  /** Whether a channel's happenings are pushed (they are, by default). */
  push: { request: { channel: string; on: boolean }; result: Record<never, never> };
  /**
   * Logs an account out everywhere; with `forgetKeys` its auth keys are unknown from then on (-404); with `error` (`SESSION_REVOKED`,
   * code 401) that is what its calls hear.
   */
  revoke: { request: { phone: string; forgetKeys?: boolean; error?: string }; result: { keys: number } };
  /** A channel's messages, oldest first; by id where `ids` is given. */
  dump: { request: { channel: string; after?: number; limit?: number }; result: readonly DumpedMessage[] };
  channels: { request: Record<never, never>; result: readonly ListedChannel[] };
  stats: {
    request: Record<never, never>;
    result: {
      connections: number;
      accepted: number;
      sessions: number;
      pushed: number;
      calls: Readonly<Record<string, number>>;
      /** The most sockets that one auth key was used over at one time. */
      maxSocketsPerKey: number;
      keys: readonly ListedKey[];
    };
  };
}

/** The name of something the simulator can be told. */
export type ControlOp = keyof ControlOps;

/** One thing it is told, without the envelope. */
export type ControlRequest = { [Op in ControlOp]: { op: Op } & ControlOps[Op]['request'] }[ControlOp];

/** What goes to the simulator's process. */
export type ControlMessage = { readonly id: number } & ControlRequest;

/** What comes from it: first the announcement, or why there is none, then an answer for each message. */
export type ControlReply =
  | ({ readonly type: 'listening' } & SimulatorInfo)
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: string };

/** A simulator's process as its parent sees it, or the parent as the process does: Node's `ChildProcess` and `process` fit. */
export interface ControlChannel {
  /** False once the other side is gone. */
  readonly connected?: boolean;
  send?(message: unknown, sent: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The parent's end of the channel: tells a simulator in another process what to do. */
export class ControlClient {
  /** Resolves with what the simulator says of itself; rejects with its own reason when it cannot start, and when its process ends before. */
  readonly listening: Promise<SimulatorInfo>;
  readonly #channel: ControlChannel;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #closed = false;

  /** @param channel the child process, forked with an IPC channel */
  constructor(channel: ControlChannel) {
    this.#channel = channel;
    this.listening = new Promise((resolve, reject) => {
      channel.on('message', (message) => this.#onMessage(message as ControlReply, resolve, reject));
      channel.on('disconnect', () => {
        this.#closed = true;
        const gone = new Error('the simulator process is gone');
        reject(gone);
        for (const waiting of this.#waiting.values()) waiting.reject(gone);
        this.#waiting.clear();
      });
    });
    // Whoever never asks for it shall not be told of its failure as an unhandled one.
    this.listening.catch(() => {});
  }

  /** Tells the simulator one thing. @throws Error with the simulator's words when it cannot be done, or when it is gone */
  tell<Op extends ControlOp>(op: Op, request: ControlOps[Op]['request']): Promise<ControlOps[Op]['result']> {
    if (this.#closed) return Promise.reject(new Error('the simulator process is gone'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#channel.send?.({ ...request, id, op }, (error) => {
        if (error !== null && this.#waiting.delete(id)) reject(error);
      });
    });
  }

  #onMessage(message: ControlReply, announce: (info: SimulatorInfo) => void, fail: (reason: Error) => void): void {
    if ('type' in message) {
      if (message.type === 'failed') {
        fail(new VigiliaError(message.error.code, message.error.message));
        return;
      }
      const { type: _type, ...info } = message;
      announce(info);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.ok) waiting?.resolve(message.result);
    else waiting?.reject(new Error(message.error));
  }
}
