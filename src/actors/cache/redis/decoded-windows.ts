import type { ChatId, Window } from '../../../ports.ts';

/** A window as this process has read it out of Redis. */
interface Decoded {
  /** The epoch and the version (revision and depth) under which Redis held it: while both are what Redis says, so is the window. */
  readonly epoch: string;
  readonly version: string;
  readonly window: Window;
  /** Of its text. */
  readonly characters: number;
}

/**
 * Windows that need not be taken over and parsed again: half a megabyte is ten milliseconds of a processor, each time. Redis is asked all the same, with every
 * read, whether a window is still the one; so nothing in here is ever older than what Redis would have told. The least recently used go first.
 */
export class DecodedWindows {
  readonly #most: number;
  /** In the order of last use. */
  readonly #held = new Map<ChatId, Decoded>();
  #characters = 0;

  /** @param mostCharacters of all windows' texts together */
  constructor(mostCharacters: number) {
    this.#most = mostCharacters;
  }

  has(chatId: ChatId): boolean {
    return this.#held.has(chatId);
  }

  /** @returns what is held of a channel, used last now */
  find(chatId: ChatId): Decoded | undefined {
    const found = this.#held.get(chatId);
    if (found === undefined) return undefined;
    this.#held.delete(chatId);
    this.#held.set(chatId, found);
    return found;
  }

  /** Keeps a window in place of the channel's one before. @returns the window */
  keep(chatId: ChatId, epoch: string, version: string, text: string): Window {
    const window = JSON.parse(text) as Window;
    this.forget(chatId);
    this.#held.set(chatId, { epoch, version, window, characters: text.length });
    this.#characters += text.length;
    for (const oldest of this.#held.keys()) {
      if (this.#characters <= this.#most) break;
      this.forget(oldest);
    }
    return window;
  }

  forget(chatId: ChatId): void {
    const found = this.#held.get(chatId);
    if (found === undefined) return;
    this.#held.delete(chatId);
    this.#characters -= found.characters;
  }
}
