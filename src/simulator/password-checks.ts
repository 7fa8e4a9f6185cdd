import { randomBytes } from 'node:crypto';
import type { AccountState } from './account-state.ts';
import { RpcError } from './rpc-error.ts';
import type { ServerLimits } from './server-limits.ts';
import { type PasswordChallenge, type PasswordVerifier, passwordChallenge, passwordVerifier, provesPassword } from './srp.ts';

interface Open {
  readonly account: AccountState;
  readonly verifier: PasswordVerifier;
  readonly challenge: PasswordChallenge;
  readonly until: number;
}

/** What a client needs to show that it knows a password. */
export interface PasswordCheck {
  readonly id: bigint;
  readonly salt1: Buffer;
  readonly salt2: Buffer;
  readonly publicValue: Buffer;
}

/** The password checks that are under way, each good for one try. They do not survive a restart. */
export class PasswordChecks {
  readonly #limits: ServerLimits;
  readonly #open = new Map<bigint, Open>();
  readonly #verifiers = new Map<AccountState, { readonly password: string; readonly verifier: PasswordVerifier }>();
  readonly #wrong = new Map<AccountState, { tries: number; until: number }>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** @returns what to ask with, or undefined when the account has no password */
  begin(account: AccountState, now: number): PasswordCheck | undefined {
    const verifier = this.#verifier(account);
    if (verifier === undefined) return undefined;
    for (const [id, open] of this.#open) if (open.until <= now || open.account === account) this.#open.delete(id);
    const id = randomBytes(8).readBigInt64LE();
    const challenge = passwordChallenge(verifier);
    this.#open.set(id, { account, verifier, challenge, until: now + this.#limits.passwordCheckSeconds });
    return { id, salt1: verifier.salt1, salt2: verifier.salt2, publicValue: challenge.publicValue };
  }

  /** @throws RpcError SRP_ID_INVALID, PASSWORD_HASH_INVALID, FLOOD_WAIT_X */
  check(account: AccountState, id: bigint, a: Buffer, proof: Buffer, now: number): void {
    const wrong = this.#wrong.get(account) ?? { tries: 0, until: 0 };
    if (wrong.until > now) throw new RpcError(420, `FLOOD_WAIT_${wrong.until - now}`);
    const open = this.#open.get(id);
    this.#open.delete(id);
    if (open === undefined || open.account !== account || open.until <= now) throw new RpcError(400, 'SRP_ID_INVALID');
    if (provesPassword(open.verifier, open.challenge, a, proof)) {
      this.#wrong.delete(account);
      return;
    }
    wrong.tries++;
    if (wrong.tries >= this.#limits.passwordTries) {
      wrong.tries = 0;
      wrong.until = now + this.#limits.passwordWaitSeconds;
    }
    this.#wrong.set(account, wrong);
    throw new RpcError(400, 'PASSWORD_HASH_INVALID');
  }

  /** Lets all checks that are under way expire. @returns how many there were */
  expire(): number {
    const count = this.#open.size;
    this.#open.clear();
    return count;
  }

  #verifier(account: AccountState): PasswordVerifier | undefined {
    const { password } = account;
    if (password === null) return undefined;
    const known = this.#verifiers.get(account);
    if (known?.password === password) return known.verifier;
    const verifier = passwordVerifier(password, { salt1: randomBytes(40), salt2: randomBytes(16) });
    this.#verifiers.set(account, { password, verifier });
    return verifier;
  }
}
