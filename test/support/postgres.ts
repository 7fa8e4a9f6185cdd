import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, test } from 'vitest';
import type { Certificates } from './certificates.ts';
import { freePort } from './free-port.ts';
import { isRunning, until } from './program.ts';

const run = promisify(execFile);

/**
 * Ends the server and deletes its folder ($1) as soon as its standard input ends: when the test says so, and also when the test's process is
 * killed, which nothing inside that process would live to see. A server that a test froze is woken first.
 */
const GUARDIAN = `
  cat > /dev/null
  folder=$1; shift
  kill -CONT "$(head -n 1 "$folder/data/postmaster.pid")"
  "$@"
  rm -rf "$folder"`;

/** A PostgreSQL server of a test file's own: loopback, a free port, a temporary folder, gone when the file ends. */
export interface PrivatePostgres {
  readonly port: number;
  readonly superuser: { readonly user: string; readonly password: string };
  /** The server's own process; its workers are children of it. */
  pid(): number;
  /** A new empty database. @param template name of a database to clone, which nobody may be connected to */
  createDatabase(template?: string): Promise<TestDatabase>;
  /** Runs one statement as superuser. */
  admin(sql: string): Promise<void>;
  start(): Promise<void>;
  /** @param mode `fast` closes connections politely; `immediate` is a crash: processes die, recovery runs at the next start */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** SIGKILL to every process of the server at once. */
  kill(): Promise<void>;
  /** Stops every process of the server where it is: connections stay open, nothing answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends the server and deletes its folder. */
  remove(): Promise<void>;
}

/** One database of the private server. */
interface TestDatabase {
  readonly name: string;
  readonly url: string;
}

/** Folders where servers are installed without being in the PATH: Debian, Red Hat, Homebrew, Postgres.app. */
function candidates(): string[] {
  const versions = (folder: string, bin = 'bin'): string[] =>
    existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, bin)) : [];
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions('/usr/lib/postgresql'),
    ...['/usr/pgsql-18/bin', '/usr/pgsql-17/bin', '/usr/pgsql-16/bin', '/usr/pgsql-15/bin'],
    ...['/opt/homebrew/opt', '/usr/local/opt'].flatMap((opt) =>
      versions(opt).filter((folder) => /\/postgresql(@\d+)?\/bin$/.test(folder)),
    ),
    ...versions('/Applications/Postgres.app/Contents/Versions'),
  ];
  return folders.filter((folder) => existsSync(join(folder, 'pg_ctl')) && existsSync(join(folder, 'initdb')));
}

const [BINARIES] = candidates();
const ROOT = process.getuid?.() === 0;

/** True where an extension is installed beside the server: Debian keeps it elsewhere than others do. */
export function hasExtension(name: string): boolean {
  if (BINARIES === undefined) return false;
  const version = /\/(\d+)\/bin$/.exec(BINARIES)?.[1] ?? '';
  const shared = [join('/usr/share/postgresql', version), join(BINARIES, '../share/postgresql'), join(BINARIES, '../share')];
  return shared.some((folder) => existsSync(join(folder, 'extension', `${name}.control`)));
}

const MISSING = 'no PostgreSQL binaries (pg_ctl, initdb) found in PATH, /usr/lib/postgresql, /usr/pgsql-* or Homebrew';

/**
 * A suite that needs PostgreSQL. Where none is installed it is skipped, and its title says so; with `VIGILIA_TEST_REQUIRE=all` it fails.
 */
export function describePostgres(title: string, body: () => void): void {
  if (BINARIES !== undefined) {
    describe(title, body);
  } else if (process.env.VIGILIA_TEST_REQUIRE === 'all') {
    describe(title, () => {
      test('needs PostgreSQL', () => {
        throw new Error(MISSING);
      });
    });
  } else {
    describe.skip(`${title}: SKIPPED, ${MISSING}`, () => {
      test('is skipped', () => {});
    });
  }
}

/** How a private server is. */
export interface PostgresOptions {
  /** What is committed is on the disk, as PostgreSQL does by default. @default false: faster, for tests */
  readonly durable?: boolean;
  /** More settings, as `name=value`. @default none */
  readonly settings?: readonly string[];
  /** TLS with this certificate; the role `encrypted`, which a test makes, may not come without. @default no TLS */
  readonly tls?: Pick<Certificates, 'certificate' | 'key'>;
}

