import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { memoryUsage } from 'node:process';
import type { Clock, Timer } from './clock.ts';
import type { ProcessFigures } from './ports.ts';

/**
 * How often it is looked whether the loop comes in time, in ms. What blocks it for less may go unseen. Each look wakes the process, and twice as many
 * cost a process at rest about half a percent of a core.
 */
const EVERY_MS = 20;
/** Over how long the figures are, in ms. */
const WINDOW_MS = 10_000;

/** What is read: intervals between looks in ns, how long the loop was at work and at rest since the process began, and memory. */
export interface ProcessReadings {
  readonly intervals: { readonly count: number; readonly max: number; percentile(percentile: number): number; reset(): void };
  utilization(): Pick<EventLoopUtilization, 'active' | 'idle'>;
  memory(): ProcessFigures['memory'];
  close(): void;
}

/** How late the event loop is. */
type LoopLag = Pick<ProcessFigures, 'lag' | 'busy'>;

const NONE: LoopLag = { lag: { p50Ms: 0, p99Ms: 0, maxMs: 0 }, busy: 0 };

/**
 * Gauges this process: its memory as it is, and its event loop over one window after the other: whoever asks changes nothing for the next who does. What is told is of the last
 * window that is over; only what was worse since then is told at once.
 */
export class ProcessGauge {
  readonly #clock: Clock;
  readonly #readings: ProcessReadings;
  #timer: Timer;
  #last: LoopLag | undefined;
  #before: Pick<EventLoopUtilization, 'active' | 'idle'>;

  constructor(clock: Clock, readings: ProcessReadings = readProcess()) {
    this.#clock = clock;
    this.#readings = readings;
    this.#before = readings.utilization();
    this.#timer = clock.setTimeout(this.#turn, WINDOW_MS);
  }

  figures(): ProcessFigures {
    const present = this.#present();
    const last = this.#last ?? present;
    const lag = { ...last.lag, maxMs: Math.max(last.lag.maxMs, present.lag.maxMs) };
    return { ...last, lag, memory: this.#readings.memory() };
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#readings.close();
  }

  readonly #turn = (): void => {
    this.#last = this.#present();
    this.#before = this.#readings.utilization();
    this.#readings.intervals.reset();
    this.#timer = this.#clock.setTimeout(this.#turn, WINDOW_MS);
  };

  #present(): LoopLag {
    const { intervals } = this.#readings;
    const { active, idle } = this.#readings.utilization();
    const worked = active - this.#before.active;
    const all = worked + idle - this.#before.idle;
    const busy = all > 0 ? Math.round((worked / all) * 1e4) / 1e4 : 0;
    // Its figures mean nothing while it has none: the least of no intervals is the largest number there is.
    if (intervals.count === 0) return { ...NONE, busy };
    return {
      lag: {
        p50Ms: lateMs(intervals.percentile(50)),
        p99Ms: lateMs(intervals.percentile(99)),
        maxMs: lateMs(intervals.max),
      },
      busy,
    };
  }
}

/** @param intervalNs between two looks @returns by how much it was longer than it should have been, in ms */
function lateMs(intervalNs: number): number {
  return Math.round(Math.max(0, intervalNs / 1e6 - EVERY_MS) * 10) / 10;
}

function readProcess(): ProcessReadings {
  const intervals = monitorEventLoopDelay({ resolution: EVERY_MS });
  intervals.enable();
  return {
    intervals,
    utilization: () => performance.eventLoopUtilization(),
    memory: () => {
      const { rss, heapUsed } = memoryUsage();
      return { rssBytes: rss, heapUsedBytes: heapUsed };
    },
    close: () => intervals.disable(),
  };
}
