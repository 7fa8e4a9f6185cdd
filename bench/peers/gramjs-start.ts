import type { SimulatorReady } from '../simulator/bench-simulator.ts';

/** What the GramJS script that only starts is given. */
export interface GramJsStartInput {
  readonly info: SimulatorReady;
  readonly session: string;
}
