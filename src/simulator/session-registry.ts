import type { Clock } from '../clock.ts';
import { ClientSession, type SessionCarrier } from './client-session.ts';
import type { KeyState } from './key-state.ts';

/** Sessions without a connection are forgotten beyond this many: a client that comes back later is told a new one began. */
const MAX_SESSIONS = 5_000;

/** The sessions of all keys. */
export class SessionRegistry {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, ClientSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A key's session; a new one where it is not known. */
  open(key: KeyState, id: bigint): ClientSession {
    const name = `${key.key.id}:${id}`;
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const session = new ClientSession(id, key, this.#clock);
    this.#sessions.set(name, session);
    if (this.#sessions.size > MAX_SESSIONS) this.#forgetOne(session);
    return session;
  }

  /** Those whose client is connected. */
  *live(): Iterable<ClientSession & { readonly carrier: SessionCarrier }> {
    for (const session of this.#sessions.values()) {
      if (session.carrier?.isOpen === true) yield session as ClientSession & { readonly carrier: SessionCarrier };
    }
  }

  /** @returns whether there was such a session of this key */
  end(keyId: bigint, sessionId: bigint): boolean {
    return this.#sessions.delete(`${keyId}:${sessionId}`);
  }

  forgetKey(key: KeyState): void {
    for (const [name, session] of this.#sessions) if (session.wireKey === key || session.key === key) this.#sessions.delete(name);
  }

  /** A connection is gone: its sessions wait for another. */
  release(carrier: SessionCarrier): void {
    for (const session of this.#sessions.values()) if (session.carrier === carrier) session.carrier = undefined;
  }

  #forgetOne(newest: ClientSession): void {
    for (const [name, session] of this.#sessions) {
      if (session.carrier?.isOpen !== true && session !== newest) {
        this.#sessions.delete(name);
        return;
      }
    }
  }
}
