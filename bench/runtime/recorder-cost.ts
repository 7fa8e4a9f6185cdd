import { median } from '../harness/statistics.ts';
import { measureRuntime } from './runtime.ts';

const ROUNDS = 3;
const COUNT = 500;

/** @returns what the event recorder costs for one event, in µs of CPU time: a send with it against one without, interleaved */
export async function recorderCost(say: (line: string) => void): Promise<number> {
  const peers = await measureRuntime(['supervised-unrecorded', 'supervised'], { rounds: ROUNDS, count: COUNT }, say);
  const [without = [], recorded = []] = peers.map(({ samples }) => samples.map(({ send }) => send));
  return median(recorded.map((micros, round) => micros - (without[round] ?? Number.NaN)));
}