/** Starts a server. Its superuser is `vigilia`, with a password nobody else knows. */
export async function startPostgres({
  durable = false,
  settings: more = [],
  tls,
}: PostgresOptions = {}): Promise<PrivatePostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'vigilia-postgres-'));
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const port = await freePort();

  // PostgreSQL refuses to run as root.
  const asServer = (program: string, args: readonly string[]): [string, string[]] => {
    const path = join(BINARIES ?? '', program);
    return ROOT ? ['runuser', ['-u', 'postgres', '--', path, ...args]] : [path, [...args]];
  };
  async function call(program: string, args: readonly string[]): Promise<void> {
    await run(...asServer(program, args), { cwd: folder });
  }
  const serverPid = (): number => Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10);
  async function processes(): Promise<number[]> {
    const pid = serverPid();
    const children = (await run('ps', ['-e', '-o', 'pid=,ppid='])).stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .filter(([, parent]) => parent === pid)
      .map(([child]) => child as number);
    return [pid, ...children];
  }
  async function signal(name: NodeJS.Signals): Promise<void> {
    for (const pid of await processes()) tell(pid, name);
  }
  async function kill(): Promise<void> {
    // So that it makes no process of which we do not know.
    process.kill(serverPid(), 'SIGSTOP');
    const all = await processes();
    for (const pid of all) tell(pid, 'SIGKILL');
    // One that still ran would hold the memory that the next server wants.
    await until(async () => ((await Promise.all(all.map(isRunning))).some(Boolean) ? undefined : true));
    // Until somebody has taken note of its end its number is still given away, and the next server would take it for alive.
    rmSync(join(data, 'postmaster.pid'), { force: true });
  }
  const urlOf = (database: string): string => `postgresql://vigilia:${password}@127.0.0.1:${port}/${database}`;

  async function admin(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: urlOf('postgres') });
    // A server that ends under a statement is told by the statement's own failure.
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  async function start(): Promise<void> {
    const settings = [
      `-p ${port}`,
      '-c listen_addresses=127.0.0.1',
      '-c unix_socket_directories=',
      ...(durable ? [] : ['-c fsync=off']),
      '-c max_connections=100',
      // Settings that a server may have and that must not matter.
      '-c timezone=America/Sao_Paulo',
      '-c datestyle=german',
      ...(tls ? ['-c ssl=on'] : []),
      ...more.map((setting) => `-c ${setting}`),
    ];
    await call('pg_ctl', ['-D', data, '-w', '-t', '60', '-l', join(folder, 'server.log'), '-o', settings.join(' '), 'start']);
  }

  async function stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await call('pg_ctl', ['-D', data, '-w', '-t', '60', '-m', mode, 'stop']);
  }

  const giveAway = (path: string): void => {
    if (ROOT) execFileSync('chown', ['postgres', path]);
  };
  giveAway(folder);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  giveAway(passwordFile);
  const locale = ['--encoding=UTF8', '--locale=C', '--username=vigilia', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  await call('initdb', ['-D', data, '--no-sync', ...locale]);
  if (tls) {
    for (const [name, from] of Object.entries({ 'server.crt': tls.certificate, 'server.key': tls.key })) {
      const file = join(data, name);
      copyFileSync(from, file);
      chmodSync(file, 0o600);
      giveAway(file);
    }
    const rules = join(data, 'pg_hba.conf');
    writeFileSync(rules, `hostnossl all encrypted all reject\n${readFileSync(rules, 'utf8')}`);
  }
  const guardian = spawn(
    'sh',
    ['-c', GUARDIAN, 'sh', folder, ...asServer('pg_ctl', ['-D', data, '-w', '-m', 'immediate', 'stop']).flat()],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: folder,
      detached: true,
    },
  );
  guardian.unref();
  await start();

  return {
    port,
    superuser: { user: 'vigilia', password },
    pid: serverPid,
    admin,
    async createDatabase(template = 'template0') {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await admin(`CREATE DATABASE ${name} TEMPLATE ${template}`);
      return { name, url: urlOf(name) };
    },
    start,
    stop,
    kill,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async remove() {
      guardian.stdin.end();
      await once(guardian, 'close');
    },
  };
}

/** A process that has just ended by itself is not told. */
function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
