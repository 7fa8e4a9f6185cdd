import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { VigiliaError } from '../../errors.ts';
import type { World } from '../../ports.ts';
import type { SqlSession } from './sql-driver.ts';
import type { Transactions } from './transactions.ts';

/** The numbered SQL files, which lie beside `src/` and `dist/` alike. */
export const SQL_FOLDER = new URL('../../../sql/', import.meta.url);

/** Key of the advisory lock that one migrating process holds: the letters "vigi". */
const LOCK_KEY = 0x76696769;

/** One numbered file. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, in hex; line ends do not count. */
  readonly checksum: string;
}

/**
 * The migrations of a folder, in order.
 * @throws STORE_REFUSED when the numbers are not 1, 2, 3 … or a file is not named like `001_words.sql`
 */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, at) => {
      const version = Number(/^(\d{3})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (version !== at + 1)
        throw new VigiliaError('STORE_REFUSED', `sql/${name} is not named as number ${at + 1} of the migrations`);
      const sql = (await readFile(new URL(name, folder), 'utf8')).replaceAll('\r\n', '\n');
      return { version, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Brings a database's schema up to date and stamps it with its world: one transaction under a transaction's advisory lock, so that of
 * several starting processes one migrates and the others find it done, and nothing is ever half migrated.
 * @returns how many migrations were applied
 * @throws FOREIGN_DATABASE, SCHEMA_TOO_NEW, STORE_REFUSED, STORE_UNAVAILABLE
 */
export function migrate(transactions: Transactions, migrations: readonly Migration[], world: World): Promise<number> {
  return transactions.run(async (session) => {
    await session.query('SELECT pg_advisory_xact_lock($1::int8)', [LOCK_KEY]);
    await checkServer(session);
    await refuseForeign(session, world, ADVICE[transactions.driver.kind]);
    const applied = await applyPending(session, migrations);
    await session.query('INSERT INTO world (kind, id) VALUES ($1, $2) ON CONFLICT DO NOTHING', [world.kind, world.id]);
    return applied;
  });
}

/**
 * Applies what a database has not had yet; whose it is, it does not say.
 * @public the build makes the embedded database's empty cluster with it
 * @returns how many
 */
export async function applyPending(session: SqlSession, migrations: readonly Migration[]): Promise<number> {
  await session.script(
    `CREATE TABLE IF NOT EXISTS schema_migrations (
      version integer NOT NULL CONSTRAINT schema_migrations_pkey PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`,
  );
  const pending = await pendingOf(session, migrations);
  for (const migration of pending) await apply(session, migration);
  return pending.length;
}

async function checkServer(session: SqlSession): Promise<void> {
  const [server] = await session.query(
    `SELECT current_setting('server_version_num')::int4 AS version, current_setting('server_encoding') AS encoding`,
  );
  if ((server?.version as number) < 150_000) throw new VigiliaError('STORE_REFUSED', 'PostgreSQL 15 or later is needed');
  if (server?.encoding !== 'UTF8') {
    throw new VigiliaError('STORE_REFUSED', `the database's encoding is ${server?.encoding}, UTF8 is needed`);
  }
}

/** What to do about a database of another world, by where it lies. */
const ADVICE = {
  postgresql:
    'set DATABASE_URL to a database of its own, or start what this one belongs to (a simulator is known by the key in its data directory)',
  pglite:
    "the simulator's folder beside this database is not the one that it was filled from: put it back, or move this world's folder away and begin anew",
} as const;

async function refuseForeign(session: SqlSession, world: World, advice: string): Promise<void> {
  const [table] = await session.query(`SELECT to_regclass('world') IS NOT NULL AS exists`);
  if (table?.exists !== true) return;
  const [stamp] = await session.query('SELECT kind, id FROM world');
  // A simulator is the same one whether it is ours to run or reached as a server: its key says so.
  if (stamp === undefined || stamp.id === world.id) return;
  throw new VigiliaError(
    'FOREIGN_DATABASE',
    `the database belongs to ${worldName(stamp as unknown as World)}, and this program would fill it from ${worldName(world)}; ${advice}`,
  );
}

function worldName(world: World): string {
  if (world.kind === 'telegram') return 'Telegram itself';
  return `${world.kind === 'simulator' ? 'the simulated Telegram' : 'the Telegram server'} ${world.id}`;
}

async function pendingOf(session: SqlSession, migrations: readonly Migration[]): Promise<Migration[]> {
  const applied = await session.query('SELECT version, name, checksum FROM schema_migrations ORDER BY version');
  for (const row of applied) {
    const migration = migrations[(row.version as number) - 1];
    if (migration === undefined) {
      throw new VigiliaError(
        'SCHEMA_TOO_NEW',
        `the database has had ${row.name}, which this version of the program does not know; start the version that wrote it, or restore a backup from before`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new VigiliaError(
        'STORE_REFUSED',
        `sql/${migration.name} is not the file that the database was migrated with (${row.name})`,
      );
    }
  }
  const done = new Set(applied.map((row) => row.version));
  return migrations.filter((migration) => !done.has(migration.version));
}

async function apply(session: SqlSession, migration: Migration): Promise<void> {
  try {
    await session.script(migration.sql);
  } catch (thrown) {
    if (!(thrown instanceof VigiliaError) || thrown.code !== 'STORE_REFUSED') throw thrown;
    throw new VigiliaError('STORE_REFUSED', `sql/${migration.name} could not be applied: ${thrown.message}`, { cause: thrown });
  }
  await session.query('INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)', [
    migration.version,
    migration.name,
    migration.checksum,
  ]);
}
