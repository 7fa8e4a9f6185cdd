import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { accountUpdateMethods } from './account-update-methods.ts';
import { ApiCall, type ApiHost, type ApiMethods } from './api-call.ts';
import { authorizationMethods } from './authorization-methods.ts';
import { channelMethods } from './channel-methods.ts';
import { channelUpdateMethods } from './channel-update-methods.ts';
import { chatMethods } from './chat-methods.ts';
import type { ClientSession } from './client-session.ts';
import { codeMethods } from './code-methods.ts';
import { configMethods } from './config-methods.ts';
import { dialogMethods } from './dialog-methods.ts';
import type { ClientDevice } from './key-state.ts';
import { passwordMethods } from './password-methods.ts';
import { qrMethods } from './qr-methods.ts';
import { RpcError } from './rpc-error.ts';
import { temporaryKeyMethods } from './temporary-key-methods.ts';
import { LAYER, tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { TlError, TlReader } from './tl-reader.ts';

import { userMethods } from './user-methods.ts';

const METHODS: ApiMethods = {
  ...configMethods,
  ...codeMethods,
  ...passwordMethods,
  ...qrMethods,
  ...authorizationMethods,
  ...temporaryKeyMethods,
  ...userMethods,
  ...dialogMethods,
  ...channelMethods,
  ...chatMethods,
  ...channelUpdateMethods,
  ...accountUpdateMethods,
};

/** Whoever hears this has to make a new key and log in with it. */
const DUPLICATED = 'AUTH_KEY_DUPLICATED';

const INVOKE_WITH_LAYER_ID = 0xda9b0d0d;

/** Methods that only carry another one. */
const WRAPPERS = new Set([
  'invokeWithLayer',
  'initConnection',
  'invokeWithoutUpdates',
  'invokeAfterMsg',
  'invokeAfterMsgs',
  'invokeWithMessagesRange',
]);

/** A client first binds its key, where that is a temporary one, then says what it is, and then calls. */
function failIfEarly({ wireKey, key }: ClientSession): void {
  if (wireKey.expiresAt !== undefined && wireKey.boundTo === undefined) throw new RpcError(401, 'AUTH_KEY_PERM_EMPTY');
  if (key.layer === undefined) throw new RpcError(400, 'CONNECTION_NOT_INITED');
}

/** An answer that tests asked for in place of the real one. */
export interface ScriptedFailure {
  readonly code: number;
  readonly message: string;
  /** How many calls are still to be answered so. */
  times: number;
}

/**
 * A method as the schema spells it, from that or from GramJS's spelling (`messages.GetHistory`); `*` stands for all.
 * @throws Error in words for people where there is none
 */
export function scriptableMethod(given: string): string {
  const name = given.replace(/(^|\.)([A-Z])/, (_, before: string, first: string) => before + first.toLowerCase());
  if (name === '*' || Object.hasOwn(METHODS, name)) return name;
  throw new Error(
    `the simulator has no method ${given}; it has ${Object.keys(METHODS).sort().join(', ')}, and * for all of them`,
  );
}

/** The name a failure goes by. @param phone whose calls fail; undefined for everybody's */
export function failureName(method: string, phone: string | undefined): string {
  return phone === undefined ? method : `${phone} ${method}`;
}

/** A call's result as bytes, and how long it is to be held back, in ms. */
export interface ApiAnswer {
  readonly result: Buffer;
  readonly delayMs: number;
}

/** The API: finds the method under a call's wrappings and runs it (https://core.telegram.org/api/invoking). */
export class Api {
  /** Calls by the method's name. */
  readonly counts = new Map<string, number>();
  /** By the method's name, or by {@link failureName} where only one account is to hear them. */
  readonly failures = new Map<string, ScriptedFailure>();
  /** Milliseconds by which a method's answers are held back. */
  readonly delays = new Map<string, number>();
  readonly #host: ApiHost;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(host: ApiHost, clock: Clock, log: Log) {
    this.#host = host;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Runs one call of a session. @param body the call's bytes @param messageId of the message it came in
   * @throws RpcError with what the client is to hear
   */
  run(session: ClientSession, body: Buffer, messageId: bigint): ApiAnswer {
    const started = this.#clock.monotonic();
    const { method, withoutUpdates } = this.#unwrap(session, this.#decode(body));
    this.counts.set(method._, (this.counts.get(method._) ?? 0) + 1);
    if (!withoutUpdates) session.wantsUpdates = true;
    const known = METHODS[method._];
    this.#failIfDuplicated(session);
    this.#failIfScripted(method._, session.key.account?.phone);
    if (known === undefined) {
      this.#log.warn({ method: method._ }, 'simulator: a method that it does not have');
      throw new RpcError(400, 'METHOD_NOT_SUPPORTED');
    }
    if (known.early !== true) failIfEarly(session);
    const call = new ApiCall(this.#host, session, method, messageId);
    if (known.anonymous !== true && call.account.dcId !== call.dcId && known.anywhere !== true) {
      throw new RpcError(303, `USER_MIGRATE_${call.account.dcId}`);
    }
    const given = known.run(call);
    const result = Buffer.isBuffer(given) ? given : tl.encode(given);
    this.#log.trace({ method: method._, ms: this.#clock.monotonic() - started, sizeBytes: result.length }, 'simulator: answered');
    return { result, delayMs: this.delays.get(method._) ?? 0 };
  }

  #decode(body: Buffer): TlObject {
    const peek = new TlReader(body);
    // A call of another layer need not be readable: look at the layer before the rest.
    if (peek.left >= 8 && peek.unsigned() === INVOKE_WITH_LAYER_ID && peek.int() !== LAYER) {
      throw new RpcError(400, 'CONNECTION_LAYER_INVALID');
    }
    try {
      return tl.decode(body);
    } catch (error) {
      if (!(error instanceof TlError)) throw error;
      this.#log.debug({ reason: error.message }, 'simulator: a call that cannot be read');
      throw new RpcError(400, error.unknownId === undefined ? 'INPUT_FETCH_ERROR' : `INPUT_METHOD_INVALID_${error.unknownId}`);
    }
  }

  #unwrap(session: ClientSession, outer: TlObject): { method: TlObject; withoutUpdates: boolean } {
    let method = outer;
    let withoutUpdates = false;
    let layer: number | undefined;
    while (WRAPPERS.has(method._)) {
      if (method._ === 'invokeWithLayer') {
        layer = method.layer as number;
        if (layer !== LAYER) throw new RpcError(400, 'CONNECTION_LAYER_INVALID');
      }
      if (method._ === 'invokeWithoutUpdates') withoutUpdates = true;
      if (method._ === 'initConnection') {
        if (layer === undefined) throw new RpcError(400, 'CONNECTION_LAYER_INVALID');
        if ((method.apiId as number) <= 0) throw new RpcError(400, 'CONNECTION_API_ID_INVALID');
        this.#host.state.setLayer(session.key, layer);
        const { apiId, deviceModel, systemVersion, appVersion } = method as TlObject & ClientDevice;
        session.key.device = { apiId, deviceModel, systemVersion, appVersion };
      }
      method = method.query as TlObject;
    }
    return { method, withoutUpdates };
  }

  /** A login that is used over two sockets ends, and its key is of no use from then on. */
  #failIfDuplicated({ key, carrier }: ClientSession): void {
    const duplicated = carrier !== undefined && this.#host.uses.called(key, carrier) && key.account !== undefined;
    if (duplicated) {
      this.#log.warn({ phone: key.account?.phone }, 'simulator: a login is used over two sockets');
      this.#host.state.refuse(key, 406, DUPLICATED);
    }
    if (key.refusal?.message === DUPLICATED) throw new RpcError(406, DUPLICATED);
  }

  #failIfScripted(method: string, phone: string | undefined): void {
    const own = phone === undefined ? [] : [failureName(method, phone), failureName('*', phone)];
    for (const name of [...own, method, '*']) {
      const failure = this.failures.get(name);
      if (failure === undefined) continue;
      failure.times--;
      if (failure.times <= 0) this.failures.delete(name);
      throw new RpcError(failure.code, failure.message);
    }
  }
}
