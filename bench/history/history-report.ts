import type { Machine } from '../harness/machine.ts';
import { type Column, figure, machineText, megabytes, ratioText, spreadText, table } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import { median, ratios, spreadOf } from '../harness/statistics.ts';
import type { MessageKind } from '../simulator/world.ts';
import { HISTORY_PEER_NAMES, type HistoryPeer, type HistoryRun } from './history-peers.ts';

/** All that the section says. */
export interface HistoryResults {
  readonly machine: Machine;
  readonly messages: number;
  readonly rounds: number;
  readonly seed: number;
  /** Mean TL size of a message by kind, before packing. */
  readonly tlBytes: Readonly<Record<MessageKind, number>>;
  /** The PostgreSQL and its settings, where one took part. */
  readonly database: { readonly version: string; readonly settings: string } | undefined;
  /** What the event recorder costs for one event, in µs; undefined where no peer has actors. */
  readonly recorderMicros: number | undefined;
  readonly kinds: readonly { readonly kind: MessageKind; readonly peers: readonly Measured<HistoryRun>[] }[];
}

const COLUMNS: readonly Column[] = [
  { heading: 'peer', numeric: false },
  { heading: 'messages/s', numeric: true },
  { heading: 'ratio', numeric: true },
  { heading: 'client CPU s', numeric: true },
  { heading: 'database CPU s', numeric: true },
  { heading: 'simulator CPU s', numeric: true },
  { heading: 'peak RSS MB', numeric: true },
  { heading: 'RSS at the end MB', numeric: true },
];

/** Requirement: how many times faster than the bare loop the program shall fill a PostgreSQL. */
const AIM = { peer: 'postgresql', against: 'gramjs', ratio: 1.5 } as const;
/** Above this share of one processor, the simulator may be what sets the speed. */
const SIMULATOR_LIMIT = 0.6;
/** Above this share of all processors, the machine is what sets the speed. */
const MACHINE_LIMIT = 0.9;

/** @returns the section's text */
export function historyReport(results: HistoryResults): string {
  const { machine, messages, rounds, seed, database, kinds } = results;
  const also = database === undefined ? [] : [database.version];
  const settings = database === undefined ? '' : ` PostgreSQL's settings: ${database.settings}.`;
  const intro = `Reading a channel of ${figure(messages)} messages from the simulator, from the first page to the last. ${rounds} interleaved \
round${rounds === 1 ? '' : 's'} after a warm-up, world seed ${seed}; medians, in brackets the least and the most. The ratio is of messages/s \
against the first peer of the same round. CPU is that of the whole process, for ${figure(messages)} messages.${settings}`;
  const parts = kinds.map(({ kind, peers }) => kindText(results, kind, peers));
  return [`## History\n\n${machineText(machine, also)}\n\n${intro}`, ...parts, ...recorderText(results)].join('\n\n');
}

/** What share of a sync goes into recording what the actors do, while nobody looks. */
function recorderText({ recorderMicros, messages, kinds }: HistoryResults): string[] {
  if (recorderMicros === undefined) return [];
  const runs = kinds
    .flatMap(({ peers }) => peers.flatMap(({ samples }) => samples))
    .filter(({ actorEvents }) => Number.isFinite(actorEvents));
  const shares = runs.map(({ actorEvents, cpuSeconds }) => (actorEvents * recorderMicros) / 1e6 / cpuSeconds);
  const events = figure(median(runs.map(({ actorEvents }) => actorEvents)));
  return [
    `### The event recorder\n\nDuring a sync of ${figure(messages)} messages the program's actors handle ${events} events, and recording one costs \
${figure(recorderMicros)} µs: at most ${(Math.max(...shares) * 100).toFixed(3)} % of the program's CPU time (aim: under 2 %).`,
  ];
}

