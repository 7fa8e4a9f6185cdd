import type { App } from './app.ts';
import type { RouteRow } from './route-table.ts';
import { NoQuery } from './view.ts';

/** `GET /` of the worker's listener: what can be asked here. */
export function addIndexRoute(app: App, rows: readonly RouteRow[]): void {
  app.get('/', { config: { scope: 'public', summary: 'This list' }, schema: { querystring: NoQuery } }, async () => ({
    name: 'vigilia',
    routes: rows.map(({ method, path, scope, summary }) => ({ method, path, scope, summary })),
  }));
}
