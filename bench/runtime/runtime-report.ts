import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { median, ratios, spreadOf } from '../harness/statistics.ts';
import type { RestResults } from './rest.ts';
import { RUNTIME_PEER_NAMES, type RuntimePeer, type RuntimeSample } from './runtime-peers.ts';

/** All that the section says. */
export interface RuntimeResults {
  readonly machine: Machine;
  readonly rounds: number;
  readonly count: number;
  readonly peers: readonly Measured<RuntimeSample>[];
  readonly rest: RestResults;
}

const OPERATIONS: readonly { readonly key: keyof RuntimeSample; readonly what: string }[] = [
  { key: 'spawn', what: 'spawn: a child of ten started, until it is ready' },
  { key: 'stop', what: 'stop: the same child stopped' },
  { key: 'restart', what: 'restart: from the failure until the next life is ready' },
  { key: 'send', what: 'send: an event sent and handled, one transition' },
];

/** @returns the section's text */
export function runtimeReport({ machine, rounds, count, peers, rest }: RuntimeResults): string {
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

${machineText(machine, [rest.databaseVersion])}

What supervision costs beside actors that nobody supervises, with the same children under both; CPU time of the process. A supervised child starts \
in its turn, has deadlines, a registry entry and a restart policy; its backoff is 0 here. ${rounds} interleaved round${rounds === 1 ? '' : 's'}, \
each sample a process of its own, of ${figure(count)} spawns, stops and restarts and ${figure(count * 100)} sends after a warm-up; medians, in brackets the least and \
the most.

${table(columns, rows)}

Events per CPU second: ${rates.join('; ')}.

${restText(rest)}`;
}

/** Less than this of a core is what looking inside may cost a program at rest. */
const AIM = 0.02;

function restText({ restSeconds, parts, worker, gateway }: RestResults): string {
  const columns: readonly Column[] = [
    { heading: 'at rest, % of a core', numeric: false },
    { heading: 'CPU', numeric: true },
    { heading: 'more than the row it is compared with', numeric: true },
  ];
  const row = (what: string, share: number, beside?: number): string[] => [
    what,
    percent(share),
    beside === undefined ? '' : percent(share - beside),
  ];
  const cost = parts.presence - parts.nothing;
  return `What looking inside costs a process at rest, over ${restSeconds} s. The first three rows are processes that do nothing else, each compared with the first: \
with the gauge of the event loop (a look every 20 ms), and with it among other processes (recorded, a statement a second, a beat every 5 s). The others are a \
worker with an account and a gateway over one database; a page asks the gateway for the health, the processes, the worker's tree and one of its actors, \
as often as ours does, compared with nobody looking.

${table(columns, [
  row('nothing but Node', parts.nothing),
  row('gauge', parts.gauge, parts.nothing),
  row('gauge and presence: **looking inside, nobody looks**', parts.presence, parts.nothing),
  row('`worker`, nobody looks', worker.alone),
  row('`worker`, a page looks at it', worker.lookedAt, worker.alone),
  row('`gateway`, nobody looks', gateway.alone),
  row('`gateway`, a page looks at the worker', gateway.lookedAt, gateway.alone),
])}

Looking inside costs ${percent(cost)} of a core at rest: ${cost < AIM ? 'below' : '**above**'} the ${percent(AIM)} it is meant to stay below.`;
}

/** A part of a core. */
function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
