import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { accountMethods } from './account-methods.ts';
import { ApiCall, type ApiHost } from './api-call.ts';
import { channelMethods } from './channel-methods.ts';
import type { ClientSession } from './client-session.ts';
import { RpcError } from './rpc-error.ts';
import { LAYER, tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { TlError, TlReader } from './tl-reader.ts';
import { updateMethods } from './update-methods.ts';

const METHODS = { ...accountMethods, ...channelMethods, ...updateMethods };

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

/** An answer that tests asked for in place of the real one. */
export interface ScriptedFailure {
  readonly code: number;
  readonly message: string;
  /** How many calls are still to be answered so. */
  times: number;
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
   * Runs one call of a session. @param body the call's bytes
   * @throws RpcError with what the client is to hear
   */
  run(session: ClientSession, body: Buffer): ApiAnswer {
    const started = this.#clock.monotonic();
    const { method, withoutUpdates } = this.#unwrap(session, this.#decode(body));
    this.counts.set(method._, (this.counts.get(method._) ?? 0) + 1);
    if (!withoutUpdates) session.wantsUpdates = true;
    const known = METHODS[method._];
    this.#failIfScripted(method._);
    if (known === undefined) {
      this.#log.warn({ method: method._ }, 'simulator: a method that it does not have');
      throw new RpcError(400, 'METHOD_NOT_SUPPORTED');
    }
    if (session.key.layer === undefined) throw new RpcError(400, 'CONNECTION_NOT_INITED');
    const call = new ApiCall(this.#host, session, method);
    if (known.anonymous !== true && call.account === undefined) throw new RpcError(401, 'AUTH_KEY_UNREGISTERED');
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
      }
      method = method.query as TlObject;
    }
    return { method, withoutUpdates };
  }

  #failIfScripted(method: string): void {
    for (const name of [method, '*']) {
      const failure = this.failures.get(name);
      if (failure === undefined) continue;
      failure.times--;
      if (failure.times <= 0) this.failures.delete(name);
      throw new RpcError(failure.code, failure.message);
    }
  }
}
