import { setTimeout as pause } from 'node:timers/promises';
import { ARCHIVE_MESSAGES, ASKED, PEOPLE } from './world.ts';

/** Requests a second. */
const PER_SECOND = 50;
/** More than so many that nobody has answered are not asked beside. */
const MOST_UNDER_WAY = 100;
/** After so long an answer does not count any more, in ms. */
const PATIENCE_MS = 5_000;

/** A job that was answered with 202. */
export interface AcceptedJob {
  readonly jobId: string;
  readonly channel: string;
  readonly key: string | undefined;
}

interface Keyed {
  readonly key: string;
  readonly body: object;
  jobId: string | undefined;
}

/** What clients do: they ask for messages again and again, look at their jobs, read. They believe only what was answered. */
export class Load {
  readonly #api: string;
  readonly #random: () => number;
  readonly #complain: (finding: string) => void;
  /** By job id. */
  readonly accepted = new Map<string, AcceptedJob>();
  /** How often there was each answer, `none` among them. */
  readonly answers = new Map<string, number>();
  /** When an answer came last, and a 202, by the wall clock. */
  lastAnswerAt = 0;
  lastAcceptedAt = 0;
  /** Whether the gateway heeds `Idempotency-Key`. */
  heedsKeys = false;
  readonly #recent: string[] = [];
  readonly #keyed: Keyed[] = [];
  readonly #reads: string[] = ['/channels?limit=20'];
  #underWay = 0;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(api: string, random: () => number, complain: (finding: string) => void) {
    this.#api = api;
    this.#random = random;
    this.#complain = complain;
  }

  /** Finds out what the gateway can do, and begins. */
  async start(): Promise<void> {
    const key = `probe-${this.#random()}`;
    const body = { channelId: ASKED[0], limit: 10, force: true };
    const twice = [await this.#sync(body, 'probe', key), await this.#sync(body, 'probe', key)];
    this.heedsKeys = twice[0] !== undefined && twice[0] === twice[1];
    for (const path of ['/queue/stats', '/queue/health', '/jobs?limit=20'])
      if ((await fetch(`${this.#api}${path}`)).status === 200) this.#reads.push(path);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    let asked = 0;
    while (!this.#stopped) {
      const due = ((performance.now() - startedAt) / 1_000) * PER_SECOND;
      // What could not be asked in time is not made up for.
      asked = Math.max(asked, Math.floor(due) - PER_SECOND / 5);
      for (; asked < due; asked++) {
        if (this.#underWay >= MOST_UNDER_WAY) continue;
        this.#underWay += 1;
        void this.#ask().finally(() => {
          this.#underWay -= 1;
        });
      }
      await pause(20);
    }
    while (this.#underWay > 0) await pause(20);
  }

  async #ask(): Promise<void> {
    const what = this.#random();
    if (what < 0.3) await this.#askForMessages();
    else if (what < 0.6) await this.#get(`/jobs/${this.#pick(this.#recent) ?? 'sync-none'}`);
    else if (what < 0.8) await this.#get(`/channels/${this.#pick(ASKED)}/messages?limit=20`);
    else await this.#get(this.#pick(this.#reads) ?? '');
  }

  async #askForMessages(): Promise<void> {
    const again = this.heedsKeys && this.#random() < 0.2 ? this.#pick(this.#keyed) : undefined;
    if (again !== undefined) return this.#askKeyed(again);
    const channel = this.#random() < 0.03 ? 'archive' : (this.#pick(ASKED) ?? '');
    const limit = channel === 'archive' && this.#random() < 0.1 ? ARCHIVE_MESSAGES : 10 + Math.floor(this.#random() * 90);
    const accountId = channel === 'shared' && this.#random() < 0.5 ? this.#pick(PEOPLE)?.id : undefined;
    const body = { channelId: channel, limit, force: this.#random() < 0.9, ...(accountId !== undefined && { accountId }) };
    if (!this.heedsKeys || this.#random() < 0.5) {
      await this.#sync(body, channel);
      return;
    }
    const keyed = { key: `key-${Math.floor(this.#random() * 1e12)}`, body, jobId: undefined };
    this.#keyed.push(keyed);
    if (this.#keyed.length > 50) this.#keyed.shift();
    await this.#askKeyed(keyed);
  }

  /** The same key is the same job, however often it is asked for. */
  async #askKeyed(keyed: Keyed): Promise<void> {
    const jobId = await this.#sync(keyed.body, 'keyed', keyed.key);
    if (jobId === undefined) return;
    if (keyed.jobId !== undefined && keyed.jobId !== jobId)
      this.#complain(`the key ${keyed.key} has become two jobs: ${keyed.jobId} and ${jobId}`);
    keyed.jobId = jobId;
  }

  async #sync(body: object, channel: string, key?: string): Promise<string | undefined> {
    const answer = await this.#fetch('/sync-messages', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
      body: JSON.stringify(body),
    });
    const jobId = answer?.status === 202 ? (answer.body as { jobId?: string } | undefined)?.jobId : undefined;
    if (jobId === undefined) return undefined;
    this.lastAcceptedAt = Date.now();
    if (this.accepted.has(jobId) && key === undefined) this.#complain(`${jobId} was given to two requests`);
    this.accepted.set(jobId, { jobId, channel, key });
    this.#recent.push(jobId);
    if (this.#recent.length > 200) this.#recent.shift();
    return jobId;
  }

  async #get(path: string): Promise<void> {
    const answer = await this.#fetch(path);
    if (answer?.status === 404 && path.startsWith('/jobs/sync-') && path !== '/jobs/sync-none')
      this.#complain(`${path} was accepted, and is not known`);
  }

  /** @returns undefined where there was no answer, or not all of it */
  async #fetch(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown } | undefined> {
    try {
      const answer = await fetch(`${this.#api}${path}`, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
      const text = await answer.text();
      this.#count(String(answer.status));
      this.lastAnswerAt = Date.now();
      if (answer.status >= 500 && answer.status !== 503) this.#complain(`${path}: ${answer.status} ${text.slice(0, 300)}`);
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
    } catch {
      this.#count('none');
      return undefined;
    }
  }

  #count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }
}
