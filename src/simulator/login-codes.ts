import { randomBytes } from 'node:crypto';
import { RpcError } from './rpc-error.ts';
import type { WorldAccount } from './world.ts';

/** How long a code is good, in seconds. */
const VALID_SECONDS = 300;
const MAX_TRIES = 5;

interface Sent {
  readonly account: WorldAccount;
  readonly until: number;
  tries: number;
}

/** The login codes that are out. They do not survive a restart: then the client hears that its code expired. */
export class LoginCodes {
  readonly #sent = new Map<string, Sent>();

  /** "Sends" a code. @returns the hash that belongs to it */
  send(account: WorldAccount, now: number): string {
    for (const [hash, sent] of this.#sent) if (sent.until < now || sent.account === account) this.#sent.delete(hash);
    const hash = randomBytes(9).toString('hex');
    this.#sent.set(hash, { account, until: now + VALID_SECONDS, tries: 0 });
    return hash;
  }

  /** @throws RpcError PHONE_CODE_EMPTY, PHONE_CODE_EXPIRED, PHONE_CODE_INVALID */
  check(account: WorldAccount, hash: string, code: string, now: number): void {
    if (hash === '') throw new RpcError(400, 'PHONE_CODE_HASH_EMPTY');
    if (code === '') throw new RpcError(400, 'PHONE_CODE_EMPTY');
    const sent = this.#sent.get(hash);
    if (sent === undefined || sent.account.phone !== account.phone || sent.until < now || sent.tries >= MAX_TRIES) {
      throw new RpcError(400, 'PHONE_CODE_EXPIRED');
    }
    if (code !== account.code) {
      sent.tries++;
      throw new RpcError(400, 'PHONE_CODE_INVALID');
    }
    this.#sent.delete(hash);
  }
}
