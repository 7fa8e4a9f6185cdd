import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore, type StoreOptions } from '../../src/actors/store/open-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { HealthReport, Job } from '../../src/ports.ts';
import { generatedChannel } from '../../src/simulator/generated-channel.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, startPostgres } from '../support/postgres.ts';
import { Program, temporaryFolder, until } from '../support/program.ts';

const run = promisify(execFile);

const API = '/api/telegram-gateway';
const CHANNEL = { username: 'kill_test', title: 'Killed', kind: 'channel', messages: 20_000, seed: 7 } as const;
/** Every third kill is the simulator's. Over PostgreSQL the chaos run kills dozens of times more. */
const KILLS = { pglite: 12, postgresql: 6 } as const;
/** A kill comes within this time after the one before took effect, in ms: while starting, logging in, reading, writing. */
const WITHIN_MS = 4_000;
/** A report that was asked for this long after a kill must know of it, in ms. */
const NOTICED_MS = 1_500;
/** Between two looks at everything, in ms. */
const LOOK_MS = 50;

interface Tally {
  programKills: number;
  simulatorKills: number;
  reports: number;
  refused: number;
  readonly accepted: string[];
  readonly lies: string[];
}

/** Asks for so many messages again whenever the job before has ended, and believes only what was answered with 202. */
class Client {
  readonly #url: string;
  readonly #tally: Tally;
  readonly #limit: number;
  #job: string | undefined;

  constructor(url: string, limit: number, tally: Tally) {
    this.#url = url;
    this.#limit = limit;
    this.#tally = tally;
  }

