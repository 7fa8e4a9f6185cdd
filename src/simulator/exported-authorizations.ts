import { randomBytes } from 'node:crypto';
import type { AccountState } from './account-state.ts';
import { RpcError } from './rpc-error.ts';

/** How long an exported authorisation is good, in seconds. */
const VALID_SECONDS = 60;

interface Exported {
  readonly account: AccountState;
  readonly dcId: number;
  readonly until: number;
}

/** Authorisations on their way to another data centre (https://core.telegram.org/api/datacenter#authorization). */
export class ExportedAuthorizations {
  readonly #exported = new Map<string, Exported>();

  /** @returns the bytes that log a key of that data centre in, once */
  export(account: AccountState, dcId: number, now: number): Buffer {
    const bytes = randomBytes(96);
    this.#exported.set(bytes.toString('base64'), { account, dcId, until: now + VALID_SECONDS });
    return bytes;
  }

  /** @throws RpcError AUTH_BYTES_INVALID */
  import(userId: bigint, bytes: Buffer, dcId: number, now: number): AccountState {
    const name = bytes.toString('base64');
    const exported = this.#exported.get(name);
    this.#exported.delete(name);
    const fits = exported?.dcId === dcId && exported.until > now && BigInt(exported.account.userId) === userId;
    if (exported === undefined || !fits) throw new RpcError(400, 'AUTH_BYTES_INVALID');
    return exported.account;
  }
}
