import { usageOf } from '../harness/process-usage.ts';
import { makeHome, RunningProgram } from '../harness/program.ts';
import type { SimulatorReady } from '../simulator/bench-simulator.ts';
import type { HistorySample } from './gramjs-history.ts';

const SYNC = '/api/telegram-gateway/sync-messages';

/** What the whole program is to read. */
export interface VigiliaInput {
  readonly info: SimulatorReady;
  readonly session: string;
  /** Username. */
  readonly channel: string;
  readonly messages: number;
  /** An empty database of its own, or undefined for the embedded one. */
  readonly databaseUrl: string | undefined;
}

/**
 * Reads a channel's history with the program as it is shipped, into an empty database: one `sync-messages` over HTTP, from the moment
 * the job is accepted to the moment it is completed, as its row says.
 */
export async function vigiliaHistory({ info, session, channel, messages, databaseUrl }: VigiliaInput): Promise<HistorySample> {
  const home = await makeHome(info, session, databaseUrl);
  const program = await RunningProgram.start(home);
  try {
    await program.logged('connected');
    await program.answers('/health/ready');
    const eventsBefore = await program.eventsHandled();
    const before = await usageOf(program.pid);
    const pollUrl = await program.submit(SYNC, { channelId: channel, limit: messages, force: true });
    const { result, createdAt, updatedAt } = await program.completed(pollUrl);
    const after = await usageOf(program.pid);
    return {
      messages: Number(result?.count),
      seconds: (Date.parse(updatedAt) - Date.parse(createdAt)) / 1000,
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      rssBytes: after.rssBytes,
      peakRssBytes: after.peakRssBytes,
      wireBytes: Number.NaN,
      actorEvents: (await program.eventsHandled()) - eventsBefore,
    };
  } finally {
    await program.stop();
    await home.remove();
  }
}
