import { hash, timingSafeEqual } from 'node:crypto';
import type { Scope, Token } from './config-values.ts';

/** A token as it is kept: what it opens, and a name that gives nothing of it away. */
export interface KnownToken {
  readonly scope: Scope;
  /** The same for the same token in every process. */
  readonly id: string;
}

/** What a replacement of the tokens changed. */
export interface TokenChange {
  readonly added: number;
  readonly removed: number;
  readonly kept: number;
}

interface Kept extends KnownToken {
  readonly hash: Buffer;
}

/** The gateway's tokens, kept as SHA-256 hashes. They can be replaced while the gateway runs. */
export class GatewayTokens {
  #kept: readonly Kept[];
  readonly #listeners = new Set<() => void>();

  constructor(tokens: readonly Token[]) {
    this.#kept = tokens.map(keep);
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Compares with every token, found or not: the time tells nothing but their number. */
  find(given: string): KnownToken | undefined {
    const asked = digest(given);
    let found: Kept | undefined;
    for (const token of this.#kept) if (timingSafeEqual(asked, token.hash)) found = token;
    return found && { scope: found.scope, id: found.id };
  }

  /** @returns whether a token is still good for what it was good for when it was found */
  isGood({ id, scope }: KnownToken): boolean {
    return this.#kept.some((token) => token.id === id && token.scope === scope);
  }

  /** From now on these count, and no others. */
  replace(tokens: readonly Token[]): TokenChange {
    const before = this.#kept;
    this.#kept = tokens.map(keep);
    const kept = this.#kept.filter(({ id, scope }) => before.some((one) => one.id === id && one.scope === scope)).length;
    for (const listener of [...this.#listeners]) listener();
    return { added: this.#kept.length - kept, removed: before.length - kept, kept };
  }

  /** @param listener told after each replacement @returns ends it */
  onReplaced(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}

function keep({ scope, token }: Token): Kept {
  // Of another text than the one that is compared: who sees the name has no part of the hash.
  return { scope, hash: digest(token), id: digest(`vigilia token name ${token}`).toString('hex').slice(0, 16) };
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
