import { startPgbouncer } from '../../support/pgbouncer.ts';
import { startPostgres } from '../../support/postgres.ts';
import { PrivateRabbitmq } from '../../support/rabbitmq.ts';
import { PrivateRedis } from '../../support/redis.ts';
import type { Subject } from '../subject.ts';
import { pgbouncerSubject } from './pgbouncer.ts';
import { postgresSubject } from './postgres.ts';
import { rabbitmqSubject } from './rabbitmq.ts';
import { redisSubject } from './redis.ts';

/** The servers of a run, each private. */
export interface Backends {
  /** What faults befall, by the name that the rules have. */
  readonly subjects: ReadonlyMap<string, Subject>;
  /** Where the program goes, on loopback; to the database through PgBouncer. */
  readonly ports: { readonly postgres: number; readonly redis: number; readonly rabbitmq: number };
  /** The database itself, past everything. */
  readonly databaseUrl: string;
}

/** @param onEnd takes what ends each */
export async function startBackends(onEnd: (end: () => Promise<void>) => void): Promise<Backends> {
  const [postgres, redis, rabbitmq] = await Promise.all([startPostgres(), PrivateRedis.start(), PrivateRabbitmq.start()]);
  onEnd(() => postgres.remove());
  onEnd(() => redis.remove());
  onEnd(() => rabbitmq.remove());
  const { url: databaseUrl } = await postgres.createDatabase();
  const { username: user, password } = new URL(databaseUrl);
  const pgbouncer = await startPgbouncer(postgres, { user, password });
  onEnd(() => pgbouncer.remove());
  return {
    subjects: new Map<string, Subject>([
      ['postgres', postgresSubject(postgres)],
      ['pgbouncer', pgbouncerSubject(pgbouncer)],
      ['redis', redisSubject(redis)],
      ['rabbitmq', rabbitmqSubject(rabbitmq)],
    ]),
    ports: { postgres: pgbouncer.port, redis: redis.port, rabbitmq: rabbitmq.port },
    databaseUrl,
  };
}
