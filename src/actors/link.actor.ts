import { fromCallback, fromPromise, type Snapshot } from 'xstate';
import type { Clock, Random } from '../clock.ts';
import type { Log } from '../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../machines/backoff.ts';
import { type LinkLost, linkMachine } from '../machines/link.machine.ts';
import type { DependencyHealth, Json, JsonObject } from '../ports.ts';
import type { ChildSpec } from './actor.ts';
import { Seen } from './seen.ts';

const BACKOFF: BackoffPolicy = { baseMs: 500, capMs: 10_000 };

/** What is known of a server, for `/health`. */
export class LinkStatus {
  readonly #clock: Clock;
  #state = 'connecting';
  #since: number;
  #reason: string | undefined;
  #latencyMs: number | null = null;
  readonly #answered: Seen;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#answered = new Seen(clock);
  }

  /** @returns whether it is another state than before */
  set(state: string, reason?: string): boolean {
    const isChange = state !== this.#state;
    if (isChange) this.#since = this.#clock.now();
    this.#state = state;
    this.#reason = reason;
    return isChange;
  }

  noteAnswer(latencyMs: number): void {
    this.#latencyMs = Math.round(latencyMs * 10) / 10;
    this.#answered.note();
  }

  health(kind: string): DependencyHealth {
    return {
      kind,
      state: this.#state,
      since: this.#since,
      latencyMs: this.#latencyMs,
      lastAnswerAgeMs: this.#answered.ageMs,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
  }
}

/** A server, as its link deals with it. */
export interface LinkedServer {
  /** The child's id. */
  readonly id: string;
  /** What it is called in log lines, and of which kind it is. */
  readonly name: string;
  readonly kind: string;
  /** Makes it ready for use. @returns the round trip, in ms */
  readonly prepare: () => Promise<number>;
  /** Asks whether it is there. @returns the round trip, in ms */
  readonly check: () => Promise<number>;
  /** Does what it is for, where an answer alone does not prove that it can. */
  readonly prove?: () => Promise<unknown>;
  /** What its state is called while it answers and cannot do that. @default 'limited' */
  readonly limitedState?: string;
  /** Tells at once when it was lost, where that can be seen without asking. @returns what ends the telling */
  readonly watch?: (lost: (error: unknown) => void) => () => void;
  /** Told when it is down, or not ours to use. */
  readonly onDown?: (reason: string) => void;
  /** Told when nobody looks after it any more: its link was stopped. */
  readonly onEnd?: (reason: string) => void;
  /** Ms until its supervisor takes it for hanging. */
  readonly readyMs?: number;
}

export interface LinkDeps {
  readonly random: Random;
  readonly log: Log;
  /** How long those who start after it wait for its first attempt, in ms. */
  readonly patienceMs: () => number;
}

/**
 * The link to a server: it prepares it, then asks it every few seconds, and prepares it anew after it was down. Ready after the first attempt,
 * whatever came of it, or when that takes too long; a server that is not ours to use ends it, and with it the program.
 */
export function linkSpec(server: LinkedServer, status: LinkStatus, { random, log, patienceMs }: LinkDeps): ChildSpec {
  const { id, name, kind, readyMs, limitedState = 'limited' } = server;
  const { onDown = () => {}, onEnd = () => {}, watch = () => () => {}, prove = async () => {} } = server;
  return {
    id,
    kind: 'link',
    staysUp: 'without it nobody would notice when the server is lost or back; restart it',
    ...(readyMs !== undefined && { readyMs }),
    view: (snapshot: Snapshot<unknown>): JsonObject => {
      if (!('context' in snapshot)) return {};
      const { attempt, lastError } = snapshot.context as Record<string, Json>;
      return { ...status.health(kind), attempt, lastError } as JsonObject;
    },
    start: (life) => {
      const logic = linkMachine.provide({
        actors: {
          prepare: fromPromise<void>(async () => status.noteAnswer(await server.prepare())),
          check: fromPromise<void>(async () => status.noteAnswer(await server.check())),
          prove: fromPromise<void>(async () => void (await prove())),
          watch: fromCallback<LinkLost>(({ sendBack }) => watch((error) => sendBack({ type: 'LOST', error }))),
        },
        actions: {
          goAhead: life.ready,
          tellUp: () => {
            status.set('up');
            log.info({ [id]: kind }, `${name} is up`);
            life.ready();
          },
          tellWhole: () => {
            if (status.set('up')) log.info({ [id]: kind }, `${name} does all it is asked to again`);
          },
          tellLimited: ({ context }) => {
            const cause = context.lastError?.message;
            if (status.set(limitedState, cause)) log.warn({ [id]: kind, cause }, `${name} is ${limitedState}`);
          },
          tellDown: ({ context }) => {
            onDown(context.lastError?.message ?? 'it is down');
            status.set('down', context.lastError?.message);
            log.warn({ [id]: kind, cause: context.lastError?.message }, `${name} is down; trying again`);
            life.ready();
          },
          tellEnded: () => {
            const reason = 'the link to it was stopped';
            onEnd(reason);
            status.set('down', reason);
          },
          tellRefused: ({ context }) => {
            onDown(context.failure?.message ?? 'it is not ours to use');
            status.set('refused', context.failure?.message);
            log.error({ [id]: kind, cause: context.failure?.message, code: context.failure?.code }, `${name} is refused`);
          },
        },
      });
      return { logic, input: { backoffMs: (attempt: number) => backoffDelayMs(BACKOFF, attempt, random), patienceMs } };
    },
  };
}
