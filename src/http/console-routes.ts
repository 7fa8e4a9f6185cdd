import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import { patterned } from './patterned.ts';
import type { RouteRow } from './route-table.ts';
import { Type } from './typebox.ts';
import { NoQuery } from './view.ts';

/** Where the build puts the page. */
const CONSOLE = new URL('../console/', import.meta.url);

/** The page's own files, and requests to where it came from: nothing else, and nobody may put it into a frame. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const;
const FileName = Type.Object(
  { file: patterned('^console-[0-9a-f]{12}\\.(js|css)$', 'a file that the page names', { maxLength: 64 }) },
  { additionalProperties: false },
);

/**
 * `GET /`: the page for browsers, the list of routes for everybody else; and the page's files, whose names change with their content.
 * @param folder where the page is
 */
export function addConsoleRoutes(app: App, rows: readonly RouteRow[], folder: URL = CONSOLE): void {
  app.get(
    '/',
    { config: { scope: 'public', summary: 'The page in a browser, this list as JSON' }, schema: { querystring: NoQuery } },
    async (request, reply) => {
      reply.header('vary', 'accept');
      if (!/\btext\/html\b/.test(request.headers.accept ?? ''))
        return { name: 'vigilia', routes: rows.map(({ method, path, scope, summary }) => ({ method, path, scope, summary })) };
      const page = await readFile(new URL('index.html', folder), 'utf8').catch((cause: unknown) => {
        throw new VigiliaError('INTERNAL', 'the page is not there: npm run build makes it', { cause });
      });
      return reply
        .header('content-security-policy', PAGE_POLICY)
        .header('referrer-policy', 'no-referrer')
        .header('cache-control', 'no-cache')
        .type('text/html; charset=utf-8')
        .serializer((text: string) => text)
        .send(page);
    },
  );

  app.get(
    '/console/:file',
    {
      config: { scope: 'public', summary: "The page's own files" },
      schema: { params: FileName, querystring: NoQuery },
    },
    async (request, reply) => {
      const { file } = request.params;
      const path = fileURLToPath(new URL(file, folder));
      const found = await stat(path).catch(() => undefined);
      if (!found) throw new VigiliaError('NOT_FOUND', 'The page has other files by now: load it again.');
      return reply
        .header('cache-control', 'public, max-age=31536000, immutable')
        .header('content-length', found.size)
        .type(TYPES[file.endsWith('.js') ? 'js' : 'css'])
        .send(createReadStream(path));
    },
  );
}
