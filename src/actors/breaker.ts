import CircuitBreaker from 'opossum';
import { type Clock, systemClock } from '../clock.ts';
import { toVigiliaError, VigiliaError } from '../errors.ts';

/** As opossum names them: calls pass, calls are refused, one call is let through to see. */
export type BreakerState = 'closed' | 'open' | 'half-open';

const REST_MS = 10_000;
/** Nobody is told to come back sooner, in ms. */
const LEAST_LEFT_MS = 1_000;

export interface BreakerOptions {
  /** Whose calls it gates, for people. */
  readonly name: string;
  /** How long it refuses before it lets one call through, in ms. @default 10_000 */
  readonly restMs?: number;
  /** Share of failures among the calls of the last 10 s above which it opens, in percent. @default 50 */
  readonly failedPercent?: number;
  /** Calls within 10 s below which it does not judge. @default 5 */
  readonly leastCalls?: number;
  /** What speaks against the other side. @default faults that may pass by themselves: not a request at fault, nor a wait that was named */
  readonly counts?: (error: VigiliaError) => boolean;
  /** @default the system's */
  readonly clock?: Clock;
  /** Told at each change. */
  readonly onState?: (state: BreakerState) => void;
}

/** Gates calls to a server that keeps failing: they fail at once instead of each waiting for its deadline. The only place where opossum is. */
export class Breaker {
  readonly #circuit: CircuitBreaker<[call: () => Promise<unknown>], unknown>;
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  #state: BreakerState = 'closed';
  /** When it lets one call through; monotonic, in ms. */
  #restsUntil = 0;

  constructor(options: BreakerOptions) {
    const { failedPercent = 50, leastCalls = 5, counts = mayPass, onState } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#circuit = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
      name: options.name,
      // Every call has a deadline of its own.
      timeout: false,
      resetTimeout: options.restMs ?? REST_MS,
      errorThresholdPercentage: failedPercent,
      volumeThreshold: leastCalls,
      rollingCountTimeout: 10_000,
      rollingPercentilesEnabled: false,
      errorFilter: (error: unknown) => !counts(toVigiliaError(error)),
    });
    const change = (state: BreakerState) => (): void => {
      this.#state = state;
      if (state === 'open') this.#restsUntil = this.#clock.monotonic() + (options.restMs ?? REST_MS);
      onState?.(state);
    };
    this.#circuit.on('open', change('open'));
    this.#circuit.on('halfOpen', change('half-open'));
    this.#circuit.on('close', change('closed'));
  }

  get state(): BreakerState {
    return this.#state;
  }

  /**
   * Makes a call, or refuses it.
   * @throws BREAKER_OPEN when it refuses, with when to try again; else what the call throws
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    try {
      return (await this.#circuit.fire(call)) as T;
    } catch (thrown) {
      if ((thrown as { readonly code?: unknown }).code !== 'EOPENBREAKER') throw thrown;
      const { name } = this.#options;
      // While the one call is under way that is let through to see, a moment more.
      const leftMs = Math.max(LEAST_LEFT_MS, Math.ceil(this.#restsUntil - this.#clock.monotonic()));
      const left = `${Math.ceil(leftMs / 1000)} s`;
      throw new VigiliaError('BREAKER_OPEN', `${name} has failed too often lately; it is left alone for another ${left}`, {
        retryAfterMs: leftMs,
      });
    }
  }

  /** Ends its timers. It is not used afterwards. */
  close(): void {
    this.#circuit.shutdown();
  }
}

function mayPass({ fault }: VigiliaError): boolean {
  return fault === 'transient';
}
