import { createLocalJWKSet, errors, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import type { Clock } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';

/** How long a set counts as new, in ms: after that it is read again behind the back of who asks. */
const FRESH_MS = 600_000;
/** Two readings have at least this distance, in ms, whatever keys are asked for. */
const DISTANCE_MS = 15_000;
/** How long a reading may take, in ms. */
const READ_MS = 5_000;
/** The largest set that is read, in bytes. */
const LARGEST = 256 * 1024;

/** The part of `fetch` that is used here. */
export type Fetch = (url: string, options: { readonly redirect: 'error'; readonly signal: AbortSignal }) => Promise<Response>;

/** Gives the key that a JWT names. */
type Resolve = LocalJWKSet;

/**
 * The public keys of an issuer, read from its JWKS URL (RFC 7517) when they are first needed, again when a JWT names one that is not known, and now
 * and then. While they cannot be read, those that are known go on.
 */
export class KeySet {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fetch: Fetch;
  #known: Resolve | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  #reading: Promise<void> | undefined;

  constructor(url: string, { clock, log, fetch }: { readonly clock: Clock; readonly log: Log; readonly fetch: Fetch }) {
    this.#url = url;
    this.#clock = clock;
    this.#log = log;
    this.#fetch = fetch;
  }

  /** As `jwtVerify` wants it. @throws AUTH_KEYS_UNAVAILABLE, and what `createLocalJWKSet` throws for a key that is not there */
  readonly find: Resolve = Object.assign(
    async (...asked: Parameters<Resolve>): ReturnType<Resolve> => {
      if (this.#clock.monotonic() - this.#readAt > FRESH_MS) void this.#read();
      if (this.#known) {
        try {
          return await this.#known(...asked);
        } catch (thrown) {
          if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
        }
      }
      await this.#read();
      try {
        if (this.#known) return await this.#known(...asked);
      } catch (thrown) {
        // Where the set could not be read just now, nobody knows whether the key is there by now.
        if (!(thrown instanceof errors.JWKSNoMatchingKey && this.#failed)) throw thrown;
      }
      throw new VigiliaError('AUTH_KEYS_UNAVAILABLE', 'the key set cannot be read', { retryAfterMs: DISTANCE_MS });
    },
    { jwks: (): JSONWebKeySet => this.#known?.jwks() ?? { keys: [] } },
  );

  /** Reads the set, one reading at a time and none right after another. Never rejects. */
  #read(): Promise<void> {
    if (this.#reading) return this.#reading;
    const now = this.#clock.monotonic();
    if (now - this.#triedAt < DISTANCE_MS) return Promise.resolve();
    this.#triedAt = now;
    this.#reading = this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNow(): Promise<void> {
    try {
      const response = await this.#fetch(this.#url, { redirect: 'error', signal: AbortSignal.timeout(READ_MS) });
      if (!response.ok) throw new VigiliaError('AUTH_KEYS_UNAVAILABLE', `it answers ${response.status}`);
      const set = JSON.parse(await textOf(response)) as JSONWebKeySet;
      // A shared secret has no place in what is public, and would be one that everybody knows.
      this.#known = createLocalJWKSet({ keys: set.keys.filter(({ kty }) => kty !== 'oct') });
      this.#readAt = this.#clock.monotonic();
      if (this.#failed) this.#log.info({}, 'the keys for JWTs can be read again');
      this.#failed = false;
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown.message : String(thrown);
      if (!this.#failed) this.#log.warn({ cause }, 'the keys for JWTs cannot be read; those that are known go on');
      this.#failed = true;
    }
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > LARGEST) throw new VigiliaError('AUTH_KEYS_UNAVAILABLE', `it is larger than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
