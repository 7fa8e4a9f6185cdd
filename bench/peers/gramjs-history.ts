import type { SimulatorReady } from '../simulator/bench-simulator.ts';

/** What the process that reads history with GramJS is asked for. */
export interface GramJsInput {
  readonly info: SimulatorReady;
  readonly session: string;
  /** Username. */
  readonly channel: string;
  /** True with our speed module. */
  readonly isFast: boolean;
}

/** What reading a channel's whole history took; from the first call to the last answer, without start, connection and resolving. */
export interface HistorySample {
  readonly messages: number;
  readonly seconds: number;
  /** Of the process that reads, in that time. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  /** On the socket; NaN where the peer does not say. */
  readonly wireBytes: number;
  /** Events that the program's actors handled meanwhile; NaN where there are none. */
  readonly actorEvents: number;
}
