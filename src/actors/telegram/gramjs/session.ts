import bigInt from 'big-integer';
import type { AuthKey } from 'telegram/crypto/AuthKey.js';
import { StringSession } from 'telegram/sessions/index.js';

/** What GramJS writes for the port where the real one does not matter (its field is a signed 16-bit number). */
const PORT = 443;

/**
 * GramJS's session without its store of entities: that one grows without bound and is searched linearly.
 * Access hashes are our store's business; the link builds every input peer itself.
 */
export class LinkSession extends StringSession {
  readonly #onMove: (dcId: number, host: string, port: number) => void;

  /**
   * @param saved what {@link LinkSession.save} gave, or an empty string for a new key
   * @param onMove told where a data centre is when the session goes to it
   */
  constructor(saved: string, onMove: (dcId: number, host: string, port: number) => void = () => {}) {
    super(saved);
    this.#onMove = onMove;
  }

  override processEntities(): void {}

  override getInputEntity(): never {
    throw new Error('the session keeps no entities; build input peers from the store');
  }

  override setDC(dcId: number, serverAddress: string, port: number): void {
    this.#onMove(dcId, serverAddress, port);
    super.setDC(dcId, serverAddress, PORT);
  }

  /**
   * After a change of DC GramJS loads the constructor's key again, which belongs to the old DC: forget it.
   */
  override setAuthKey(authKey?: AuthKey, dcId?: number): undefined {
    if (authKey === undefined) (this as unknown as { _key: undefined })._key = undefined;
    super.setAuthKey(authKey, dcId);
    return undefined;
  }
}

/** A 64-bit integer of GramJS from a decimal string. */
export function long(decimal: string | number): bigInt.BigInteger {
  return bigInt(decimal as string);
}
