import { type Clock, pause, type Random, type Timer } from '../clock.ts';
import { afterEnd, type ProcessEnd } from '../machines/keeper-policy.ts';

/** The same key press reaches a process more than once: from the terminal, and through npm. In ms. */
const SAME_PRESS_MS = 300;
/** Longer than a program takes for a stop, which it ends by force itself after 40 s: only one that hangs needs this. In ms. */
const STOP_MS = 45_000;
/** The same once somebody insists, in ms. */
const INSIST_MS = 2_000;

/** A life of the program. */
export interface KeptProcess {
  readonly ended: Promise<ProcessEnd>;
  /** It has said that it is up. */
  isUp(): boolean;
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): void;
}

interface KeeperDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly start: () => KeptProcess;
  /** Tells people what happens. */
  readonly say: (text: string) => void;
}

/** Keeps a program running until it ends well, must not be started again, or somebody asks for a stop (decision 11). */
export class Keeper {
  readonly #deps: KeeperDeps;
  readonly #stopping = new AbortController();
  #child: KeptProcess | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #force: Timer;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  /** @returns how the last life ended; exit code 0 when it was stopped between two lives */
  async run(): Promise<ProcessEnd> {
    const { clock, random, start, say } = this.#deps;
    let failures = 0;
    let hasWorked = false;
    for (;;) {
      const child = start();
      const startedAt = clock.monotonic();
      this.#child = child;
      const end = await child.ended;
      this.#child = undefined;
      clock.clearTimeout(this.#force);
      hasWorked ||= child.isUp();
      const livedMs = clock.monotonic() - startedAt;
      const verdict = afterEnd({ end, livedMs, failures, hasWorked, isStopping: this.#stopping.signal.aborted }, random);
      if (verdict.action === 'stop') return end;
      failures = verdict.failures;
      say(`the program ended (${nameOf(end)}) after ${seconds(livedMs)}; starting it again in ${seconds(verdict.delayMs)}`);
      if (!(await pause(clock, verdict.delayMs, this.#stopping.signal))) return { exitCode: 0, signal: null };
    }
  }

  /** Has the program read its tokens anew. One that is starting reads them anyway. */
  reload(): void {
    if (this.#child?.isUp()) this.#child.kill('SIGHUP');
  }

  /** Passes a stop on. Whoever asks twice wants it at once, and the program knows that rule itself. */
  stop(): void {
    const { clock } = this.#deps;
    const now = clock.monotonic();
    if (now - this.#askedAt < SAME_PRESS_MS) return;
    const insists = this.#stopping.signal.aborted;
    this.#askedAt = now;
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    clock.clearTimeout(this.#force);
    this.#force = clock.setTimeout(() => this.#child?.kill('SIGKILL'), insists ? INSIST_MS : STOP_MS);
  }
}

function nameOf({ exitCode, signal }: ProcessEnd): string {
  return signal ?? (exitCode === null ? 'it could not be started' : `exit code ${exitCode}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
