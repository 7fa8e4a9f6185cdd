import { keyedLong } from './digest.ts';

/** How long a salt is new, in seconds; it is accepted for as long again. */
const PERIOD = 1800;

/** A server salt and when it counts, in seconds since the epoch. */
export interface Salt {
  readonly validSince: number;
  readonly validUntil: number;
  readonly value: bigint;
}

/** The salt that both sides of a key exchange know, with which a client may begin (https://core.telegram.org/mtproto/auth_key, step 9). */
export function firstSalt(newNonce: Buffer, serverNonce: Buffer, seconds: number): Salt {
  const value = newNonce.readBigInt64LE(0) ^ serverNonce.readBigInt64LE(0);
  return { validSince: seconds, validUntil: seconds + PERIOD, value };
}

/**
 * An auth key's server salts (https://core.telegram.org/mtproto/description#server-salt). A function of key and time, so that they
 * survive a restart without being kept.
 */
export class Salts {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** The salt to use at a time. */
  at(keyId: bigint, seconds: number): bigint {
    return this.#salt(keyId, Math.floor(seconds / PERIOD)).value;
  }

  /** @param first the key's first salt, where that is known @returns whether a message with this salt is to be taken */
  accepts(keyId: bigint, seconds: number, salt: bigint, first?: Salt): boolean {
    const period = Math.floor(seconds / PERIOD);
    if (first !== undefined && salt === first.value && seconds < first.validUntil) return true;
    return salt === this.#salt(keyId, period).value || salt === this.#salt(keyId, period - 1).value;
  }

  /** The salts from now on, at most 64 (get_future_salts). */
  future(keyId: bigint, seconds: number, count: number): Salt[] {
    const period = Math.floor(seconds / PERIOD);
    const wanted = Math.max(1, Math.min(64, count));
    return Array.from({ length: wanted }, (_, index) => this.#salt(keyId, period + index));
  }

  #salt(keyId: bigint, period: number): Salt {
    return {
      validSince: period * PERIOD,
      validUntil: (period + 2) * PERIOD,
      value: keyedLong(this.#secret, 'salt', keyId, period),
    };
  }
}
