/** A first word that is one of ours, and so has no spelling of its own: not a path, a method's or a field's name. */
const FIRST_WORD = /^[a-z][a-z’'-]*(?=[ ,]|$)/;

/** @returns an error's text as a sentence: it begins with a capital, unless with a name, and ends with a stop */
export function sentence(text: string): string {
  const begun = text.replace(FIRST_WORD, (word) => (word[0] ?? '').toUpperCase() + word.slice(1));
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
