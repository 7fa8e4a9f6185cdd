import { expect, it } from 'vitest';
import { describePgbouncer } from '../support/pgbouncer.ts';
import { describePostgres } from '../support/postgres.ts';
import { describeRabbitmq } from '../support/rabbitmq.ts';
import { describeRedis } from '../support/redis.ts';
import { CI, readOptions } from './options.ts';
import { runChaos } from './run.ts';

const options = readOptions(process.env);
/** For the start, the time until all is quiet, and the judge, in ms. */
const AROUND_MS = 300_000;

const withServers = (title: string, body: () => void): void =>
  describePostgres(title, () =>
    describePgbouncer('with PgBouncer', () => describeRedis('Redis', () => describeRabbitmq('and RabbitMQ', body))),
  );

withServers('a gateway and two workers', () => {
  it(
    'lose no job, no message and no event, and need no hand, whatever is killed, stopped or cut',
    async () => {
      const { findings, faults } = await runChaos(options, (line) => process.stderr.write(`${line}\n`));
      expect(findings).toEqual([]);
      if (options.seed === CI.seed && options.stormMs === CI.stormMs && !options.isCalm)
        expect(faults.length).toBeGreaterThanOrEqual(200);
    },
    options.stormMs + AROUND_MS,
  );
});
