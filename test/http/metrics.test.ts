import { describe, expect, it } from 'vitest';
import { buildGateway } from '../../src/http/server.ts';
import type { MetricRow } from '../../src/metrics.ts';
import { ask } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';

const FILE = new URL('../../docs/metrics.md', import.meta.url).pathname;
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_seconds(_total)?$/, 's'],
  [/_bytes$/, 'bytes'],
];

function page(rows: readonly MetricRow[]): string {
  const row = ({ name, type, labels, help }: MetricRow): string => {
    const unit = UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? '';
    return `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${unit} | ${help} |`;
  };
  const head = '| name | type | labels | unit | meaning |\n|---|---|---|---|---|';
  const ours = rows.filter(({ name }) => name.startsWith('vigilia_'));
  return `# Metrics

\`GET /metrics\` of the gateway (port 4010) and of the worker (port 4007) is what Prometheus scrapes; it needs scope \`read\`. Figures of the database are the
same from every process, those of actors, requests and event streams are of the process that is asked. A source that cannot be asked is left out of that
scrape and counted in \`vigilia_scrape_source_failures_total\`.

Labels are bounded: \`route\` is a route's template, or \`none\` for a path that is not there; the first 200 actors have series of their own, the others share one;
\`account\` is as many as there are accounts. Nothing of a message, a token or a person is ever a label.

${head}
${ours.map(row).join('\n')}

Beside them stand those that prom-client collects of every Node process (\`process_…\`, \`nodejs_…\`): memory, CPU, open files, garbage collection.
`;
}

describe('metrics', () => {
  const house = new HttpHouse();
  const deps = house.deps();
  const app = buildGateway(deps);

  it('are in docs/metrics.md as in the registry (rewritten by vitest -u)', async () => {
    await expect(page(deps.metrics.describe())).toMatchFileSnapshot(FILE);
  });

  it('are named and explained as Prometheus wants it', () => {
    for (const { name, type, help, labels } of deps.metrics.describe()) {
      if (!name.startsWith('vigilia_')) continue;
      expect(name).toMatch(/^vigilia_[a-z_]+$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      expect(help, name).toMatch(/^[A-Z1].*\.$/);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    }
  });

  it('of requests have one series for each route, however many paths are asked', async () => {
    for (let n = 0; n < 20; n++) {
      for (const url of [`/api/telegram-gateway/jobs/sync-${n}`, `/nowhere/${n}`, `/api/telegram-gateway/channels/${n}?x=${n}`])
        await ask(app, { url });
    }
    await app.inject({ method: 'PUT', url: '/nowhere', headers: { host: 'localhost' } });
    const { text } = await ask(app, { url: '/metrics' });
    const series = text.split('\n').filter((line) => line.startsWith('vigilia_http_request_duration_seconds_count'));
    expect(series.map((line) => /\{(.*)\}/.exec(line)?.[1]).sort()).toEqual([
      'method="GET",route="/api/telegram-gateway/channels/:id",status="400"',
      'method="GET",route="/api/telegram-gateway/jobs/:id",status="404"',
      'method="GET",route="none",status="404"',
      'method="PUT",route="none",status="404"',
    ]);
  });
});
