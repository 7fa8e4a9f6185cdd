import { setTimeout as pause } from 'node:timers/promises';
import { EventClient } from '../../test/support/event-client.ts';
import type { LiveSimulator } from './live-simulator.ts';
import { nowMicros, readStamp } from './stamp.ts';

const EVENTS = '/api/telegram-gateway/events';
/** How long the last events of a run may be on their way, in ms. */
const PATIENCE_MS = 60_000;
/** Posts before those that are counted, so that code is compiled and tables are known. */
const WARM_UP_S = 1;

/** How long posts took from the server to a subscriber, at one rate. */
export interface PushSample {
  readonly ratePerSecond: number;
  /** What the server kept up with. */
  readonly postedPerSecond: number;
  readonly posts: number;
  /** Of those, the ones that came more than once. */
  readonly twice: number;
  /** In ms, one a post, in the order of posting. */
  readonly latenciesMs: readonly number[];
}

/**
 * Has the simulator post at a rate and listens at a gateway.
 * @param url of the gateway
 * @param run a number that no other run of this simulator has
 * @throws Error when a post does not come
 */
export async function measurePush(
  simulator: LiveSimulator,
  url: string,
  run: number,
  ratePerSecond: number,
  seconds: number,
): Promise<PushSample> {
  const warmUp = ratePerSecond * WARM_UP_S;
  const count = warmUp + ratePerSecond * seconds;
  const heard = new Map<number, number>();
  let twice = 0;
  const client = await EventClient.open(url + EVENTS, { query: 'topics=message.new' });
  let read = 0;
  const look = (): boolean => {
    const now = nowMicros();
    for (; read < client.events.length; read++) {
      const stamp = readStamp(client.events[read]);
      if (stamp?.run !== run) continue;
      if (heard.has(stamp.number)) twice += 1;
      else heard.set(stamp.number, (now - stamp.atMicros) / 1000);
    }
    return heard.size === count;
  };
  const giveUp = new AbortController();
  try {
    const listening = client.until(look);
    const { tookMs } = await simulator.post({ run, ratePerSecond, count });
    const late = pause(PATIENCE_MS, undefined, { signal: giveUp.signal }).then(() => {
      throw new Error(`${count - heard.size} of ${count} posts did not come within ${PATIENCE_MS} ms`);
    });
    await Promise.race([listening, late]);
    const latenciesMs = Array.from({ length: count - warmUp }, (_, at) => heard.get(warmUp + at) as number);
    return { ratePerSecond, postedPerSecond: (count * 1000) / tookMs, posts: latenciesMs.length, twice, latenciesMs };
  } finally {
    giveUp.abort();
    client.close();
  }
}
