import { generatePrimeSync, randomBytes } from 'node:crypto';
import { igeDecrypt, igeEncrypt } from './aes-ige.ts';
import { type AuthKey, authKeyReadings } from './auth-key.ts';
import { DH_GENERATOR, DH_PRIME, exchangeKeys, isPublicValueSafe, sharedSecret } from './diffie-hellman.ts';
import { sha1 } from './digest.ts';
import { openInnerData } from './inner-data.ts';
import { firstSalt, type Salt } from './salts.ts';
import type { ServerKey } from './server-key.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';
import { TlReader } from './tl-reader.ts';
import { TRANSPORT_ERRORS, type TransportErrorCode } from './transport-errors.ts';

/** The client did something no honest client does: the connection is closed, with a transport error where there is one for it. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly transportError: TransportErrorCode | undefined;

  constructor(message: string, transportError?: TransportErrorCode) {
    super(message);
    this.transportError = transportError;
  }
}

/** What of the outside a handshake needs. */
export interface HandshakeHost {
  readonly serverKey: ServerKey;
  /** The data centre that keys are made with. */
  readonly dcId: number;
  /** Seconds since the epoch. */
  now(): number;
  /**
   * Keeps a finished key under both of its readings. @param salt its first one @param expiresAt of a temporary key, in seconds since the epoch
   * @returns false when the id is taken
   */
  keep(readings: readonly AuthKey[], salt: Salt, expiresAt: number | undefined): boolean;
  /** An answer that tests asked for in place of `dh_gen_ok`; taken once. */
  takeForcedAnswer(): 'retry' | 'fail' | undefined;
}

interface Exchange {
  readonly nonce: Buffer;
  readonly serverNonce: Buffer;
  readonly pq: Buffer;
  readonly p: Buffer;
  readonly q: Buffer;
}

interface Agreement {
  readonly newNonce: Buffer;
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly exponent: Buffer;
  /** Whether the client hashes its key with leading zeros; only those that know `p_q_inner_data_dc` do. */
  readonly pads: boolean;
  /** How long the key is to live, in seconds; undefined for ever. */
  readonly expiresIn: number | undefined;
  /** Aux hash of the secret that a retry replaces, 0 before the first. */
  retryId: bigint;
}

