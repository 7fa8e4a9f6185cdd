import { startDatabase } from '../harness/database.ts';
import { describeMachine } from '../harness/machine.ts';
import { figure } from '../harness/report.ts';
import { interleaved } from '../harness/rounds.ts';
import { recorderCost } from '../runtime/recorder-cost.ts';
import { startBenchSimulator } from '../simulator/bench-simulator.ts';
import type { MessageKind } from '../simulator/world.ts';
import { HISTORY_PEER_NAMES, type HistoryPeer, type HistoryRun, historyPeer } from './history-peers.ts';
import { historyReport } from './history-report.ts';

/** What is measured. */
export interface HistoryOptions {
  /** Messages in a channel. */
  readonly messages: number;
  readonly rounds: number;
  readonly kinds: readonly MessageKind[];
  readonly peers: readonly HistoryPeer[];
  readonly seed: number;
}

/** Measures and @returns the section's text */
export async function runHistory(
  { messages, rounds, kinds, peers, seed }: HistoryOptions,
  say: (line: string) => void,
): Promise<string> {
  const machine = describeMachine();
  const simulator = await startBenchSimulator(messages, seed);
  const session = await simulator.login();
  const database = peers.includes('postgresql') ? await startDatabase() : undefined;
  const setting = { simulator, session, messages, database };
  for (const kind of kinds) {
    say(`warm-up, ${kind} messages: the simulator encodes and packs every page`);
    await historyPeer('gramjs', kind, setting).run();
  }
  const measured = [];
  for (const kind of kinds) {
    const told = (name: string, round: number, run: HistoryRun): void =>
      say(`${kind}, round ${round}: ${sampleText(name as HistoryPeer, run)}`);
    measured.push({
      kind,
      peers: await interleaved(
        peers.map((peer) => historyPeer(peer, kind, setting)),
        rounds,
        told,
      ),
    });
  }
  const hasActors = peers.some((peer) => peer === 'pglite' || peer === 'postgresql');
  const recorderMicros = hasActors ? await recorderCost(say) : undefined;
  return historyReport({
    recorderMicros,
    machine,
    messages,
    rounds,
    seed,
    database,
    tlBytes: simulator.ready.tlBytes,
    kinds: measured,
  });
}

function sampleText(peer: HistoryPeer, run: HistoryRun): string {
  const { messages, seconds, cpuSeconds, simulatorCpuSeconds } = run;
  return `${HISTORY_PEER_NAMES[peer]}: ${figure(messages / seconds)} messages/s, ${seconds.toFixed(2)} s, \
client CPU ${cpuSeconds.toFixed(2)} s, simulator CPU ${simulatorCpuSeconds.toFixed(2)} s`;
}
