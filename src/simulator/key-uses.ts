import type { AccountState } from './account-state.ts';
import type { SessionCarrier } from './client-session.ts';
import type { KeyState } from './key-state.ts';

/**
 * When a login that is used over two sockets is ended (https://core.telegram.org/api/errors#406-not-acceptable). `parallel`, as
 * Telegram: calls over both at once, which shows here by a call on the older socket after one on the newer; a client that came back
 * while its old socket is only half dead is let be. `strict`: any call while another socket was used with the key and is open.
 */
export type DuplicateRule = 'parallel' | 'strict' | 'off';

interface Use {
  /** Order of first use: the higher the newer. */
  readonly order: number;
  called: boolean;
}

/** How many sockets an auth key is used over, now and at most so far. */
export interface SocketCount {
  readonly live: number;
  readonly most: number;
}

/** Which sockets each auth key is used over, in the life of this process. */
export class KeyUses {
  rule: DuplicateRule = 'parallel';
  readonly #uses = new Map<KeyState, Map<SessionCarrier, Use>>();
  readonly #most = new Map<KeyState, number>();
  #order = 0;

  /** A message of a key came over a socket. */
  used(key: KeyState, socket: SessionCarrier): void {
    const uses = this.#uses.get(key) ?? new Map<SessionCarrier, Use>();
    if (uses.has(socket)) return;
    this.#uses.set(key, uses);
    uses.set(socket, { order: this.#order++, called: false });
    const live = [...uses.keys()].filter((one) => one.isOpen).length;
    this.#most.set(key, Math.max(live, this.#most.get(key) ?? 0));
  }

  /** A call came over a socket. @returns whether that makes the key a duplicated one */
  called(key: KeyState, socket: SessionCarrier): boolean {
    const uses = this.#uses.get(key);
    const own = uses?.get(socket);
    if (uses === undefined || own === undefined) return false;
    own.called = true;
    if (this.rule === 'off') return false;
    for (const [other, use] of uses) {
      if (other === socket || !other.isOpen) continue;
      if (this.rule === 'strict' || (use.called && use.order > own.order)) return true;
    }
    return false;
  }

  /** Whether a socket is used with a key on which an account is logged in. */
  carries(socket: SessionCarrier, account: AccountState): boolean {
    for (const [key, uses] of this.#uses) if (key.account === account && uses.has(socket)) return true;
    return false;
  }

  /** A socket is gone. */
  closed(socket: SessionCarrier): void {
    for (const [key, uses] of this.#uses) if (uses.delete(socket) && uses.size === 0) this.#uses.delete(key);
  }

  forget(key: KeyState): void {
    this.#uses.delete(key);
    this.#most.delete(key);
  }

  /** Keys that were used, and over how many sockets. */
  *counts(): Iterable<readonly [KeyState, SocketCount]> {
    for (const [key, most] of this.#most) {
      const live = [...(this.#uses.get(key)?.keys() ?? [])].filter((socket) => socket.isOpen).length;
      yield [key, { live, most }];
    }
  }
}
