import type { HttpAnswer } from './http-connection.ts';

/** Something that carries one request at a time. */
export interface Carrier {
  ask(request: Buffer, onAnswer: (answer: HttpAnswer) => void): void;
}

/** What of time a load needs. */
export interface LoadClock {
  /** Monotonic, in ms. */
  now(): number;
  /** Calls back after so many ms, as near as it can. */
  after(ms: number, callback: () => void): void;
}

/** What was asked and answered. */
export interface Driven {
  /** In ms, one a request, in the order in which they were answered. */
  readonly latenciesMs: readonly number[];
  /** From the first request to the last answer. */
  readonly seconds: number;
}

interface LoadParts {
  readonly carriers: readonly Carrier[];
  /** Sent in turn, over and over. */
  readonly requests: readonly Buffer[];
  readonly clock: LoadClock;
  /** @throws Error for an answer that ends the load */
  readonly check: (answer: HttpAnswer) => void;
}

/**
 * Closed loop: every carrier sends its next request as soon as it has its answer, so that as much is asked as the server answers. What the server
 * can do at most; how long a request takes then says how many carriers there are.
 */
export function saturate({ carriers, requests, clock, check }: LoadParts, seconds: number): Promise<Driven> {
  return new Promise((resolve) => {
    const latenciesMs: number[] = [];
    const startedAt = clock.now();
    const endsAt = startedAt + seconds * 1000;
    let sent = 0;
    let open = carriers.length;
    const next = (carrier: Carrier): void => {
      const sentAt = clock.now();
      if (sentAt >= endsAt) {
        open -= 1;
        if (open === 0) resolve({ latenciesMs, seconds: (sentAt - startedAt) / 1000 });
        return;
      }
      carrier.ask(requests[sent++ % requests.length] as Buffer, (answer) => {
        check(answer);
        latenciesMs.push(clock.now() - sentAt);
        next(carrier);
      });
    };
    for (const carrier of carriers) next(carrier);
  });
}

/**
 * Open loop: requests are due at even distances whether or not the ones before were answered, as those of clients who know nothing of each other. One that
 * finds all carriers busy waits for one. The time of each counts from when it was due, so a server that stands still for a second cannot hide
 * it (coordinated omission: https://www.azul.com/files/HowNotToMeasureLatency_LLSummit_NYC_12Nov2013.pdf). What the timers of this process are late is in it too.
 */
export function atRate({ carriers, requests, clock, check }: LoadParts, perSecond: number, seconds: number): Promise<Driven> {
  return new Promise((resolve) => {
    const latenciesMs: number[] = [];
    const count = Math.round(perSecond * seconds);
    const startedAt = clock.now();
    const idle = [...carriers];
    /** How many are due, and how many of these were sent. */
    let due = 0;
    let sent = 0;
    const dueAt = (number: number): number => startedAt + (number * 1000) / perSecond;
    const send = (): void => {
      while (sent < due) {
        const carrier = idle.pop();
        if (carrier === undefined) return;
        const number = sent++;
        carrier.ask(requests[number % requests.length] as Buffer, (answer) => {
          check(answer);
          const now = clock.now();
          latenciesMs.push(now - dueAt(number));
          idle.push(carrier);
          if (latenciesMs.length === count) resolve({ latenciesMs, seconds: (now - startedAt) / 1000 });
          else send();
        });
      }
    };
    const turn = (): void => {
      due = Math.min(count, Math.floor(((clock.now() - startedAt) * perSecond) / 1000) + 1);
      send();
      if (due < count) clock.after(Math.max(0, dueAt(due) - clock.now()), turn);
    };
    turn();
  });
}
