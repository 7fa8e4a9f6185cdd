import type { App } from './app.ts';
import type { OpsDeps } from './gateway-deps.ts';
import { NoQuery } from './view.ts';

/** Figures for Prometheus, and the measuring of every answer. */
export function addMetricsRoutes(app: App, { metrics }: Pick<OpsDeps, 'metrics'>): void {
  app.addHook('onResponse', (request, reply, done) => {
    // The template, never the path: paths are without end, and so would the series be.
    const { url = 'none', config } = request.routeOptions;
    if (!config.streams) metrics.observeHttp(request.method, url, reply.statusCode, reply.elapsedTime / 1000);
    done();
  });

  app.get(
    '/metrics',
    {
      config: { scope: 'read', summary: 'Figures for Prometheus', produces: 'text/plain', notKept: true },
      schema: { querystring: NoQuery },
    },
    async (_request, reply) => {
      const { contentType, body } = await metrics.expose();
      return reply.header('content-type', contentType).send(body);
    },
  );
}
