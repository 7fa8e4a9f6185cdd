import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { DH_GENERATOR, DH_PRIME, exchangeKeys, isPublicValueSafe, sharedSecret } from './diffie-hellman.ts';
import { sha256 } from './digest.ts';

const SIZE_BYTES = 256;
const ITERATIONS = 100_000;

function toNumber(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(SIZE_BYTES * 2, '0'), 'hex');
}

const PRIME = toNumber(DH_PRIME);
const GENERATOR = toBytes(BigInt(DH_GENERATOR));
const MULTIPLIER = toNumber(sha256(DH_PRIME, GENERATOR));

/** A base to the power of an exponent, modulo the prime. */
function power(base: bigint, exponent: Buffer): bigint {
  return toNumber(sharedSecret(exponent, toBytes(base)));
}

function salted(data: Buffer, salt: Buffer): Buffer {
  return sha256(salt, data, salt);
}

/** The two salts of an account's password. */
export interface PasswordSalts {
  readonly salt1: Buffer;
  readonly salt2: Buffer;
}

/** What a server keeps in place of a password. */
export interface PasswordVerifier extends PasswordSalts {
  readonly verifier: bigint;
}

/** The server's half of one check. */
export interface PasswordChallenge {
  readonly exponent: Buffer;
  /** 256 bytes: `srp_B`. */
  readonly publicValue: Buffer;
}

/**
 * What a password is stored as (https://core.telegram.org/api/srp): the generator to the power of its hash. Takes a tenth of a second,
 * as it is meant to.
 */
export function passwordVerifier(password: string, { salt1, salt2 }: PasswordSalts): PasswordVerifier {
  const first = salted(salted(Buffer.from(password, 'utf8'), salt1), salt2);
  const hash = salted(pbkdf2Sync(first, salt1, ITERATIONS, 64, 'sha512'), salt2);
  return { salt1, salt2, verifier: power(BigInt(DH_GENERATOR), hash) };
}

/** A fresh challenge for whoever says he knows the password. */
export function passwordChallenge({ verifier }: PasswordVerifier): PasswordChallenge {
  const { exponent, publicValue } = exchangeKeys();
  return { exponent, publicValue: toBytes((MULTIPLIER * verifier + toNumber(publicValue)) % PRIME) };
}

/** @returns whether the client's public value and proof (`A`, `M1`) come from the password */
export function provesPassword(
  { salt1, salt2, verifier }: PasswordVerifier,
  { exponent, publicValue }: PasswordChallenge,
  a: Buffer,
  proof: Buffer,
): boolean {
  if (proof.length !== 32 || !isPublicValueSafe(a)) return false;
  const clientPublic = toBytes(toNumber(a));
  const scrambler = sha256(clientPublic, publicValue);
  const base = (toNumber(a) * power(verifier, scrambler)) % PRIME;
  // OpenSSL takes no 0, 1 or p - 1 for a public value; an honest client never leads there.
  if (base < 2n || base > PRIME - 2n) return false;
  const secret = sha256(toBytes(power(base, exponent)));
  const group = sha256(DH_PRIME).map((byte, index) => byte ^ (sha256(GENERATOR)[index] ?? 0));
  return timingSafeEqual(sha256(group, sha256(salt1), sha256(salt2), clientPublic, publicValue, secret), proof);
}
