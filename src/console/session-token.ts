/** Where the token lies: with the tab, and gone with it. */
const KEY = 'vigilia.token';

/** @returns the token of this tab; empty where none was given */
export function sessionToken(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return kept;
  }
}

/** Where a browser keeps nothing for pages, it is kept by the page. */
let kept = '';

/** Takes a token for this tab; an empty one forgets it. */
export function keepSessionToken(token: string): void {
  kept = token;
  try {
    if (token === '') sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, token);
  } catch {
    // It is kept by the page then.
  }
}
