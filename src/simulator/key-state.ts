import type { AccountState } from './account-state.ts';
import type { AuthKey } from './auth-key.ts';
import type { Salt } from './salts.ts';

/** What a client says of itself in initConnection. */
export interface ClientDevice {
  readonly apiId: number;
  readonly deviceModel: string;
  readonly systemVersion: string;
  readonly appVersion: string;
}

/** A client's key and what the server knows of its holder. */
export interface KeyState {
  readonly key: AuthKey;
  /** The data centre it was made with: no other one knows it. */
  readonly dcId: number;
  /** Of a temporary key: when it ends, in seconds since the epoch (https://core.telegram.org/api/pfs). */
  expiresAt: number | undefined;
  /** Of a temporary key: the permanent one it stands for, which holds the login. */
  boundTo: KeyState | undefined;
  /** The salt it was made with. After a restart its client hears of another one. */
  firstSalt: Salt | undefined;
  /** Who is logged in on it. */
  account: AccountState | undefined;
  /** Who gave the right code, and still owes the password. Does not survive a restart. */
  pending: AccountState | undefined;
  /** Why calls that need a login are refused, where that is more than that nobody is logged in: `SESSION_REVOKED`. */
  refusal: { readonly code: number; readonly message: string } | undefined;
  /** The API layer of its last initConnection. */
  layer: number | undefined;
  /** Undefined after a restart until the client speaks of it again. */
  device: ClientDevice | undefined;
  /** When somebody logged in on it, in seconds since the epoch; 0 where that was before a restart. */
  loggedInAt: number;
}

/** @returns a key on which nobody is logged in, a temporary one where it is said when it ends */
export function freshKey(key: AuthKey, dcId: number, expiresAt?: number): KeyState {
  return {
    key,
    dcId,
    expiresAt,
    boundTo: undefined,
    firstSalt: undefined,
    account: undefined,
    pending: undefined,
    refusal: undefined,
    layer: undefined,
    device: undefined,
    loggedInAt: 0,
  };
}
