import { randomBytes } from 'node:crypto';
import type { AccountState } from './account-state.ts';
import { RpcError } from './rpc-error.ts';
import type { ServerLimits } from './server-limits.ts';

/** How long a login that was accepted waits for its client, in seconds. */
const ACCEPTED_SECONDS = 300;

/** A token that is shown as a QR code (https://core.telegram.org/api/qr-login). */
export interface LoginToken {
  readonly token: Buffer;
  /** Seconds since the epoch. */
  readonly until: number;
}

interface Shown extends LoginToken {
  readonly keyId: bigint;
  readonly exceptIds: readonly number[];
}

/** The QR logins that are under way. They do not survive a restart: then the client hears that its token is not valid. */
export class LoginTokens {
  readonly #limits: ServerLimits;
  /** By the token as base64url; the last one is the newest. */
  readonly #shown = new Map<string, Shown>();
  /** Keys whose token was accepted, by whom, and until when. */
  readonly #accepted = new Map<bigint, { readonly account: AccountState; readonly until: number }>();
  readonly #migrating = new Map<string, { readonly account: AccountState; readonly until: number }>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** The token of a key: the one it has while that is good, or a new one. */
  show(keyId: bigint, exceptIds: readonly number[], now: number): LoginToken {
    for (const [name, shown] of this.#shown) {
      if (shown.until <= now - ACCEPTED_SECONDS) this.#shown.delete(name);
      else if (shown.keyId === keyId && shown.until > now) return shown;
    }
    const token = randomBytes(32);
    const shown = { token, until: now + this.#limits.tokenSeconds, keyId, exceptIds };
    this.#shown.set(token.toString('base64url'), shown);
    return shown;
  }

  /** The token that was shown last, as base64url. */
  get latest(): string | undefined {
    return [...this.#shown.keys()].at(-1);
  }

  /**
   * Somebody who is logged in lets the holder of a token in. @returns the key that waits
   * @throws RpcError AUTH_TOKEN_INVALIDX, AUTH_TOKEN_EXPIRED, AUTH_TOKEN_EXCEPTION
   */
  accept(token: Buffer, account: AccountState, now: number): bigint {
    const name = token.toString('base64url');
    const shown = this.#shown.get(name);
    if (shown === undefined) throw new RpcError(400, 'AUTH_TOKEN_INVALIDX');
    if (shown.until <= now) throw new RpcError(400, 'AUTH_TOKEN_EXPIRED');
    if (shown.exceptIds.includes(account.userId)) throw new RpcError(400, 'AUTH_TOKEN_EXCEPTION');
    this.#shown.delete(name);
    this.#accepted.set(shown.keyId, { account, until: now + ACCEPTED_SECONDS });
    return shown.keyId;
  }

  /** Who accepted the token of a key; told once. */
  takeAccepted(keyId: bigint, now: number): AccountState | undefined {
    const accepted = this.#accepted.get(keyId);
    this.#accepted.delete(keyId);
    return accepted !== undefined && accepted.until > now ? accepted.account : undefined;
  }

  /** A token for the account's own data centre, good once. */
  migrate(account: AccountState, now: number): Buffer {
    const token = randomBytes(32);
    this.#migrating.set(token.toString('base64url'), { account, until: now + this.#limits.tokenSeconds });
    return token;
  }

  /** @throws RpcError AUTH_TOKEN_INVALID, AUTH_TOKEN_EXPIRED */
  takeMigrating(token: Buffer, dcId: number, now: number): AccountState {
    const name = token.toString('base64url');
    const migrating = this.#migrating.get(name);
    if (migrating === undefined || migrating.account.dcId !== dcId) throw new RpcError(400, 'AUTH_TOKEN_INVALID');
    this.#migrating.delete(name);
    if (migrating.until <= now) throw new RpcError(400, 'AUTH_TOKEN_EXPIRED');
    return migrating.account;
  }

  /** Lets the tokens that are shown expire. @returns how many there were */
  expire(now: number): number {
    const count = [...this.#shown.values()].filter(({ until }) => until > now).length;
    for (const [name, shown] of this.#shown) this.#shown.set(name, { ...shown, until: Math.min(shown.until, now) });
    return count;
  }
}
