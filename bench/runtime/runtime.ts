import { resultOf } from '../harness/child.ts';
import { describeMachine } from '../harness/machine.ts';
import { figure } from '../harness/report.ts';
import { interleaved, type Measured, type Peer } from '../harness/rounds.ts';
import { measureRest } from './rest.ts';
import { RUNTIME_PEER_NAMES, RUNTIME_PEERS, type RuntimeInput, type RuntimePeer, type RuntimeSample } from './runtime-peers.ts';
import { runtimeReport } from './runtime-report.ts';

/** What is measured. */
export interface RuntimeOptions {
  readonly rounds: number;
  /** Spawns and restarts in a sample, and hundreds of sends. */
  readonly count: number;
  /** Over how long CPU time at rest is taken. */
  readonly restSeconds: number;
}

/** @returns the peer: each sample is a process of its own, so that none is measured with code that another has made hot or slow */
function runtimePeer(peer: RuntimePeer, count: number): Peer<RuntimeSample> {
  const input: RuntimeInput = { peer, count };
  return { name: peer, run: () => resultOf<RuntimeSample>(new URL('./runtime.process.js', import.meta.url), input) };
}

/** Measures the peers in turn. */
export function measureRuntime(
  peers: readonly RuntimePeer[],
  { rounds, count }: Pick<RuntimeOptions, 'rounds' | 'count'>,
  say: (line: string) => void,
): Promise<Measured<RuntimeSample>[]> {
  return interleaved(
    peers.map((peer) => runtimePeer(peer, count)),
    rounds,
    (name, round, { spawn, stop, restart, send }) => {
      const figures = `spawn ${figure(spawn)}, stop ${figure(stop)}, restart ${figure(restart)}, send ${figure(send)} µs`;
      say(`round ${round}: ${RUNTIME_PEER_NAMES[name as RuntimePeer]}: ${figures}`);
    },
  );
}

/** Measures and @returns the section's text */
export async function runRuntime(options: RuntimeOptions, say: (line: string) => void): Promise<string> {
  const machine = describeMachine();
  const peers = await measureRuntime(RUNTIME_PEERS, options, say);
  const rest = await measureRest(options.restSeconds, say);
  return runtimeReport({ machine, ...options, peers, rest });
}
