import { startPostgres } from '../../support/postgres.ts';
import { PrivateRedis } from '../../support/redis.ts';
import type { Subject } from '../subject.ts';
import { postgresSubject } from './postgres.ts';
import { redisSubject } from './redis.ts';

/** The servers of a run, each private. */
export interface Backends {
  /** What faults befall, by the name that the rules have. */
  readonly subjects: ReadonlyMap<string, Subject>;
  /** Where each is, on loopback, for whoever goes there. */
  readonly ports: { readonly postgres: number; readonly redis: number };
  /** The database itself, past everything. */
  readonly databaseUrl: string;
}

/** @param onEnd takes what ends each */
export async function startBackends(onEnd: (end: () => Promise<void>) => void): Promise<Backends> {
  const [postgres, redis] = await Promise.all([startPostgres(), PrivateRedis.start()]);
  const subjects = new Map<string, Subject>([
    ['postgres', postgresSubject(postgres)],
    ['redis', redisSubject(redis)],
  ]);
  for (const subject of subjects.values()) onEnd(() => subject.end());
  return {
    subjects,
    ports: { postgres: postgres.port, redis: redis.port },
    databaseUrl: (await postgres.createDatabase()).url,
  };
}
