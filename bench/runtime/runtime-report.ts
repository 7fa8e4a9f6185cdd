import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { median, ratios, spreadOf } from '../harness/statistics.ts';
import { RUNTIME_PEER_NAMES, type RuntimePeer, type RuntimeSample } from './runtime-peers.ts';

/** All that the section says. */
export interface RuntimeResults {
  readonly machine: Machine;
  readonly rounds: number;
  readonly count: number;
  readonly peers: readonly Measured<RuntimeSample>[];
}

const OPERATIONS: readonly { readonly key: keyof RuntimeSample; readonly what: string }[] = [
  { key: 'spawn', what: 'spawn: a child of ten started, until it is ready' },
  { key: 'stop', what: 'stop: the same child stopped' },
  { key: 'restart', what: 'restart: from the failure until the next life is ready' },
  { key: 'send', what: 'send: an event sent and handled, one transition' },
];

/** @returns the section's text */
export function runtimeReport({ machine, rounds, count, peers }: RuntimeResults): string {
  const columns: readonly Column[] = [
    { heading: 'µs each', numeric: false },
    ...peers.flatMap(({ name }, index) => [
      { heading: RUNTIME_PEER_NAMES[name as RuntimePeer], numeric: true },
      ...(index === 0 ? [] : [{ heading: 'times the first', numeric: true }]),
    ]),
  ];
  const rows = OPERATIONS.map(({ key, what }) => {
    const values = (peer: Measured<RuntimeSample>): number[] => peer.samples.map((sample) => sample[key]);
    const reference = peers[0] === undefined ? [] : values(peers[0]);
    return [
      what,
      ...peers.flatMap((peer, index) => [
        spreadText(spreadOf(values(peer))),
        ...(index === 0 ? [] : [ratioText(ratios(values(peer), reference))]),
      ]),
    ];
  });
  const rates = peers.map(({ name, samples }) => {
    const perSecond = 1e6 / median(samples.map(({ send }) => send));
    return `${RUNTIME_PEER_NAMES[name as RuntimePeer]} ${figure(perSecond)}`;
  });
  return `## Runtime

${machineText(machine, [])}

What supervision costs beside actors that nobody supervises, with the same children under both; CPU time of the process. A supervised child starts \
in its turn, has deadlines, a registry entry and a restart policy; its backoff is 0 here. ${rounds} interleaved round${rounds === 1 ? '' : 's'}, \
each sample a process of its own, of ${figure(count)} spawns, stops and restarts and ${figure(count * 100)} sends after a warm-up; medians, in brackets the least and \
the most.

${table(columns, rows)}

Events per CPU second: ${rates.join('; ')}.`;
}
