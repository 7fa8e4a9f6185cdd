import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, test } from 'vitest';
import { freePort } from './free-port.ts';
import type { PrivatePostgres } from './postgres.ts';
import { until } from './program.ts';

/** Ends the pooler ($1) and deletes its folder ($2) when its standard input ends, which it also does when the test's process is killed. */
const GUARDIAN = 'cat > /dev/null; kill -CONT "$1"; kill -INT "$1"; rm -rf "$2"';

const BINARY = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/opt/homebrew/bin', '/usr/local/bin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find(existsSync);
const ROOT = process.getuid?.() === 0;
const MISSING = 'no pgbouncer found in PATH, /usr/sbin or Homebrew';

/** A suite that needs PgBouncer: skipped where there is none, and its title says so; with `VIGILIA_TEST_REQUIRE=all` it fails. */
export function describePgbouncer(title: string, body: () => void): void {
  if (BINARY !== undefined) {
    describe(title, body);
  } else if (process.env.VIGILIA_TEST_REQUIRE === 'all') {
    describe(title, () => {
      test('needs PgBouncer', () => {
        throw new Error(MISSING);
      });
    });
  } else {
    describe.skip(`${title}: SKIPPED, ${MISSING}`, () => {
      test('is skipped', () => {});
    });
  }
}

/** A PgBouncer of a test file's own, before a private PostgreSQL. */
export interface PrivatePgbouncer {
  /** @returns the address of the same database through the pooler */
  pooled(url: string): string;
  readonly port: number;
  /** Of its process, which a signal may end; then `start` is another one at the same place. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when its process has ended. */
  ended(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Starts one with the settings that `ops/pgbouncer/pgbouncer.ini` has, but for addresses and users: what works here works there.
 * Transactions take their connections in turn, so that whatever a session would have kept is missed at once.
 * @param settings lines that replace those of the same name
 */
export async function startPgbouncer(
  server: PrivatePostgres,
  { user, password }: { readonly user: string; readonly password: string },
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PrivatePgbouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'vigilia-pgbouncer-'));
  const port = await freePort();
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    auth_file: join(folder, 'users.txt'),
    server_round_robin: 1,
    ...settings,
  };
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(join(folder, 'users.txt'), `"${user}" "${password}"\n`);
  writeFileSync(file, `[databases]\n* = host=127.0.0.1 port=${server.port}\n\n[pgbouncer]\n${lines({ ...shipped(), ...own })}`);
  if (ROOT) execFileSync('chown', ['-R', 'postgres', folder]);
  let child: ChildProcess;
  let guardian: ReturnType<typeof guard> | undefined;
  const guard = () => spawn('sh', ['-c', GUARDIAN, 'sh', String(child.pid), folder], { stdio: ['pipe', 'ignore', 'ignore'] });
  async function start(): Promise<void> {
    // It refuses to run as root.
    child = spawn(
      ...((ROOT
        ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', BINARY ?? '', file]]
        : [BINARY ?? '', [file]]) as [string, string[]]),
      { stdio: 'ignore', cwd: folder },
    );
    // The one before would delete the folder.
    guardian?.kill('SIGKILL');
    guardian = guard();
    await until(async () => (await answers(port)) || undefined);
  }
  async function ended(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await start();
  return {
    port,
    signal: (name) => {
      child.kill(name);
    },
    ended,
    start,
    pooled(url) {
      const address = new URL(url);
      address.port = String(port);
      return address.href;
    },
    async remove() {
      const last = guardian;
      last?.stdin.end();
      await Promise.all([ended(), last && once(last, 'close')]);
    },
  };
}

const SHIPPED = new URL('../../ops/pgbouncer/pgbouncer.ini', import.meta.url);

/** What the shipped file sets and is not a matter of the place: where it listens, and who may come. */
function shipped(): Record<string, string> {
  const [, section = ''] = readFileSync(SHIPPED, 'utf8').split('[pgbouncer]\n');
  const pairs = [...section.matchAll(/^(\w+) *= *(.*)$/gm)].map(([, name = '', value = '']) => [name, value] as const);
  return Object.fromEntries(
    pairs.filter(([name]) => !/^(listen_|auth_(file|user|query|dbname)|admin_users|stats_users)/.test(name)),
  );
}

function lines(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answered: boolean) => () => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}
