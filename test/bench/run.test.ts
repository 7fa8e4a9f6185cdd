import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { describePostgres } from '../support/postgres.ts';
import { isRunning, until } from '../support/program.ts';

const run = promisify(execFile);

// Each starts servers and whole programs, on machines that may have more to do.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BENCH = join(ROOT, 'bench', 'dist', 'bench', 'main.js');

/** A folder for everything that a benchmark leaves anywhere; PostgreSQL's own user has to get in. */
async function playground(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vigilia-bench-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await chmod(folder, 0o755);
  return folder;
}

interface Bench {
  readonly child: ChildProcess;
  /** All it said so far. */
  said(): string;
  readonly exited: Promise<number | string>;
}

function startBench(folder: string, args: readonly string[]): Bench {
  const child = spawn(process.execPath, [BENCH, ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  const exited = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string);
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  return { child, said: () => text, exited };
}

/** A process and all that came of it, with their command lines. */
async function descendants(pid: number): Promise<{ readonly pid: number; readonly command: string }[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args='], { maxBuffer: 2 ** 24 });
  const all = stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, own, parent, command]) => ({ pid: Number(own), parent: Number(parent), command: command ?? '' }));
  const below = (of: number): typeof all => all.filter(({ parent }) => parent === of).flatMap((one) => [one, ...below(one.pid)]);
  return below(pid);
}

describePostgres('a benchmark', () => {
  beforeAll(async () => {
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.bench.json', '--noCheck'], {
      cwd: ROOT,
    });
  });

  it('reads every message with every peer, writes its section, and leaves nothing behind', async () => {
    const folder = await playground();
    const output = join(await playground(), 'RESULTS.md');
    const args = ['history', '--messages', '250', '--rounds', '1', '--only', 'light', '--output', output];
    const bench = startBench(folder, args);
    expect(await bench.exited, bench.said()).toBe(0);
    const results = await readFile(output, 'utf8');
    for (const peer of ['bare GramJS loop', 'speed module', 'into PGlite', 'into PostgreSQL']) {
      const row = results.split('\n').find((line) => line.startsWith('|') && line.includes(peer)) ?? '';
      const [speed = '', ratio = '', cpu = ''] = row.split(' | ').slice(1);
      expect(Number.parseInt(speed.replaceAll(',', ''), 10), row).toBeGreaterThan(10);
      expect(ratio).toMatch(/^\*\*\d+\.\d\d\*\* \(/);
      expect(Number.parseFloat(cpu)).toBeGreaterThanOrEqual(0);
    }
    expect(results).toContain('fsync=on');
    expect(results).toMatch(/^2\d\d B of TL a message, \d+(\.\d)? B on the wire/m);
    expect(await readdir(folder)).toEqual([]);
  });

  it('that is interrupted ends its processes, servers and folders first', async () => {
    const folder = await playground();
    const bench = startBench(folder, [
      'history',
      '--messages',
      '20000',
      '--rounds',
      '1',
      '--peers',
      'postgresql',
      '--output',
      '-',
    ]);
    const programRuns = until(async () => {
      const found = await descendants(bench.child.pid ?? 0);
      return found.some(({ command }) => command.includes('dist/main.js start')) ? found : undefined;
    });
    const family = await Promise.race([programRuns, bench.exited.then(() => [])]);
    expect(family, bench.said()).not.toEqual([]);
    const postgres = Number.parseInt(await readFile(await postmasterOf(folder), 'utf8'), 10);
    expect(await isRunning(postgres)).toBe(true);
    bench.child.kill('SIGINT');
    expect(await bench.exited, bench.said()).toBe(130);
    for (const { pid, command } of [...family, { pid: postgres, command: 'postgres' }]) {
      expect(await isRunning(pid), command).toBe(false);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});

/** Where the server in a benchmark's folder says its process. */
async function postmasterOf(folder: string): Promise<string> {
  const name = (await readdir(folder)).find((entry) => entry.startsWith('vigilia-postgres-')) ?? '';
  return join(folder, name, 'data', 'postmaster.pid');
}
