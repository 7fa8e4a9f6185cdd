import { type CataloguedChart, type Charts, DRAWINGS, openCharts } from '../charts/library.ts';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import { ChartSchema, MachineListSchema } from './machine-view.ts';
import { Type } from './typebox.ts';
import { NoQuery } from './view.ts';

const MachineName = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false });
const FORMATS = ['json', 'svg', 'mermaid'] as const;
const Format = Type.Object(
  { format: Type.Optional(Type.Enum(FORMATS, { default: 'json', description: 'As data, as a drawing, or as text.' })) },
  { additionalProperties: false },
);

/** A drawing brings its style along, and nothing else. */
const DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

/** Every state machine of the program: its structure as data, as a drawing, as text. They are the same in every process of one version. */
export function addMachineRoutes(app: App, { drawings = DRAWINGS }: { readonly drawings?: URL }): void {
  let opened: Charts | undefined;
  const charts = (): Charts => {
    opened ??= openCharts(drawings);
    return opened;
  };

  app.get(
    '/api/machines',
    {
      config: { scope: 'read', summary: 'The state machines there are' },
      schema: { querystring: NoQuery, response: { 200: MachineListSchema } },
    },
    async () => ({ machines: charts().list().map(summaryOf) }),
  );

  app.get(
    '/api/machines/:name',
    {
      config: { scope: 'read', summary: 'One state machine: its chart as JSON, SVG or Mermaid text' },
      schema: { params: MachineName, querystring: Format, response: { 200: ChartSchema } },
    },
    async (request, reply) => {
      const chart = charts().find(request.params.name);
      if (!chart) throw new VigiliaError('NOT_FOUND', 'There is no such machine; GET /api/machines lists them.');
      reply.header('cache-control', 'no-cache');
      switch (request.query.format ?? 'json') {
        case 'svg':
          return reply
            .header('content-security-policy', DRAWING_POLICY)
            .type('image/svg+xml; charset=utf-8')
            .serializer((drawing: string) => drawing)
            .send((await charts().svg(chart)) as never);
        case 'mermaid':
          return reply
            .type('text/plain; charset=utf-8')
            .serializer((text: string) => text)
            .send(charts().mermaid(chart) as never);
        default:
          return reply.send(chart);
      }
    },
  );
}

function summaryOf({ id, version, purpose, root, edges }: CataloguedChart) {
  return { id, version, purpose, states: countStates(root) - 1, transitions: edges.length };
}

function countStates({ children }: CataloguedChart['root']): number {
  return children.reduce((count, child) => count + countStates(child), 1);
}
