import pg from 'pg';
import { type PrivatePostgres, startPostgres } from '../../test/support/postgres.ts';
import { atEnd } from './cleanup.ts';

/** A PostgreSQL of the benchmark's own. */
export interface BenchDatabase {
  /** E.g. `PostgreSQL 16.4`. */
  readonly version: string;
  /** The settings that decide what a commit costs, as the server says them. */
  readonly settings: string;
  readonly server: PrivatePostgres;
  /** Runs something on an empty database, which is gone afterwards. */
  withDatabase<T>(use: (url: string) => Promise<T>): Promise<T>;
}

const SETTINGS = ['fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers'] as const;

/** Starts a server with PostgreSQL's default settings: every commit waits for the disk. It ends with the benchmark. */
export async function startDatabase(): Promise<BenchDatabase> {
  const starting = startPostgres({ durable: true });
  // Registered before it is up: an interruption waits for the start, and ends what was started.
  atEnd(async () => (await starting).remove());
  const server = await starting;
  const withDatabase: BenchDatabase['withDatabase'] = async (use) => {
    const { name, url } = await server.createDatabase();
    try {
      return await use(url);
    } finally {
      await server.admin(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  };
  const [version = '', ...settings] = await withDatabase(async (url) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const shown = [];
      for (const name of ['server_version', ...SETTINGS]) {
        shown.push(String(Object.values((await client.query(`SHOW ${name}`)).rows[0])[0]));
      }
      return shown;
    } finally {
      await client.end();
    }
  });
  return {
    version: `PostgreSQL ${version.split(' ')[0]}`,
    settings: SETTINGS.map((name, index) => `${name}=${settings[index]}`).join(', '),
    server,
    withDatabase,
  };
}
