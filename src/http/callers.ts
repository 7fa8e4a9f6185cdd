import { type Clock, pause } from '../clock.ts';
import { isLoopback, type Scope } from '../config-values.ts';
import { VigiliaError } from '../errors.ts';
import type { GatewayTokens } from '../gateway-tokens.ts';
import type { Allowance, AllowanceAnswer, RateCounter } from '../ports.ts';
import { networkOf } from './network-of.ts';

/** Who asks. */
export interface Caller {
  /** The same for the same token, or subject of JWTs, in every process; it gives nothing of the token away. */
  readonly id: string;
  readonly scope: Scope;
  /** What it was known by: `local` where no token is needed. */
  readonly by: 'token' | 'jwt' | 'local';
  /** Up to when it counts, ms since the Unix epoch; undefined where that has no end. */
  readonly expiresAt?: number;
}

/** Why somebody who was let in is to go. */
export type CallerEnd = 'token-revoked' | 'token-expired';

/** Checks JWTs. */
export interface JwtCheck {
  /** @throws UNAUTHORIZED, FORBIDDEN, AUTH_KEYS_UNAVAILABLE */
  check(token: string): Promise<Caller>;
}

export interface CallersDeps {
  readonly clock: Clock;
  /** Where the application listens. */
  readonly host: string;
  readonly tokens: GatewayTokens;
  /** Absent where JWTs are not taken. */
  readonly jwt: JwtCheck | undefined;
  readonly counter: RateCounter;
  /** Requests of one caller in a minute; 0: without limit. */
  readonly rateLimit: number;
  /** Wrong tokens from one network in a minute; 0: without limit. */
  readonly failureLimit: number;
}

const LOCAL: Caller = { id: 'local', scope: 'admin', by: 'local' };
const MINUTE_MS = 60_000;
/** Pairs of an address and a token that were right together, the last ones. */
const MOST_PROVEN = 10_000;
const JWT_SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Knows who asks, by what they bring. */
export class Callers {
  readonly #deps: CallersDeps;
  readonly #failures: Allowance;
  readonly #requests: Allowance;
  readonly #proven = new Set<string>();

  constructor(deps: CallersDeps) {
    this.#deps = deps;
    this.#failures = { most: Math.max(1, deps.failureLimit), periodMs: MINUTE_MS };
    this.#requests = { most: Math.max(1, deps.rateLimit), periodMs: MINUTE_MS };
  }

  /** Who needs nothing; undefined where everybody needs a token. */
  get local(): Caller | undefined {
    const { tokens, jwt, host } = this.#deps;
    return tokens.size === 0 && jwt === undefined && isLoopback(host) ? LOCAL : undefined;
  }

  /** Who asks, where nobody has to be asked for that: with a token that has been right from there before. Nearly every request is such a one. */
  recognize(credential: string, address: string): Caller | undefined {
    const { tokens, jwt } = this.#deps;
    // Whatever is no token of ours is looked at once, and that is not here.
    if (tokens.size === 0 || (jwt !== undefined && JWT_SHAPE.test(credential))) return undefined;
    const known = tokens.find(credential);
    if (known === undefined) return undefined;
    const pair = `${networkOf(address)} ${known.id}`;
    if (!this.#proven.has(pair)) return undefined;
    this.#prove(pair);
    return { ...known, by: 'token' };
  }

  /**
   * @param credential a token or a JWT
   * @param address from where it came: too many wrong ones, and no token counts from there but those that have come from there before
   * @throws UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, AUTH_KEYS_UNAVAILABLE
   */
  async identify(credential: string, address: string): Promise<Caller> {
    const { tokens, jwt } = this.#deps;
    const network = networkOf(address);
    const known = tokens.find(credential);
    if (known) {
      const pair = `${network} ${known.id}`;
      if (!this.#proven.has(pair)) await this.#countFailure(network, 0);
      this.#prove(pair);
      return { ...known, by: 'token' };
    }
    if (jwt && JWT_SHAPE.test(credential)) {
      try {
        // One that is right cannot have been guessed, wherever it comes from.
        return await jwt.check(credential);
      } catch (error) {
        if (error instanceof VigiliaError && error.code === 'UNAUTHORIZED') await this.#countFailure(network, 1);
        throw error;
      }
    }
    await this.#countFailure(network, 1);
    throw new VigiliaError('UNAUTHORIZED', 'A valid X-Gateway-Token or Authorization: Bearer is needed.');
  }

  /** Counts a request of somebody. @returns what is left of what he may; undefined, without a promise, where he may whatever he wants */
  spend(caller: Caller): Promise<AllowanceAnswer> | undefined {
    const { counter, rateLimit } = this.#deps;
    if (rateLimit === 0 || caller.by === 'local') return undefined;
    return counter.use(`caller:${caller.id}`, this.#requests);
  }

  /** @param onEnd told once, when who was let in is not to be any more @returns ends it */
  watch(caller: Caller, onEnd: (why: CallerEnd) => void): () => void {
    const { clock, tokens } = this.#deps;
    const over = new AbortController();
    const end = (why: CallerEnd): void => {
      if (over.signal.aborted) return;
      over.abort();
      onEnd(why);
    };
    const isGood = (): boolean => {
      if (caller.by === 'jwt') return true;
      return caller.by === 'local' ? this.local !== undefined : tokens.isGood(caller);
    };
    const leave = tokens.onReplaced(() => {
      if (!isGood()) end('token-revoked');
    });
    over.signal.addEventListener('abort', leave, { once: true });
    if (caller.expiresAt !== undefined) {
      void pause(clock, Math.max(0, caller.expiresAt - clock.now()), over.signal).then((late) => late && end('token-expired'));
    }
    // It may have ended before anybody watched.
    if (!isGood()) end('token-revoked');
    return () => over.abort();
  }

  async #countFailure(network: string, cost: 0 | 1): Promise<void> {
    const { counter, failureLimit } = this.#deps;
    if (failureLimit === 0) return;
    const { granted, retryAfterMs } = await counter.use(`failed:${network}`, this.#failures, cost);
    if (granted) return;
    throw new VigiliaError('RATE_LIMITED', 'Too many wrong tokens came from this address.', { retryAfterMs });
  }

  #prove(pair: string): void {
    this.#proven.delete(pair);
    this.#proven.add(pair);
    if (this.#proven.size <= MOST_PROVEN) return;
    const [oldest] = this.#proven;
    if (oldest !== undefined) this.#proven.delete(oldest);
  }
}
