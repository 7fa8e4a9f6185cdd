import type { RouteRow } from '../route-table.ts';

/** In the order in which people read about them: what the path begins with, and what is there. */
const TAGS: readonly (readonly [name: string, description: string, path: RegExp])[] = [
  [
    'Messages and channels',
    'What is stored of channels: from the cache, then from the database, never from Telegram.',
    /\/(channels|messages)\b/,
  ],
  [
    'Jobs',
    'What takes time becomes a job: it is answered at once, and never lost.',
    /\/(sync-messages|get-channels|jobs|queue)\b/,
  ],
  ['Dead letters', 'Jobs that failed for good.', /\/dead-letters\b/],
  ['Events', 'What happens, pushed as it happens.', /\/(events|ws)$/],
  ['Accounts', 'The Telegram accounts, and how people log them in and out.', /\/accounts\b/],
  ['Health', 'Whether it runs, and what it can serve.', /^\/(health|metrics)/],
  [
    'Inside',
    'The actors and their machines, as they are, and what people do to them.',
    /^\/api\/(state|machines|processes|acts|transitions)/,
  ],
  ['This listener', 'Its own pages, and who you are here.', /^\//],
];

/** @returns the name of the part of the document where a route stands */
export function tagOf({ path }: RouteRow): string {
  return TAGS.find(([, , pattern]) => pattern.test(path))?.[0] ?? '';
}

/** @returns the parts of the document that the routes belong to, in their order */
export function tagsOf(
  rows: readonly RouteRow[],
): { readonly name: string; readonly description: string; readonly routes: readonly RouteRow[] }[] {
  return TAGS.map(([name, description]) => ({ name, description, routes: rows.filter((row) => tagOf(row) === name) })).filter(
    ({ routes }) => routes.length > 0,
  );
}

/** @returns a route's path as OpenAPI has it */
export function templateOf({ path }: RouteRow): string {
  return path.replaceAll(/:([A-Za-z]+)/g, '{$1}').replace('*', '{path}');
}

/** @returns a name for a route that no other one has */
export function operationIdOf({ method, path }: RouteRow): string {
  const words = path
    .replace('/api/telegram-gateway', '')
    .replace('/api', '')
    .replace('*', 'path')
    .split(/[^A-Za-z]+/)
    .filter((word) => word !== '');
  const named = words.length === 0 ? ['index'] : words;
  return method.toLowerCase() + named.map((word) => (word[0] ?? '').toUpperCase() + word.slice(1)).join('');
}
