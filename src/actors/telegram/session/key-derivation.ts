import { createHash, hkdf, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { SessionSecret, SessionSecrets } from './session-secrets.ts';

const deriveScrypt = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
const deriveHkdf = promisify(hkdf);

/** scrypt's cost (RFC 7914): memory is 128 · N · r bytes. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** Takes 32 MiB and about a quarter of a second (OWASP's password storage cheat sheet); stored with each envelope, so that it may grow. */
const SCRYPT_COST: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };
/** The most that an envelope may ask for, in bytes and as N · r · p: a forged one shall not take all memory, or all day. */
const MOST_BYTES = 2 ** 28;
const MOST_WORK = 2 ** 22;

/** How a wrapping key comes from a secret. Passphrases are stretched; a key file holds 256 random bits, and needs no more than HKDF. */
export type Kdf =
  | ({ readonly name: 'scrypt'; readonly salt: string } & ScryptCost)
  | { readonly name: 'hkdf-sha256'; readonly salt: string };

/** A key that wraps data keys. */
export interface WrappingKey {
  readonly kdf: Kdf;
  readonly key: Buffer;
  /** Tells whether a secret is the right one before anything is opened: derived beside the key, and tells nothing of it. */
  readonly check: string;
  /** Which secret it came from. */
  readonly secret: SessionSecret;
}

/** Keys that are kept: one an account and secret at the worst, when each was sealed by another process. */
const MOST_KEPT = 256;

/** The wrapping keys of a vault. Deriving takes its time on purpose, so each is derived once. */
export class KeyRing {
  readonly #secrets: SessionSecrets;
  readonly #cost: ScryptCost;
  readonly #kept = new Map<string, Promise<WrappingKey>>();
  /** With which salt each secret seals, by the secret's hash: the one last met, so that what is opened at a start need not be derived again. */
  readonly #salts = new Map<string, string>();

  constructor(secrets: SessionSecrets, cost: ScryptCost = SCRYPT_COST) {
    this.#secrets = secrets;
    this.#cost = cost;
  }

  /** @returns the key that seals; its secret is made where there is none. @throws SESSION_CORRUPT when the secret cannot be read */
  async sealing(): Promise<WrappingKey> {
    const secret = await this.#secrets.sealing();
    const salt = this.#salts.get(hash(secret.text)) ?? randomBytes(16).toString('base64');
    const kdf: Kdf = secret.random ? { name: 'hkdf-sha256', salt } : { name: 'scrypt', ...this.#cost, salt };
    const key = await this.#derive(secret, kdf);
    this.#salts.set(hash(secret.text), salt);
    return key;
  }

  /** @returns the key that an envelope was sealed with, or undefined where no secret of ours gives it */
  async opening(kdf: Kdf, check: string): Promise<WrappingKey | undefined> {
    for (const secret of await this.#secrets.known()) {
      const key = await this.#derive(secret, kdf);
      if (key.check !== check) continue;
      if (kdf.name === 'hkdf-sha256' || this.#isOurCost(kdf)) this.#salts.set(hash(secret.text), kdf.salt);
      return key;
    }
    return undefined;
  }

  /** @returns the secrets that open, for an earlier format that names no check */
  secrets(): Promise<readonly SessionSecret[]> {
    return this.#secrets.known();
  }

  #isOurCost({ N, r, p }: ScryptCost): boolean {
    return N === this.#cost.N && r === this.#cost.r && p === this.#cost.p;
  }

  #derive(secret: SessionSecret, kdf: Kdf): Promise<WrappingKey> {
    const id = `${hash(secret.text)} ${JSON.stringify(kdf)}`;
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    const derived = derive(secret, kdf);
    this.#kept.set(id, derived);
    derived.catch(() => this.#kept.delete(id));
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return derived;
  }
}

/** @returns whether a value is a description that may be followed */
export function isKdf(value: unknown): value is Kdf {
  if (typeof value !== 'object' || value === null) return false;
  const kdf = value as Partial<Record<string, unknown>>;
  if (typeof kdf.salt !== 'string' || Buffer.from(kdf.salt, 'base64').length < 16) return false;
  if (kdf.name === 'hkdf-sha256') return true;
  const { N, r, p } = kdf as unknown as ScryptCost;
  const whole = [N, r, p].every((part) => Number.isSafeInteger(part) && part >= 1);
  return (
    kdf.name === 'scrypt' &&
    whole &&
    N > 1 &&
    Number.isInteger(Math.log2(N)) &&
    128 * N * r <= MOST_BYTES &&
    N * r * p <= MOST_WORK
  );
}

async function derive(secret: SessionSecret, kdf: Kdf): Promise<WrappingKey> {
  const salt = Buffer.from(kdf.salt, 'base64');
  const both =
    kdf.name === 'scrypt'
      ? await deriveScrypt(secret.text, salt, 64, { N: kdf.N, r: kdf.r, p: kdf.p, maxmem: 2 * MOST_BYTES })
      : Buffer.from(await deriveHkdf('sha256', secret.text, salt, 'vigilia session key', 64));
  const key = Buffer.from(both.subarray(0, 32));
  const check = both.subarray(32, 44).toString('base64');
  both.fill(0);
  return { kdf, key, check, secret };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