function bigEndian(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

/** Two primes below 2^31, the smaller first: their product stays below 2^63, as clients rely on. */
function twoPrimes(): { p: bigint; q: bigint } {
  for (;;) {
    const a = generatePrimeSync(31, { bigint: true });
    const b = generatePrimeSync(31, { bigint: true });
    if (a !== b) return a < b ? { p: a, q: b } : { p: b, q: a };
  }
}

function bytesField(object: TlObject, name: string): Buffer {
  return object[name] as Buffer;
}

/**
 * The server's half of the making of an auth key, one a connection (https://core.telegram.org/mtproto/auth_key).
 * Each method takes a request and gives its answer; a client that does not keep to the protocol gets a {@link HandshakeError}.
 */
export class Handshake {
  readonly #host: HandshakeHost;
  #exchange: Exchange | undefined;
  #agreement: Agreement | undefined;

  constructor(host: HandshakeHost) {
    this.#host = host;
  }

  /** @returns undefined where nothing is to be said @throws HandshakeError, TlError */
  answer(request: TlObject): TlObject | undefined {
    switch (request._) {
      case 'req_pq':
      case 'req_pq_multi':
        return this.#begin(bytesField(request, 'nonce'));
      case 'req_DH_params':
        return this.#agree(request);
      case 'set_client_DH_params':
        return this.#finish(request);
      case 'msgs_ack':
        // Some clients acknowledge our answers here too.
        return undefined;
      default:
        throw new HandshakeError(`${request._} without an auth key`);
    }
  }

  #begin(nonce: Buffer): TlObject {
    const { p, q } = twoPrimes();
    const exchange = {
      nonce: Buffer.from(nonce),
      serverNonce: randomBytes(16),
      pq: bigEndian(p * q),
      p: bigEndian(p),
      q: bigEndian(q),
    };
    this.#exchange = exchange;
    this.#agreement = undefined;
    return {
      _: 'resPQ',
      nonce: exchange.nonce,
      serverNonce: exchange.serverNonce,
      pq: exchange.pq,
      serverPublicKeyFingerprints: [this.#host.serverKey.fingerprint],
    };
  }

  #current(request: TlObject): Exchange {
    const exchange = this.#exchange;
    if (exchange === undefined) throw new HandshakeError(`${request._} before req_pq_multi`);
    if (!bytesField(request, 'nonce').equals(exchange.nonce)) throw new HandshakeError('another nonce');
    if (!bytesField(request, 'serverNonce').equals(exchange.serverNonce)) throw new HandshakeError('another server nonce');
    return exchange;
  }

  #agree(request: TlObject): TlObject {
    const exchange = this.#current(request);
    if (request.publicKeyFingerprint !== this.#host.serverKey.fingerprint) throw new HandshakeError('another public key');
    const decrypted = this.#host.serverKey.decrypt(bytesField(request, 'encryptedData'));
    const inner = decrypted === undefined ? undefined : openInnerData(decrypted);
    if (inner === undefined) throw new HandshakeError('the inner data is neither what RSA_PAD makes nor what came before it');
    if (!inner._.startsWith('p_q_inner_data')) throw new HandshakeError(`${inner._} in place of the inner data`);
    const newNonce = Buffer.from(bytesField(inner, 'newNonce'));
    const proven =
      bytesField(inner, 'nonce').equals(exchange.nonce) &&
      bytesField(inner, 'serverNonce').equals(exchange.serverNonce) &&
      [inner, request].every((where) => bytesField(where, 'p').equals(exchange.p) && bytesField(where, 'q').equals(exchange.q)) &&
      bytesField(inner, 'pq').equals(exchange.pq);
    if (!proven) {
      return {
        _: 'server_DH_params_fail',
        nonce: exchange.nonce,
        serverNonce: exchange.serverNonce,
        newNonceHash: sha1(newNonce).subarray(4, 20),
      };
    }
    if (inner.dc !== undefined && inner.dc !== this.#host.dcId) {
      throw new HandshakeError(`a key for data centre ${inner.dc}`, TRANSPORT_ERRORS.wrongDataCentre);
    }
    const expiresIn = inner.expiresIn as number | undefined;
    if (expiresIn !== undefined && expiresIn <= 0) throw new HandshakeError('a temporary key of no time');
    const { exponent, publicValue } = exchangeKeys();
    const hashA = sha1(newNonce, exchange.serverNonce);
    const hashB = sha1(exchange.serverNonce, newNonce);
    const hashC = sha1(newNonce, newNonce);
    const agreement: Agreement = {
      newNonce,
      key: Buffer.concat([hashA, hashB.subarray(0, 12)]),
      iv: Buffer.concat([hashB.subarray(12, 20), hashC, newNonce.subarray(0, 4)]),
      exponent,
      pads: inner.dc !== undefined,
      expiresIn,
      retryId: 0n,
    };
    this.#agreement = agreement;
    const answer = tl.encode({
      _: 'server_DH_inner_data',
      nonce: exchange.nonce,
      serverNonce: exchange.serverNonce,
      g: DH_GENERATOR,
      dhPrime: DH_PRIME,
      gA: publicValue,
      serverTime: this.#host.now(),
    });
    const hashed = Buffer.concat([sha1(answer), answer]);
    const padded = Buffer.concat([hashed, randomBytes((16 - (hashed.length % 16)) % 16)]);
    return {
      _: 'server_DH_params_ok',
      nonce: exchange.nonce,
      serverNonce: exchange.serverNonce,
      encryptedAnswer: igeEncrypt(padded, agreement.key, agreement.iv),
    };
  }

  #finish(request: TlObject): TlObject {
    const exchange = this.#current(request);
    const agreement = this.#agreement;
    if (agreement === undefined) throw new HandshakeError('set_client_DH_params before req_DH_params');
    const inner = this.#clientInner(bytesField(request, 'encryptedData'), exchange, agreement);
    const clientPublic = bytesField(inner, 'gB');
    const { padded, short } = authKeyReadings(
      isPublicValueSafe(clientPublic) ? sharedSecret(agreement.exponent, clientPublic) : Buffer.alloc(256),
    );
    const key = agreement.pads ? padded : short;
    const answer = (number: 1 | 2 | 3, name: string): TlObject => ({
      _: name,
      nonce: exchange.nonce,
      serverNonce: exchange.serverNonce,
      [`newNonceHash${number}`]: sha1(agreement.newNonce, Buffer.from([number]), key.auxHash).subarray(4, 20),
    });
    const forced = this.#host.takeForcedAnswer();
    if (forced === 'fail' || !isPublicValueSafe(clientPublic)) {
      this.#agreement = undefined;
      return answer(3, 'dh_gen_fail');
    }
    // The key the client asks for with must be the one it was told to replace, else it and we speak of different retries.
    if (inner.retryId !== agreement.retryId) throw new HandshakeError('another retry id');
    const now = this.#host.now();
    const expiresAt = agreement.expiresIn === undefined ? undefined : now + agreement.expiresIn;
    const salt = firstSalt(agreement.newNonce, exchange.serverNonce, now);
    if (forced === 'retry' || !this.#host.keep(padded.id === short.id ? [padded] : [padded, short], salt, expiresAt)) {
      agreement.retryId = key.auxHash.readBigInt64LE(0);
      return answer(2, 'dh_gen_retry');
    }
    this.#exchange = undefined;
    this.#agreement = undefined;
    return answer(1, 'dh_gen_ok');
  }

  #clientInner(encrypted: Buffer, exchange: Exchange, agreement: Agreement): TlObject {
    if (encrypted.length < 48 || encrypted.length % 16 !== 0) throw new HandshakeError('encrypted data of a wrong length');
    const plain = igeDecrypt(encrypted, agreement.key, agreement.iv);
    const reader = new TlReader(plain.subarray(20));
    const inner = tl.read(reader);
    if (inner._ !== 'client_DH_inner_data') throw new HandshakeError(`${inner._} in place of the client's inner data`);
    const body = plain.subarray(20, plain.length - reader.left);
    if (!sha1(body).equals(plain.subarray(0, 20))) throw new HandshakeError("a wrong hash of the client's inner data");
    const same =
      bytesField(inner, 'nonce').equals(exchange.nonce) && bytesField(inner, 'serverNonce').equals(exchange.serverNonce);
    if (!same) throw new HandshakeError("another nonce in the client's inner data");
    return inner;
  }
}
