import type { DuplicateRule } from './key-uses.ts';
import type { ServerLimits } from './server-limits.ts';
import type { NumberState } from './world.ts';

/** What the simulator can be told about accounts and their logins. `phone` is digits only, `channel` a username. */
export interface LoginControlOps {
  /** Changes what is given of an account; kept through a restart. `password: null` takes it away; `dc` moves the account. */
  account: {
    request: {
      phone: string;
      code?: string;
      password?: string | null;
      hint?: string | null;
      dc?: number;
      number?: NumberState;
    };
    result: Record<never, never>;
  };
  /** Lets what is under way expire: the codes that were sent, the QR tokens that are shown, the password checks. */
  expire: { request: { what: 'codes' | 'tokens' | 'passwords' }; result: { expired: number } };
  /** The QR token that was shown last, as base64url; null when there is none. */
  token: { request: Record<never, never>; result: { token: string | null } };
  /** An account lets the holder of a QR token in, as if from another device; the token shown last where none is given. */
  acceptToken: { request: { phone: string; token?: string }; result: Record<never, never> };
  /** Joins an account to a channel, or takes it out. */
  join: { request: { phone: string; channel: string; on: boolean }; result: Record<never, never> };
  /** Answers calls that name a channel with an error (`CHANNEL_PRIVATE`), those of one account or everybody's; null ends it. */
  forbid: { request: { channel: string; phone?: string; message: string | null }; result: Record<never, never> };
  /** Sets limits, and tells all of them. */
  limits: { request: Partial<ServerLimits>; result: ServerLimits };
  /** When a login that is used over two sockets is answered AUTH_KEY_DUPLICATED and ended. */
  duplicates: { request: { rule: DuplicateRule }; result: Record<never, never> };
}
