import { resultOf } from '../harness/child.ts';
import type { BenchDatabase } from '../harness/database.ts';
import { cpuSecondsOfFamily } from '../harness/process-usage.ts';
import type { Peer } from '../harness/rounds.ts';
import type { GramJsInput, HistorySample } from '../peers/gramjs-history.ts';
import { vigiliaHistory } from '../peers/vigilia-history.ts';
import type { BenchSimulator } from '../simulator/bench-simulator.ts';
import { channelOf, type MessageKind } from '../simulator/world.ts';

/** Who is compared, in the order in which they run; all ratios are against the first. */
export const HISTORY_PEERS = ['gramjs', 'gramjs-fast', 'pglite', 'postgresql'] as const;
export type HistoryPeer = (typeof HISTORY_PEERS)[number];

/** What each is, for people. */
export const HISTORY_PEER_NAMES: Readonly<Record<HistoryPeer, string>> = {
  gramjs: 'bare GramJS loop, nothing stored',
  'gramjs-fast': 'the same with our speed module',
  pglite: 'Vigília into PGlite',
  postgresql: 'Vigília into PostgreSQL',
};

/** One run, with what the processes beside the reading one used meanwhile. */
export interface HistoryRun extends HistorySample {
  readonly kind: MessageKind;
  readonly simulatorCpuSeconds: number;
  /** NaN where there is no database server. */
  readonly databaseCpuSeconds: number;
  /** Pages that were asked for, and those whose answer the simulator had at hand. */
  readonly pages: { readonly asked: number; readonly remembered: number };
}

/** What the peers run against. */
export interface HistorySetting {
  readonly simulator: BenchSimulator;
  readonly session: string;
  readonly messages: number;
  /** Undefined where no peer needs one. */
  readonly database: BenchDatabase | undefined;
}

/** @returns the peer, for messages of this kind. @throws Error, when run, where not every message was read */
export function historyPeer(peer: HistoryPeer, kind: MessageKind, setting: HistorySetting): Peer<HistoryRun> {
  const { simulator, database, messages } = setting;
  return {
    name: peer,
    run: async () => {
      const before = await simulator.usage();
      const databaseBefore = familyCpu(peer, database);
      const sample = await read(peer, kind, setting);
      if (sample.messages !== messages) throw new Error(`${peer} read ${sample.messages} of ${messages} ${kind} messages`);
      const after = await simulator.usage();
      return {
        ...sample,
        kind,
        simulatorCpuSeconds: after.cpuSeconds - before.cpuSeconds,
        databaseCpuSeconds: familyCpu(peer, database) - databaseBefore,
        pages: { asked: after.asked - before.asked, remembered: after.remembered - before.remembered },
      };
    },
  };
}

function familyCpu(peer: HistoryPeer, database: BenchDatabase | undefined): number {
  return peer === 'postgresql' && database !== undefined ? cpuSecondsOfFamily(database.server.pid()) : Number.NaN;
}

function read(peer: HistoryPeer, kind: MessageKind, setting: HistorySetting): Promise<HistorySample> {
  const { simulator, session, messages, database } = setting;
  const info = simulator.ready;
  const channel = channelOf(kind);
  switch (peer) {
    case 'gramjs':
    case 'gramjs-fast': {
      const input: GramJsInput = { info, session, channel, isFast: peer === 'gramjs-fast' };
      return resultOf<HistorySample>(new URL('../peers/gramjs-history.process.js', import.meta.url), input);
    }
    case 'pglite':
      return vigiliaHistory({ info, session, channel, messages, databaseUrl: undefined });
    case 'postgresql':
      if (database === undefined) throw new Error('this peer needs a PostgreSQL');
      return database.withDatabase((databaseUrl) => vigiliaHistory({ info, session, channel, messages, databaseUrl }));
  }
}