  async turn(): Promise<void> {
    try {
      if (this.#job) {
        const answer = await fetch(`${this.#url}${API}/jobs/${this.#job}`);
        const { status } = (await answer.json()) as { status: string };
        if (answer.status === 200 && ['completed', 'failed', 'cancelled'].includes(status)) this.#job = undefined;
        return;
      }
      const answer = await fetch(`${this.#url}${API}/sync-messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ channelId: CHANNEL.username, limit: this.#limit, force: true }),
      });
      const body = (await answer.json()) as { jobId?: string };
      if (answer.status !== 202 || !body.jobId) return;
      this.#job = body.jobId;
      this.#tally.accepted.push(body.jobId);
    } catch {
      this.#tally.refused++;
    }
  }
}

/** Reads `/health` all along and holds it against what the test knows. */
async function watchHealth(url: string, tally: Tally, truth: { killedAt: number; killedPid: number | undefined }): Promise<void> {
  const askedAt = Date.now();
  const known = { ...truth };
  const answer = await fetch(`${url}/health`).catch(() => undefined);
  const report = (await answer?.json().catch(() => undefined)) as HealthReport | undefined;
  if (!answer || !report || known.killedPid === undefined || askedAt - known.killedAt < NOTICED_MS) return;
  tally.reports++;
  const { simulator } = report.dependencies;
  if (simulator?.pid === known.killedPid)
    tally.lies.push(`simulator ${known.killedPid} is said to run ${askedAt - known.killedAt} ms after its end`);
  const [account] = report.accounts;
  const fresh = account?.lastPongAgeMs !== null && account?.lastPongAgeMs !== undefined && account.lastPongAgeMs < 75_000;
  const served = account?.state === 'authenticated' && fresh;
  if ((answer.status === 200) !== served) tally.lies.push(`${answer.status} with the account ${account?.state}`);
  if (served && (account?.since ?? 0) < known.killedAt) tally.lies.push('authenticated since before the simulator was killed');
}

async function survives(databaseUrl: string | undefined, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const folder = await temporaryFolder(onTestFinished);
  const world = join(folder, 'world');
  await mkdir(world);
  await writeFile(join(world, 'world.json'), JSON.stringify({ channels: [CHANNEL] }));
  const port = String(await freePort());
  const database = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl };
  const launch = (): Program => new Program(['start'], { HTTP_PORT: port, SIMULATOR_WORLD: world, ...database }, folder);
  let program = launch();
  onTestFinished(() => program.kill());
  const tally: Tally = { programKills: 0, simulatorKills: 0, reports: 0, refused: 0, accepted: [], lies: [] };
  const truth: { killedAt: number; killedPid: number | undefined } = { killedAt: 0, killedPid: undefined };
  // One client reads the whole channel; another asks for little, again and again, beside it.
  const clients = [CHANNEL.messages, 150].map((limit) => new Client(program.url, limit, tally));
  // Killed while its first cluster is being made, it would have to begin again each time; store/pglite.crash.test.ts has that.
  await program.healthy();
  let killing = true;
  let watching = true;
  const asking = (async () => {
    while (watching) {
      if (killing) for (const client of clients) await client.turn();
      await watchHealth(program.url, tally, truth);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  })();

  const planned = KILLS[databaseUrl === undefined ? 'pglite' : 'postgresql'];
  for (let kill = 1; kill <= planned; kill++) {
    // The instant is what is random here: nothing waits for the program to be in any particular state.
    await new Promise((resolve) => setTimeout(resolve, random() * WITHIN_MS));
    if (kill % 3 === 0) {
      const pid = await until(() => simulatorPid(program));
      truth.killedAt = Date.now();
      truth.killedPid = pid;
      process.kill(pid, 'SIGKILL');
      tally.simulatorKills++;
    } else {
      truth.killedPid = undefined;
      await program.kill();
      tally.programKills++;
      program = launch();
    }
  }
  truth.killedPid = undefined;
  killing = false;

  await program.healthy();
  for (const id of tally.accepted) {
    await until(async () => {
      const { status } = (await program.get(`${API}/jobs/${id}`)).body as { status: string };
      return ['completed', 'failed', 'cancelled'].includes(status) || undefined;
    });
  }
  watching = false;
  await asking;
  expect(await program.stop()).toBe(0);
  await holdAgainstTruth(folder, databaseUrl, tally);
  expect(tally.programKills + tally.simulatorKills).toBe(planned);
}

/** The simulator is the program's only child. */
async function simulatorPid(program: Program): Promise<number | undefined> {
  const { stdout } = await run('pgrep', ['-P', String(program.child.pid)]).catch(() => ({ stdout: '' }));
  const pid = Number.parseInt(stdout, 10);
  return Number.isNaN(pid) ? undefined : pid;
}

async function holdAgainstTruth(folder: string, databaseUrl: string | undefined, tally: Tally): Promise<void> {
  const [place = ''] = await readdir(join(folder, 'data', 'worlds'));
  const options: StoreOptions =
    databaseUrl === undefined
      ? { kind: 'pglite', dataDir: join(folder, 'data', 'worlds', place, 'pglite') }
      : { kind: 'postgresql', url: databaseUrl };
  const store = await openStore(options, { clock: systemClock, log: silentLog });
  onTestFinished(() => store.close());

  expect(tally.accepted.length).toBeGreaterThan(0);
  const attempts: number[] = [];
  for (const id of tally.accepted) {
    const job = (await store.findJob(id)) as Job;
    expect(job, `job ${id}`).toMatchObject({ status: 'completed', error: null });
    const ends = (await store.jobEvents(id)).filter(({ to }) => ['completed', 'failed', 'cancelled'].includes(to));
    expect(ends, `the ends of job ${id}`).toHaveLength(1);
    attempts.push(job.claims);
  }
  const { source } = generatedChannel(CHANNEL);
  const channel = await store.findChannel({ kind: 'username', username: CHANNEL.username });
  const stored = await store.readMessages({ chatId: channel?.chatId ?? 0, limit: CHANNEL.messages + 1 });
  const expected = Array.from({ length: source.size }, (_, index) => source.messageAt(source.size - 1 - index));
  const plain = (one: { id: number; date: number; text: string }) => ({ id: one.id, date: one.date, text: one.text });
  expect(stored.map(plain)).toEqual(expected.map(plain));
  expect(tally.lies).toEqual([]);
  const kills = tally.programKills + tally.simulatorKills;
  console.info(
    `${kills} kills (${tally.programKills} of gateway and worker, ${tally.simulatorKills} of the simulator); ` +
      `${tally.accepted.length} jobs accepted, each ended once, the most tried one after ${Math.max(...attempts)} claims; ` +
      `${stored.length} messages stored once; ${tally.reports} health reports after a kill, none of them untrue`,
  );
}

describe('kill -9 at random instants during the sync of 20,000 messages', () => {
  it('loses no accepted job and no message on PGlite', () => survives(undefined, 11), 600_000);

  describePostgres('on PostgreSQL', () => {
    it('loses no accepted job and no message on PostgreSQL', async () => {
      const postgres = await startPostgres();
      onTestFinished(() => postgres.remove());
      await survives((await postgres.createDatabase()).url, 12);
    }, 600_000);
  });
});
