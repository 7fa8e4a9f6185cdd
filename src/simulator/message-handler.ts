import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import type { BadMessageCode, ClientSession, Parity } from './client-session.ts';
import type { Connection } from './connection.ts';
import type { Envelope } from './envelope.ts';
import { isPacked, rpcFailure, rpcResult, unpacked } from './rpc.ts';
import { RpcError } from './rpc-error.ts';
import type { Salts } from './salts.ts';
import type { ServerState } from './server-state.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { TlError, TlReader } from './tl-reader.ts';

const CONTAINER_ID = 0x73f1f8dc;
const MAX_CONTAINER_MESSAGES = 1_020;

/** What the handling of messages needs of the server. */
export interface MessageHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly salts: Salts;
  readonly state: ServerState;
  readonly api: Api;
  /** Seconds since the epoch. */
  now(): number;
  /** @returns whether there was such a session of this key */
  endSession(keyId: bigint, sessionId: bigint): boolean;
  /** Forgets a key with everything that hangs on it. */
  destroyKey(session: ClientSession): void;
}

/** One message out of an envelope. */
interface Incoming {
  readonly id: bigint;
  readonly sequence: number;
  readonly body: Buffer;
}

/** Service messages that are not calls, and how each must be numbered. */
const SERVICE_PARITY: Readonly<Record<string, Parity>> = {
  msgs_ack: 'either',
  msgs_state_info: 'either',
  msgs_all_info: 'either',
  msgs_state_req: 'either',
  msg_resend_req: 'either',
  msg_detailed_info: 'either',
  http_wait: 'either',
  ping: 'either',
  ping_delay_disconnect: 'either',
  get_future_salts: 'either',
  rpc_drop_answer: 'either',
  destroy_session: 'either',
  destroy_auth_key: 'either',
};

/** Service messages whose answers name the message they answer; and acknowledgements, some clients' odd numbers on which mean nothing. */
const NEVER_ACKNOWLEDGED = new Set([
  'ping',
  'ping_delay_disconnect',
  'get_future_salts',
  'msgs_state_req',
  'rpc_drop_answer',
  'msgs_ack',
]);

function stateInfo(session: ClientSession, reqMsgId: bigint, ids: readonly bigint[]): TlObject {
  return { _: 'msgs_state_info', reqMsgId, info: Buffer.from(ids.map((id) => session.stateOf(id))) };
}

/** What MTProto does with a client's messages before any API is asked (https://core.telegram.org/mtproto/service_messages). */
export class MessageHandler {
  readonly #host: MessageHost;

  constructor(host: MessageHost) {
    this.#host = host;
  }

  /** Takes the message of an envelope, or the messages of its container. */
  handle(connection: Connection, session: ClientSession, envelope: Envelope): void {
    const { salts } = this.#host;
    const { key, firstSalt } = session.wireKey;
    const keyId = key.id;
    const message: Incoming = { id: envelope.messageId, sequence: envelope.sequence, body: envelope.body };
    session.carrier = connection;
    if (!salts.accepts(keyId, this.#host.now(), envelope.salt, firstSalt)) {
      this.#tell(session, {
        _: 'bad_server_salt',
        badMsgId: message.id,
        badMsgSeqno: message.sequence,
        errorCode: 48,
        newServerSalt: salts.at(keyId, this.#host.now()),
      });
      return;
    }
    try {
      this.#open(connection, session, message);
    } catch (error) {
      if (!(error instanceof TlError)) throw error;
      this.#host.log.debug({ reason: error.message }, 'simulator: a message that cannot be read');
      this.#refuse(session, message, 64);
    }
  }

