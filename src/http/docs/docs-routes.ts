import type { App } from '../app.ts';
import type { Callers } from '../callers.ts';
import type { RouteRow } from '../route-table.ts';
import { NoQuery } from '../view.ts';

/** What there is to ask: for programs as an OpenAPI document, for people as a page. Both are made of the routes when they are first asked for. */
export function addDocsRoutes(app: App, rows: readonly RouteRow[], callers: Callers): void {
  let document: Promise<string> | undefined;
  const makeDocument = async (): Promise<string> => {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(rows));
  };

  app.get(
    '/openapi.json',
    { config: { scope: 'public', summary: 'What there is to ask, as OpenAPI 3.1' }, schema: { querystring: NoQuery } },
    async (_request, reply) => {
      document ??= makeDocument();
      return reply
        .header('cache-control', 'no-cache')
        .type('application/json; charset=utf-8')
        .serializer((text: string) => text)
        .send(await document);
    },
  );

  app.get(
    '/docs',
    {
      config: { scope: 'public', summary: 'What there is to ask, as a page', produces: 'text/html' },
      schema: { querystring: NoQuery },
    },
    async (request, reply) => {
      const { docsPage, PAGE_POLICY } = await import('./docs-page.ts');
      const page = docsPage(rows, { base: `${request.protocol}://${request.host}`, needsToken: callers.local === undefined });
      return reply
        .header('cache-control', 'no-cache')
        .header('content-security-policy', PAGE_POLICY)
        .type('text/html; charset=utf-8')
        .serializer((text: string) => text)
        .send(page);
    },
  );
}
