export const VIEWS = ['overview', 'accounts', 'channels', 'jobs', 'system'] as const;
export type View = (typeof VIEWS)[number];

/** Where one is in the page. */
export interface Place {
  readonly view: View;
  /** What of the view: a channel's id, a job's id, an actor's path; empty for all of it. */
  readonly what: string;
}

/** `#/telegram-gateway` is what the stack's proxy leads to. */
export function placeOf(hash: string): Place {
  const [first = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
  const view = VIEWS.find((one) => one === first) ?? 'overview';
  return { view, what: view === first ? rest.map(decodeURIComponent).join('/') : '' };
}

/** @returns the hash that leads there */
export function hrefOf(view: View, what = ''): string {
  return `#/${view}${what === '' ? '' : `/${what.split('/').map(encodeURIComponent).join('/')}`}`;
}
