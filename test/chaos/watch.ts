import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { HealthReport } from '../../src/ports.ts';
import { liesIn, type Truth } from './honesty.ts';
import type { Load } from './load.ts';
import { type MemorySample, sampleOf } from './memory.ts';
import type { Fault } from './plan.ts';
import { Recoveries } from './recoveries.ts';
import { PROGRAMS, WORKERS } from './rules.ts';
import type { ProgramName, Stage } from './stage.ts';

const EVERY_MS = 250;
const MEMORY_EVERY_MS = 5_000;
/** How long a process has to answer, in ms: one that stands still does not. */
const ANSWER_MS = 1_000;

/** Looks at all processes all the time: what they say of themselves, how soon they are back, what they hold. */
export class Watch {
  readonly recoveries = new Recoveries();
  readonly memory: MemorySample[] = [];
  /** Reports of the gateway that were held against the truth. */
  reports = 0;
  readonly #stage: Stage;
  readonly #load: Load;
  readonly #complain: (finding: string) => void;
  readonly #startedAt = performance.now();
  readonly #awaySince = new Map<string, number>();
  #installations: ReadonlyMap<string, string> = new Map();
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(stage: Stage, load: Load, complain: (finding: string) => void) {
    this.#stage = stage;
    this.#load = load;
    this.#complain = complain;
  }

  start(): void {
    this.#running = Promise.all([this.#look(), this.#weigh()]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** A fault begins. */
  begin(fault: Fault): void {
    this.recoveries.begin(fault);
    if (!fault.target.includes('/')) this.#awaySince.set(fault.target, Date.now());
  }

  /** Its cause is over. */
  end(fault: Fault): void {
    this.recoveries.end(fault);
    this.#awaySince.delete(fault.target);
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      const askedAt = Date.now();
      const truth = this.#truth();
      const [ready, ...answers] = await Promise.all([
        ask(`${this.#stage.directUrls.gateway}/health/ready`),
        ...PROGRAMS.map((name) => ask(`${this.#stage.directUrls[name]}/health`)),
      ]);
      const reports: Partial<Record<ProgramName, HealthReport>> = {};
      for (const [at, name] of PROGRAMS.entries()) {
        const body = answers[at]?.body as HealthReport | undefined;
        if (body?.accounts !== undefined) reports[name] = body;
      }
      if (reports.gateway) {
        this.reports += 1;
        const lies = liesIn(reports.gateway, answers[0]?.status ?? 0, askedAt, truth);
        for (const lie of lies) this.#complain(`the gateway's health said ${lie}`);
      }
      this.recoveries.note({ askedAt, reports, isReady: ready?.status === 200, lastAnswerAt: this.#load.lastAnswerAt });
      await pause(Math.max(50, EVERY_MS - (Date.now() - askedAt)));
    }
  }

  async #weigh(): Promise<void> {
    const { programs, simulator } = this.#stage;
    while (!this.#stopped) {
      const atMs = Math.round(performance.now() - this.#startedAt);
      for (const [name, { life }] of [...Object.entries(programs), ['simulator', simulator] as const]) {
        const sample = life.pid === undefined ? undefined : await sampleOf(name, life.number, life.pid, atMs);
        if (sample) this.memory.push(sample);
      }
      for (let waitedMs = 0; waitedMs < MEMORY_EVERY_MS && !this.#stopped; waitedMs += EVERY_MS) await pause(EVERY_MS);
    }
  }

  #truth(): Truth {
    if (this.#installations.size < WORKERS.length)
      this.#installations = new Map(WORKERS.map((name) => [name, installationOf(this.#stage.folder, name)]));
    const away = WORKERS.flatMap((name) => {
      const since = this.#awaySince.get(name);
      return since === undefined ? [] : [[this.#installations.get(name) ?? name, since] as const];
    });
    return { workerAwaySince: new Map(away), simulatorAwaySince: this.#awaySince.get('simulator') };
  }
}

async function ask(url: string): Promise<{ status: number; body: unknown } | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    return { status: answer.status, body: await answer.json() };
  } catch {
    return undefined;
  }
}

/** The id under which a worker's leases stand. */
function installationOf(folder: string, name: string): string {
  return readFileSync(`${folder}/${name}/installation-id`, 'utf8').trim();
}
