import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ActorNode } from '../../src/ports.ts';
import { freePort } from '../support/free-port.ts';
import { Program, temporaryFolder, until, writeWorld } from '../support/program.ts';

// Each starts a whole program and lets every part of it fail.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

const SABOTEUR = fileURLToPath(new URL('saboteur.js', import.meta.url));

/** Where the programs run, one after the other: the first makes the database and logs in. */
let folder: string;
let world: string;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  folder = await temporaryFolder((remove) => ends.push(remove));
  world = await writeWorld(folder, [{ username: 'news', title: 'News', kind: 'channel', messages: 150, seed: 5 }]);
});
afterAll(async () => {
  for (const end of ends) await end();
});

async function sabotagedProgram() {
  const port = await freePort();
  const env = {
    SIMULATOR_WORLD: world,
    HTTP_PORT: String(await freePort()),
    NODE_OPTIONS: `--import ${SABOTEUR}`,
    SABOTEUR_PORT: String(port),
  };
  const program = new Program(['start'], env, folder);
  onTestFinished(() => program.kill());
  await program.healthy();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
  });
  const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  const plant = async (place: string, path: string): Promise<void> => {
    socket.write(`${place} ${path}\n`);
    expect((await answers.next()).value).toBe('ok');
  };
  return { program, plant };
}

function flat(node: ActorNode): ActorNode[] {
  return [node, ...node.children.flatMap(flat)];
}

async function actors(program: Program): Promise<ActorNode[]> {
  return flat((await program.get('/api/state')).body as ActorNode);
}

async function find(program: Program, path: string): Promise<ActorNode | undefined> {
  return (await actors(program)).find((node) => node.path === path);
}

const WORKING = new Set(['waiting', 'starting', 'stopping', 'failing', 'down', 'quarantined']);

/** What the tree says of an actor that failed in a place. */
const CAUSE = {
  step: 'planted: step',
  entry: 'planted: entry',
  timer: 'planted: timer',
  rejection: 'planted: rejection',
} as const;

describe('a defect in any actor', () => {
  it.each(Object.entries(CAUSE))('thrown in a %s is survived, and the tree tells of it', async (place, cause) => {
    const { program, plant } = await sabotagedProgram();
    const paths = (await actors(program)).map(({ path }) => path).filter((path) => path !== 'root');
    expect(paths).toEqual(
      expect.arrayContaining(['root/simulator', 'root/infrastructure/store', 'root/accounts/main/connection', 'root/http']),
    );
    for (const path of paths) {
      const before = await until(() => find(program, path));
      await plant(place, path);
      const after = await until(async () => {
        const node = await find(program, path);
        return node && node.restarts > before.restarts && !WORKING.has(node.state) ? node : undefined;
      });
      expect(after.lastExit, path).toMatchObject({ reason: 'failure', causes: expect.arrayContaining([cause]) });
    }
    // Everything works: a new job from end to end, over all that was broken.
    await until(async () => ((await program.health()).report.status === 'ok' ? true : undefined));
    const job = await program.job(await program.sync('news', 150));
    expect(job).toMatchObject({ status: 'completed', result: { count: 150 } });
    expect(program.child.exitCode).toBeNull();
    expect(await program.stop()).toBe(0);
  });

  it('that nobody answers for ends the program in order, with the exit code that asks for another start', async () => {
    const { program, plant } = await sabotagedProgram();
    await plant('nobody', 'root');
    expect(await program.exited).toBe(75);
    expect(program.log.at(-1)).toMatchObject({ msg: expect.not.stringContaining('by force') });
  });

  it('in the root itself ends the program, with the same exit code', async () => {
    const { program, plant } = await sabotagedProgram();
    await plant('step', 'root');
    expect(await program.exited).toBe(75);
  });
});