function kindText({ machine, tlBytes }: HistoryResults, kind: MessageKind, peers: readonly Measured<HistoryRun>[]): string {
  const speeds = (peer: Measured<HistoryRun>): number[] => peer.samples.map(({ messages, seconds }) => messages / seconds);
  const [first] = peers;
  const reference = first === undefined ? [] : speeds(first);
  const rows = peers.map((peer) => {
    const of = (pick: (run: HistoryRun) => number): string => spreadText(spreadOf(peer.samples.map(pick)));
    return [
      HISTORY_PEER_NAMES[peer.name as HistoryPeer],
      spreadText(spreadOf(speeds(peer))),
      ratioText(ratios(speeds(peer), reference)),
      of(({ cpuSeconds }) => cpuSeconds),
      of(({ databaseCpuSeconds }) => databaseCpuSeconds),
      of(({ simulatorCpuSeconds }) => simulatorCpuSeconds),
      of(({ peakRssBytes }) => megabytes(peakRssBytes)),
      of(({ rssBytes }) => megabytes(rssBytes)),
    ];
  });
  const runs = peers.flatMap(({ samples }) => samples);
  const onWire = runs
    .filter(({ wireBytes }) => Number.isFinite(wireBytes))
    .map(({ wireBytes, messages }) => wireBytes / messages);
  const wire = onWire.length === 0 ? '' : `, ${figure(median(onWire))} B on the wire (packed, encrypted)`;
  const heading = `### ${kind === 'light' ? 'Light' : 'Rich'} messages\n\n${figure(tlBytes[kind])} B of TL a message${wire}.`;
  return [heading, table(COLUMNS, rows), ...aimText(peers, speeds), limits(machine, runs, peers)].join('\n\n');
}

/** Whether the aim was met, where both that it is about took part. */
function aimText(peers: readonly Measured<HistoryRun>[], speeds: (peer: Measured<HistoryRun>) => number[]): string[] {
  const ours = peers.find(({ name }) => name === AIM.peer);
  const theirs = peers.find(({ name }) => name === AIM.against);
  if (ours === undefined || theirs === undefined) return [];
  const { median: reached } = ratios(speeds(ours), speeds(theirs));
  const verdict = reached >= AIM.ratio ? 'met' : '**missed**';
  return [`Aim: ${HISTORY_PEER_NAMES[AIM.peer]} at ${AIM.ratio} times the bare loop: ${verdict} (${reached.toFixed(2)}).`];
}

/** What the simulator and the machine have left: whether they, and not the peers, set the speed. */
function limits({ cores }: Machine, runs: readonly HistoryRun[], peers: readonly Measured<HistoryRun>[]): string {
  const ceiling = median(runs.map(({ messages, simulatorCpuSeconds }) => messages / simulatorCpuSeconds));
  const shareOf = (run: HistoryRun): number => run.simulatorCpuSeconds / run.seconds;
  const busiest = Math.max(...runs.map(shareOf));
  const asked = runs.reduce((sum, { pages }) => sum + pages.asked, 0);
  const remembered = runs.reduce((sum, { pages }) => sum + pages.remembered, 0);
  const load = peers.map(({ name, samples }) => {
    const used = samples.map((run) => (run.cpuSeconds + run.simulatorCpuSeconds + (run.databaseCpuSeconds || 0)) / run.seconds);
    return { name, share: median(used) / cores };
  });
  const full = load.filter(({ share }) => share > MACHINE_LIMIT).map(({ name }) => HISTORY_PEER_NAMES[name as HistoryPeer]);
  return [
    `The simulator serves ${figure(ceiling)} messages per CPU second of its own; at most it was busy for ${percent(busiest)} of a run`,
    busiest > SIMULATOR_LIMIT ? ' — **so it may limit the fastest peer**' : '',
    `. ${percent(remembered / asked)} of the pages were at hand, encoded and packed.`,
    full.length === 0 ? '' : ` The machine's ${cores} cores were full with: ${full.join(', ')}.`,
  ].join('');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