  #open(connection: Connection, session: ClientSession, message: Incoming): void {
    const reader = new TlReader(message.body);
    if (reader.unsigned() !== CONTAINER_ID) {
      this.#one(connection, session, message);
      return;
    }
    const bad = session.admit(message.id, message.sequence, 'even');
    if (bad !== undefined) {
      this.#refuse(session, message, bad === 'duplicate' ? 19 : bad);
      return;
    }
    const inner: Incoming[] = [];
    const count = reader.count(16);
    if (count > MAX_CONTAINER_MESSAGES) throw new TlError(`a container of ${count} messages`);
    for (let index = 0; index < count; index++) {
      const id = reader.long();
      const sequence = reader.int();
      inner.push({ id, sequence, body: reader.raw(reader.int()) });
    }
    for (const one of inner) {
      if (one.id >= message.id || (one.body.length >= 4 && one.body.readUInt32LE(0) === CONTAINER_ID))
        this.#refuse(session, one, 64);
      else this.#one(connection, session, one);
    }
  }

  #one(connection: Connection, session: ClientSession, message: Incoming): void {
    let { body } = message;
    let service: TlObject | undefined;
    let unreadable = false;
    try {
      const reader = new TlReader(body);
      if (isPacked(reader.unsigned())) body = unpacked(reader);
      const name = tl.definition(new TlReader(body).unsigned())?.name;
      if (name !== undefined && SERVICE_PARITY[name] !== undefined) service = tl.decode(body);
    } catch (error) {
      if (!(error instanceof TlError)) throw error;
      unreadable = true;
    }
    const parity = unreadable ? 'either' : service === undefined ? 'odd' : (SERVICE_PARITY[service._] ?? 'either');
    const bad = session.admit(message.id, message.sequence, parity);
    if (bad === 'duplicate') this.#again(session, message);
    else if (bad !== undefined) this.#refuse(session, message, bad);
    else {
      this.#announce(session, message);
      if (service === undefined) this.#call(session, message.id, body);
      else {
        this.#serve(connection, session, message, service);
        // What is content wants an answer that names it, or an acknowledgement.
        const wantsOne = (message.sequence & 1) === 1 && !NEVER_ACKNOWLEDGED.has(service._);
        if (wantsOne) this.#acknowledge(session, message.id);
      }
    }
  }

  /** A session's first message is answered with the news that the session began. */
  #announce(session: ClientSession, message: Incoming): void {
    if (session.announced) return;
    session.announced = true;
    const keyId = session.wireKey.key.id;
    const serverSalt = this.#host.salts.at(keyId, this.#host.now());
    const body = {
      _: 'new_session_created',
      firstMsgId: message.id,
      uniqueId: session.id ^ BigInt(this.#host.now()),
      serverSalt,
    };
    session.carrier?.queue(session, { body: tl.encode(body), isContent: true, isReply: false });
  }

  /** The client sent a message again: it gets the same answer, if that was given; the call is not run twice. */
  #again(session: ClientSession, message: Incoming): void {
    const answer = session.answerTo(message.id);
    if (answer === undefined) this.#acknowledge(session, message.id);
    else session.carrier?.queue(session, { body: answer, isContent: true, isReply: true, answers: message.id });
  }

  #refuse(session: ClientSession, message: Incoming, errorCode: BadMessageCode): void {
    this.#tell(session, { _: 'bad_msg_notification', badMsgId: message.id, badMsgSeqno: message.sequence, errorCode });
  }

  #acknowledge(session: ClientSession, messageId: bigint): void {
    this.#tell(session, { _: 'msgs_ack', msgIds: [messageId] });
  }

  /** Queues a service message that needs no acknowledgement. */
  #tell(session: ClientSession, object: TlObject): void {
    session.carrier?.queue(session, { body: tl.encode(object), isContent: false, isReply: true });
  }

  #call(session: ClientSession, callId: bigint, body: Buffer): void {
    const answer = (bytes: Buffer): void => {
      session.carrier?.queue(session, { body: bytes, isContent: true, isReply: true, answers: callId });
    };
    try {
      const { result, delayMs } = this.#host.api.run(session, body, callId);
      const reply = rpcResult(callId, result);
      if (delayMs === 0) {
        answer(reply);
        return;
      }
      this.#acknowledge(session, callId);
      this.#host.clock.setTimeout(() => {
        answer(reply);
        session.carrier?.flush();
      }, delayMs);
    } catch (error) {
      if (error instanceof RpcError) {
        answer(rpcFailure(callId, error.code, error.message));
        return;
      }
      this.#host.log.error({ err: error }, 'simulator: a call failed');
      answer(rpcFailure(callId, 500, 'INTERNAL_SERVER_ERROR'));
    }
  }

  #serve(connection: Connection, session: ClientSession, message: Incoming, request: TlObject): void {
    const { salts } = this.#host;
    const keyId = session.wireKey.key.id;
    const reply = (object: TlObject): void => {
      session.carrier?.queue(session, { body: tl.encode(object), isContent: false, isReply: true });
    };
    const ids = (): readonly bigint[] => (request.msgIds ?? []) as readonly bigint[];
    switch (request._) {
      case 'msgs_ack':
        session.acknowledge(ids());
        return;
      case 'ping':
        reply({ _: 'pong', msgId: message.id, pingId: request.pingId });
        return;
      case 'ping_delay_disconnect':
        connection.disconnectAfter(Math.max(0, request.disconnectDelay as number) * 1000);
        reply({ _: 'pong', msgId: message.id, pingId: request.pingId });
        return;
      case 'get_future_salts': {
        const now = this.#host.now();
        const future = salts.future(keyId, now, request.num as number);
        reply({
          _: 'future_salts',
          reqMsgId: message.id,
          now,
          salts: future.map(({ validSince, validUntil, value }) => ({ _: 'future_salt', validSince, validUntil, salt: value })),
        });
        return;
      }
      case 'msgs_state_req':
        reply(stateInfo(session, message.id, ids()));
        return;
      case 'msg_resend_req': {
        const found = ids().map((id) => session.sent(id));
        for (const sent of found) if (sent !== undefined) session.carrier?.queue(session, sent);
        // Where one of them is not there any more, all are answered as if msgs_state_req had asked.
        if (found.includes(undefined)) reply(stateInfo(session, message.id, ids()));
        return;
      }
      case 'rpc_drop_answer':
        this.#dropAnswer(session, message, request.reqMsgId as bigint);
        return;
      case 'destroy_session': {
        const sessionId = request.sessionId as bigint;
        const ended = sessionId !== session.id && this.#host.endSession(keyId, sessionId);
        reply({ _: ended ? 'destroy_session_ok' : 'destroy_session_none', sessionId });
        return;
      }
      case 'destroy_auth_key':
        reply({ _: 'destroy_auth_key_ok' });
        connection.flush();
        this.#host.destroyKey(session);
        return;
      default:
        // Told, not asked: msgs_state_info, msgs_all_info, msg_detailed_info, http_wait.
        return;
    }
  }

  #dropAnswer(session: ClientSession, message: Incoming, callId: bigint): void {
    const received = session.hasReceived(callId);
    const dropped = session.dropAnswer(callId);
    const result: TlObject = dropped
      ? { _: 'rpc_answer_dropped', msgId: callId, seqNo: 0, bytes: 0 }
      : { _: received ? 'rpc_answer_dropped_running' : 'rpc_answer_unknown' };
    const body = rpcResult(message.id, tl.encode(result));
    session.carrier?.queue(session, { body, isContent: true, isReply: true, answers: message.id });
  }
}
