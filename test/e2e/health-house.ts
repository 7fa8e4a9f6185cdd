import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/actors/store/open-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { AccountHealth, HealthReport } from '../../src/ports.ts';
import { SimulatorProcess } from '../simulator/simulator-process.ts';
import { freePort } from '../support/free-port.ts';
import { type Env, Program, temporaryFolder, until, writeWorld } from '../support/program.ts';

type OnEnd = (close: () => Promise<void>) => void;

const LOGIN = '/api/telegram-gateway/accounts/main/login';

/** A health report as it was asked for, and how long after something it came. */
export interface Shown {
  readonly status: number;
  readonly report: HealthReport;
  readonly account: AccountHealth;
  readonly tookMs: number;
}

/** The program over a simulator that the test owns, may script and may kill; the account logs in as people do. */
export class HealthHouse {
  readonly folder: string;
  readonly env: Env;
  simulator: SimulatorProcess;

  private constructor(folder: string, env: Env, simulator: SimulatorProcess) {
    this.folder = folder;
    this.env = env;
    this.simulator = simulator;
  }

  static async open(onEnd: OnEnd, env: Env = {}): Promise<HealthHouse> {
    const folder = await temporaryFolder(onEnd);
    await writeWorld(folder, [{ username: 'news', title: 'News', kind: 'channel', messages: 50, seed: 4 }]);
    const simulator = await startSimulator(folder, await freePort());
    const { address, publicKeyFile } = simulator.info;
    const house = new HealthHouse(
      folder,
      {
        TELEGRAM_SERVER: `${address.host}:${address.port}`,
        TELEGRAM_SERVER_KEY: publicKeyFile,
        HTTP_PORT: String(await freePort()),
        LOG_LEVEL: 'info',
        ...env,
      },
      simulator,
    );
    onEnd(() => house.simulator.kill());
    return house;
  }

  get phone(): string {
    return this.simulator.info.accounts[0]?.phone ?? '';
  }

  get control() {
    return this.simulator.control;
  }

  /** Starts the program. */
  async start(onEnd: OnEnd, more: Env = {}): Promise<Program> {
    const program = new Program(['start'], { ...this.env, ...more }, this.folder);
    onEnd(() => program.kill());
    await program.logged(({ msg }) => msg === 'listening' || msg.startsWith('try:'));
    return program;
  }

  /** Starts it and logs the account in. */
  async ready(onEnd: OnEnd): Promise<Program> {
    const program = await this.start(onEnd);
    await this.logIn(program);
    return program;
  }

  /** Resolves once the account serves. */
  async logIn(program: Program): Promise<void> {
    await shown(program, ({ account }) => account.state === 'reauth-required');
    const [account] = this.simulator.info.accounts;
    await program.post(LOGIN, { method: 'code', phone: account?.phone });
    // The answer may come while the code is still asked for: nobody waits for Telegram for ever.
    await until(async () => ((await program.get(LOGIN)).body as { state: string }).state === 'awaiting-code' || undefined);
    const done = await program.post(`${LOGIN}/code`, { code: account?.code });
    if (done.status !== 200) throw new Error(`${JSON.stringify(done.body)}\n${program.tail()}`);
    await shown(program, ({ report }) => report.status === 'ok');
  }

  async restartSimulator(): Promise<void> {
    this.simulator = await startSimulator(this.folder, this.simulator.info.address.port);
  }

  async calls(method: string): Promise<number> {
    return (await this.control.tell('stats', {})).calls[method] ?? 0;
  }

  /** Topics of the events that a stopped program left in its embedded database. */
  async topics(): Promise<string[]> {
    const worlds = join(this.folder, 'data', 'worlds');
    const [place = ''] = await readdir(worlds);
    const store = await openStore(
      { kind: 'pglite', dataDir: join(worlds, place, 'pglite') },
      { clock: systemClock, log: silentLog },
    );
    try {
      return (await store.readEvents(0, 1_000)).events.map(({ topic }) => topic);
    } finally {
      await store.close();
    }
  }
}

function startSimulator(folder: string, port: number): Promise<SimulatorProcess> {
  return SimulatorProcess.start({ dataDir: join(folder, 'simulator'), worldPath: join(folder, 'world'), port });
}

/** Between two looks, in ms: an account may be back a tenth of a second after its connection was found dead. */
const LOOK_MS = 25;

/** Resolves with the first health report that fits, and how long it took from when it was asked for. */
export async function shown(program: Program, fits: (shown: Shown) => boolean, lookMs = LOOK_MS): Promise<Shown> {
  const askedAt = performance.now();
  return until(async () => {
    const { status, report } = await program.health();
    const [account] = report.accounts;
    if (!account) return undefined;
    const now: Shown = { status, report, account, tookMs: Math.round(performance.now() - askedAt) };
    return fits(now) ? now : undefined;
  }, lookMs);
}
