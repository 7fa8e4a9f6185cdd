import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { GeneratedChannelOptions } from '../../src/simulator/generated-channel.ts';
import { freePort } from '../support/free-port.ts';
import {
  type Env,
  isRunning,
  type LogLine,
  Program,
  processesNaming,
  temporaryFolder,
  until,
  writeWorld,
} from '../support/program.ts';

// Each starts whole programs, on machines that may have more to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const run = promisify(execFile);
const CHANNEL: GeneratedChannelOptions = { username: 'kept', title: 'Kept', kind: 'channel', messages: 300, seed: 31 };
const PLANTED = fileURLToPath(new URL('../support/planted-failure.js', import.meta.url));

/** Where all of them run, one after the other: the first makes the database and logs in. */
let folder: string;
let own: Env;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  folder = await temporaryFolder((remove) => ends.push(remove));
  own = { SIMULATOR_WORLD: await writeWorld(folder, [CHANNEL]), HTTP_PORT: String(await freePort()) };
});
afterAll(async () => {
  for (const end of ends) await end();
});

interface Kept {
  readonly keeper: Program;
  /** The program's process id in its nth life, once that has begun. */
  pid(life: number): Promise<number>;
  /** Resolves once the account is connected in the nth life. */
  connected(life: number): Promise<LogLine>;
}

function keep(env: Env = {}, onEnd: (end: () => Promise<void>) => void = onTestFinished): Kept {
  const keeper = new Program(['keep'], { ...own, ...env }, folder);
  onEnd(async () => {
    await keeper.kill();
    await until(async () => (await processesNaming(folder)).length === 0 || undefined);
  });
  const nth = async (life: number, fits: (line: LogLine) => boolean): Promise<LogLine> => {
    await keeper.logged(() => keeper.log.filter(fits).length >= life);
    return keeper.log.filter(fits)[life - 1] as LogLine;
  };
  return {
    keeper,
    pid: async (life) => Number((await nth(life, ({ msg }) => msg.startsWith('Vigília '))).pid),
    connected: (life) => nth(life, ({ msg }) => msg === 'connected'),
  };
}

const gone = (pid: number): Promise<true> => until(async () => !(await isRunning(pid)) || undefined);

describe('vigilia keep', () => {
  it('has the program back after kill -9, authenticated, with what it stored and accepted', async () => {
    const { keeper, pid, connected } = keep();
    await keeper.healthy();
    expect(await keeper.job(await keeper.sync('kept', 200))).toMatchObject({ status: 'completed' });
    const first = await pid(1);
    expect(first).not.toBe(keeper.child.pid);
    const accepted = await keeper.sync('kept', 300);
    process.kill(first, 'SIGKILL');
    await connected(2);
    expect(await pid(2)).not.toBe(first);
    expect(await keeper.job(accepted)).toMatchObject({ status: 'completed', result: { count: 300 } });
    const stored = await keeper.get('/api/telegram-gateway/channels/kept/messages?limit=300');
    expect((stored.body as { messages: unknown[] }).messages).toHaveLength(300);
    expect(keeper.stderr).toMatch(/^vigilia keep: the program ended \(SIGKILL\) after .* s; starting it again in .* s\n$/);
    expect(await keeper.stop()).toBe(0);
    expect(await isRunning(await pid(2))).toBe(false);
  });

  it('starts a program again that met a failure of which nobody knows whose it is', async () => {
    const { keeper, pid, connected } = keep({ NODE_OPTIONS: `--import ${PLANTED}` });
    await keeper.healthy();
    process.kill(await pid(1), 'SIGUSR2');
    await keeper.logged(({ msg }) => msg === 'an uncaught exception');
    await connected(2);
    expect(keeper.stderr).toContain('vigilia keep: the program ended (exit code 75) after');
    expect((await keeper.healthy()).status).toBe('ok');
    expect(await keeper.stop()).toBe(0);
  });

  it('that is killed itself takes the program with it, in order', async () => {
    const { keeper, pid } = keep();
    await keeper.healthy();
    const child = await pid(1);
    // Not `kill()`: the program holds the pipes open until it has ended too, so that its last words are read.
    keeper.child.kill('SIGKILL');
    await gone(child);
    expect(await keeper.exited).toBe('SIGKILL');
    expect(keeper.log.find(({ msg }) => msg === 'stopping')).toMatchObject({ why: 'the process that kept it is gone' });
    expect(keeper.log.at(-1)?.msg).toBe('stopped');
    expect(await processesNaming(folder)).toEqual([]);
    // Nothing holds the data directory or the port.
    const again = new Program(['start'], { SIMULATOR_WORLD: join(folder, 'world'), HTTP_PORT: new URL(keeper.url).port }, folder);
    onTestFinished(() => again.kill());
    await again.healthy();
    expect(await again.stop()).toBe(0);
  });

  it('takes Ctrl-C, which a terminal sends to all of them and npm passes on, as one wish to stop', async () => {
    const { keeper, pid } = keep();
    await keeper.healthy();
    const child = await pid(1);
    for (const process_ of [child, Number(keeper.child.pid), Number(keeper.child.pid)]) process.kill(process_, 'SIGINT');
    expect(await keeper.exited).toBe(0);
    expect(keeper.log.filter(({ msg }) => msg === 'stopping' || msg === 'stopped').at(-1)?.msg).toBe('stopped');
    expect(await isRunning(child)).toBe(false);
  });

  it('leaves a start that was refused as it is, with its exit code and its reason', async () => {
    const { keeper } = keep({ HTTP_PORT: 'eighty' });
    expect(await keeper.exited).toBe(78);
    expect(keeper.stderr).toContain('HTTP_PORT="eighty"');
  });

  describe('of a program that runs', () => {
    let kept: Kept;
    let end = async (): Promise<void> => {};
    beforeAll(async () => {
      kept = keep({}, (ending) => {
        end = ending;
      });
      await kept.keeper.healthy();
    });
    afterAll(() => end());

    it.skipIf(process.platform !== 'linux')('is small: nothing but Node itself is in its memory', async () => {
      const bare = await run(process.execPath, ['-p', 'require("fs").readFileSync("/proc/self/status","utf8")']);
      const own = await readFile(`/proc/${kept.keeper.child.pid}/status`, 'utf8');
      const anonymousMb = (status: string): number => Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
      console.info(
        `the keeper: ${anonymousMb(own).toFixed(1)} MB of its own; bare Node: ${anonymousMb(bare.stdout).toFixed(1)} MB`,
      );
      expect(anonymousMb(own) - anonymousMb(bare.stdout)).toBeLessThan(5);
    });

    it('does not try a second one again, which is refused', async () => {
      const second = new Program(['keep'], { HTTP_PORT: '0' }, folder);
      expect(await second.exited).toBe(1);
      expect(second.stderr).toContain('DATA_DIR_LOCKED');
      expect(second.stderr).not.toContain('starting it again');
    });

    it('stops it when it is asked to, ends as it does, and leaves no process', async () => {
      const { keeper, pid } = kept;
      const child = await pid(1);
      expect(await keeper.stop()).toBe(0);
      expect(keeper.log.at(-1)?.msg).toBe('stopped');
      expect(keeper.stderr).toBe('');
      expect(await isRunning(child)).toBe(false);
      expect(await processesNaming(folder)).toEqual([]);
    });
  });
});
