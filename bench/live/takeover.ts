import { once } from 'node:events';
import { EventClient } from '../../test/support/event-client.ts';
import { type Home, RunningProgram } from '../harness/program.ts';
import type { LiveSimulator } from './live-simulator.ts';
import { readStamp } from './stamp.ts';

/** Posts that are made while nobody listens to Telegram. */
const MISSED = 20;

/** A worker that was killed and started again, in ms since the kill. */
export interface TakeoverSample {
  readonly authenticatedMs: number;
  /** When the last of what was posted meanwhile had reached a subscriber of the gateway. */
  readonly caughtUpMs: number;
}

/**
 * Kills a worker, has posts made, starts the worker again in the same home at once, as its parent would, and waits at a gateway that ran all the
 * while until everything that was posted has come.
 * @returns the sample, and the worker that runs now
 */
export async function measureTakeover(
  simulator: LiveSimulator,
  worker: RunningProgram,
  home: Home,
  gatewayUrl: string,
  run: number,
): Promise<{ readonly sample: TakeoverSample; readonly worker: RunningProgram }> {
  const client = await EventClient.open(`${gatewayUrl}/api/telegram-gateway/events`, { query: 'topics=message.new' });
  try {
    const heard = new Set<number>();
    let read = 0;
    const caughtUp = client.until(({ events }) => {
      for (; read < events.length; read++) {
        const stamp = readStamp(events[read]);
        if (stamp?.run === run) heard.add(stamp.number);
      }
      return heard.size === MISSED;
    });
    const gone = once(worker.child, 'exit');
    const killedAt = performance.now();
    worker.child.kill('SIGKILL');
    await gone;
    const posting = simulator.post({ run, ratePerSecond: 1_000, count: MISSED });
    const startedAt = performance.now();
    const again = await RunningProgram.start(home, 'worker');
    const authenticatedMs = startedAt - killedAt + (await again.logged('connected'));
    await Promise.all([caughtUp, posting]);
    return { sample: { authenticatedMs, caughtUpMs: performance.now() - killedAt }, worker: again };
  } finally {
    client.close();
  }
}
