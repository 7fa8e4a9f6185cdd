/** Texts that are kept at most: what fails in ever new words is not told for ever. */
const KEPT = 20;

/** Of what many actors meet at once, and again and again, tells each text once, until it is over. */
export class SaidOnce {
  readonly #said = new Set<string>();

  /** @returns whether it is to be told now */
  isNew(text: string): boolean {
    if (this.#said.has(text) || this.#said.size === KEPT) return false;
    this.#said.add(text);
    return true;
  }

  /** It is over: if it comes again, that is news. */
  over(): void {
    this.#said.clear();
  }
}
