import type { App } from '../app.ts';
import type { Callers } from '../callers.ts';
import type { RouteRow } from '../route-table.ts';
import { NoQuery } from '../view.ts';
import type { DocsPage } from './docs-page.ts';

/**
 * What there is to ask: for programs as an OpenAPI document, for people as a page. Both are made of the routes when they are first asked for, and kept:
 * anybody may ask, and making them takes a while. Only the place of the gateway is put into the page each time, since `Host` is the client's to choose.
 */
export function addDocsRoutes(app: App, rows: readonly RouteRow[], callers: Pick<Callers, 'local'>): void {
  let document: Promise<string> | undefined;
  const makeDocument = async (): Promise<string> => {
    const { openApiDocument } = await import('./openapi.ts');
    return JSON.stringify(openApiDocument(rows));
  };
  // One for those who need a token and one for those who need none: the tokens may change while we run.
  const pages = new Map<boolean, Promise<{ readonly docs: DocsPage; readonly policy: string }>>();
  const makePage = async (needsToken: boolean) => {
    const { docsPage, PAGE_POLICY } = await import('./docs-page.ts');
    return { docs: docsPage(rows, needsToken), policy: PAGE_POLICY };
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
      const needsToken = callers.local === undefined;
      const page = pages.get(needsToken) ?? makePage(needsToken);
      pages.set(needsToken, page);
      const { docs, policy } = await page;
      const { text, tag } = docs.at(`${request.protocol === 'https' ? 'https' : 'http'}://${request.host}`);
      return reply
        .header('cache-control', 'no-cache')
        .header('content-security-policy', policy)
        .header('etag', tag)
        .type('text/html; charset=utf-8')
        .serializer((text: string) => text)
        .send(text);
    },
  );
}
