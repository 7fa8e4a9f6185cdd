import type { SealedGeneration } from '../../../ports.ts';
import { DamagedEnvelope, type Envelope, openEnvelope, parseEnvelope } from './envelope.ts';
import { isFirstFormat, openFirstFormat } from './first-format.ts';
import type { Kdf, KeyRing } from './key-derivation.ts';

/** A session with where it came from. */
export interface FoundSession {
  readonly session: string;
  readonly generation: number;
  /** ms since the Unix epoch; null in the first format. */
  readonly savedAt: number | null;
}

/** A generation as it lies there, before any key is tried. */
export type Found =
  | { readonly state: 'sealed'; readonly stored: SealedGeneration; readonly envelope: Envelope }
  | { readonly state: 'first-format'; readonly stored: SealedGeneration }
  | Unusable;

/** A generation that holds no session for this account, or none that can be read. */
export interface Unusable {
  /** `other-key`: whole as far as one can see, and none of our keys opens it. */
  readonly state: 'damaged' | 'misplaced' | 'other-key';
  readonly stored: SealedGeneration;
  readonly reason: string;
}

/** A generation after the keys were tried. */
export type Opened = { readonly state: 'open'; readonly stored: SealedGeneration; readonly found: FoundSession } | Unusable;

/** Tells what stored generations are, and opens them. */
export class GenerationOpener {
  readonly #world: string;
  readonly #ring: KeyRing;

  /** @param world which Telegram the sessions have to belong to */
  constructor(world: string, ring: KeyRing) {
    this.#world = world;
    this.#ring = ring;
  }

  look(accountId: string, stored: SealedGeneration): Found {
    if (stored.generation === 0) {
      if (isFirstFormat(stored.envelope)) return { state: 'first-format', stored };
      return { state: 'damaged', stored, reason: 'is damaged' };
    }
    try {
      const envelope = parseEnvelope(stored.envelope);
      const reason = this.#strangeness(envelope, accountId, stored.generation);
      return reason === undefined ? { state: 'sealed', stored, envelope } : { state: 'misplaced', stored, reason };
    } catch (error) {
      return { state: 'damaged', stored, reason: damageOf(error) };
    }
  }

  /** @throws SESSION_CORRUPT when a key cannot be read */
  async open(accountId: string, stored: SealedGeneration): Promise<Opened> {
    const found = this.look(accountId, stored);
    if (found.state === 'first-format') return this.#openFirst(accountId, stored);
    if (found.state !== 'sealed') return found;
    const { envelope } = found;
    const key = await this.#ring.opening(envelope.kdf, envelope.keyCheck);
    if (key === undefined) return { state: 'other-key', stored, reason: await this.#otherKey(envelope.kdf.name) };
    try {
      const session = openEnvelope(envelope, key);
      return { state: 'open', stored, found: { session, generation: envelope.generation, savedAt: envelope.savedAt } };
    } catch (error) {
      return { state: 'damaged', stored, reason: damageOf(error) };
    }
  }

  #strangeness({ kind, world, account, generation }: Envelope, accountId: string, number: number): string | undefined {
    if (kind !== 'session') return `is a ${kind}, not a session`;
    if (world !== this.#world) return `is of another world (${world})`;
    if (account !== accountId) return `is of another account (${account})`;
    return generation === number ? undefined : `is generation ${generation} in another's place`;
  }

  async #openFirst(accountId: string, stored: SealedGeneration): Promise<Opened> {
    const secrets = await this.#ring.secrets();
    for (const { text } of secrets) {
      const session = await openFirstFormat(stored.envelope, accountId, text);
      if (session !== undefined) return { state: 'open', stored, found: { session, generation: 0, savedAt: null } };
    }
    const reason =
      secrets.length === 0 ? 'was sealed with a key that is gone' : 'is damaged, of another account, or sealed with another key';
    return { state: 'other-key', stored, reason };
  }

  async #otherKey(kdf: Kdf['name']): Promise<string> {
    const isThere = (await this.#ring.secrets()).length > 0;
    if (kdf === 'scrypt') return `was sealed with ${isThere ? 'another SESSION_KEY' : 'a SESSION_KEY, and none is set'}`;
    return `was sealed with ${isThere ? 'another key file' : 'a key file, and there is none'}`;
  }
}

/** What a generation is, for people: never anything of its content. */
export function describeGeneration({ stored, reason }: Pick<Unusable, 'stored' | 'reason'>): string {
  return `${stored.generation === 0 ? 'the file of the first format' : `generation ${stored.generation}`} ${reason}`;
}

function damageOf(error: unknown): string {
  if (error instanceof DamagedEnvelope) return error.message;
  throw error;
}
