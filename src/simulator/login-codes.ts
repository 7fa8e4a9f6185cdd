import { randomBytes } from 'node:crypto';
import type { AccountState } from './account-state.ts';
import { RpcError } from './rpc-error.ts';
import type { ServerLimits } from './server-limits.ts';

const HOUR = 3_600;

/** How codes go out, in the order in which resending goes through them. */
const MEANS = ['app', 'sms', 'call'] as const;

/** A way a code goes out. */
export type CodeMeans = (typeof MEANS)[number];

/** A code that went out. */
export interface SentCode {
  readonly hash: string;
  readonly means: CodeMeans;
  /** How it would be resent; undefined when there is no other way left. */
  readonly next: CodeMeans | undefined;
}

interface Waiting {
  readonly account: AccountState;
  readonly until: number;
  readonly step: number;
  tries: number;
}

/** The login codes that are out. They do not survive a restart: then the client hears that its code expired. */
export class LoginCodes {
  readonly #limits: ServerLimits;
  readonly #waiting = new Map<string, Waiting>();
  /** When codes were sent to a number within the last hour, in seconds. */
  readonly #sent = new Map<string, number[]>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** "Sends" a code; earlier ones for the number count no more. @throws RpcError FLOOD_WAIT_X */
  send(account: AccountState, now: number): SentCode {
    return this.#send(account, now, 0);
  }

  /** Sends it another way, under a new hash. @throws RpcError PHONE_CODE_EXPIRED, SEND_CODE_UNAVAILABLE, FLOOD_WAIT_X */
  resend(account: AccountState, hash: string, now: number): SentCode {
    const { step } = this.#find(account, hash, now);
    if (step + 1 >= MEANS.length) throw new RpcError(406, 'SEND_CODE_UNAVAILABLE');
    return this.#send(account, now, step + 1);
  }

  /** @throws RpcError PHONE_CODE_EMPTY, PHONE_CODE_EXPIRED, PHONE_CODE_INVALID */
  check(account: AccountState, hash: string, code: string, now: number): void {
    if (hash === '') throw new RpcError(400, 'PHONE_CODE_HASH_EMPTY');
    if (code === '') throw new RpcError(400, 'PHONE_CODE_EMPTY');
    const waiting = this.#find(account, hash, now);
    if (code !== account.code) {
      waiting.tries++;
      throw new RpcError(400, 'PHONE_CODE_INVALID');
    }
    this.#waiting.delete(hash);
  }

  /** @throws RpcError PHONE_CODE_EXPIRED */
  cancel(account: AccountState, hash: string, now: number): void {
    this.#find(account, hash, now);
    this.#waiting.delete(hash);
  }

  /** Lets all codes that are out expire. @returns how many there were */
  expire(): number {
    const count = this.#waiting.size;
    this.#waiting.clear();
    return count;
  }

  #send(account: AccountState, now: number, step: number): SentCode {
    this.#countFlood(account.phone, now);
    for (const [hash, waiting] of this.#waiting) {
      if (waiting.until < now || waiting.account === account) this.#waiting.delete(hash);
    }
    const hash = randomBytes(9).toString('hex');
    this.#waiting.set(hash, { account, until: now + this.#limits.codeSeconds, step, tries: 0 });
    return { hash, means: MEANS[step] as CodeMeans, next: MEANS[step + 1] };
  }

  #countFlood(phone: string, now: number): void {
    const recent = (this.#sent.get(phone) ?? []).filter((at) => at > now - HOUR);
    const most = this.#limits.codesPerHour;
    const oldest = recent[recent.length - most] ?? now;
    if (recent.length >= most) throw new RpcError(420, `FLOOD_WAIT_${Math.max(1, oldest + HOUR - now)}`);
    recent.push(now);
    this.#sent.set(phone, recent);
  }

  #find(account: AccountState, hash: string, now: number): Waiting {
    const waiting = this.#waiting.get(hash);
    if (waiting === undefined || waiting.account !== account || waiting.until < now || waiting.tries >= this.#limits.codeTries) {
      throw new RpcError(400, 'PHONE_CODE_EXPIRED');
    }
    return waiting;
  }
}
