import { afterEach, describe, expect, test } from 'vitest';
import { Registry } from '../../src/actors/registry.ts';
import { RetentionTally, retentionSpec } from '../../src/actors/store/retention.actor.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HOUR = 3_600_000;
const DAY = 86_400_000;
const systems: ActorSystem[] = [];
afterEach(async () => {
  for (const system of systems.splice(0)) await system.stop();
});

/** One over a store that holds so many old rows. */
async function house(old: { records: number; messages: number }, keepMessagesMs: number | null = null) {
  const clock = new VirtualClock();
  const begun = clock.now();
  const tally = new RetentionTally();
  const calls: [kind: string, at: number, rows: number, before?: number][] = [];
  const store = { failure: undefined as VigiliaError | undefined };
  const said: object[] = [];
  const take = (kind: 'records' | 'messages', rows: number): number => {
    if (store.failure) throw store.failure;
    const gone = Math.min(rows, old[kind]);
    old[kind] -= gone;
    return gone;
  };
  const spec = retentionSpec({
    clock,
    log: { ...silentLog, error: (fields: object) => void said.push(fields) },
    keepMessagesMs,
    tally,
    store: {
      prune: async (_nowMs, rows) => {
        calls.push(['records', clock.now() - begun, rows]);
        return take('records', rows);
      },
      pruneMessages: async (beforeMs, rows) => {
        calls.push(['messages', clock.now() - begun, rows, beforeMs - begun]);
        return take('messages', rows);
      },
    },
  });
  const system = startSystem({ children: [spec] }, { clock, random: () => 0, log: silentLog, registry: new Registry(clock) });
  systems.push(system);
  await clock.settle();
  await system.started;
  return { clock, calls, tally, store, begun, said, system };
}

describe('retention', () => {
  test('deletes old rows in bounded parts, one a second while there are more, then once an hour', async () => {
    const { clock, calls, tally, begun } = await house({ records: 4_500, messages: 9 });
    await clock.advance(HOUR - 1);
    expect(calls).toEqual([0, 1_000, 2_000].map((at) => ['records', at, 2_000]));
    expect(tally.figures).toEqual({ records: 4_500, messages: 0, endedAt: begun + 2_000 });
    await clock.advance(2_001);
    expect(calls.slice(3)).toEqual([['records', HOUR + 2_000, 2_000]]);
    expect(tally.figures.endedAt).toBe(begun + HOUR + 2_000);
  });

  test('deletes messages that are older than they shall be, after all else, in parts too', async () => {
    const { clock, calls, tally } = await house({ records: 1, messages: 2_001 }, 90 * DAY);
    await clock.advance(HOUR - 1);
    expect(calls).toEqual([
      ['records', 0, 2_000],
      ['messages', 0, 2_000, -90 * DAY],
      ['messages', 1_000, 2_000, 1_000 - 90 * DAY],
    ]);
    expect(tally.figures).toMatchObject({ records: 1, messages: 2_001 });
  });

  test('waits for a database that cannot be used, and goes on with what is left', async () => {
    const { clock, calls, tally, store, begun } = await house({ records: 3_000, messages: 0 });
    store.failure = new VigiliaError('STORE_UNAVAILABLE', 'away');
    await clock.advance(1_000);
    expect(tally.figures).toEqual({ records: 2_000, messages: 0, endedAt: null });
    store.failure = undefined;
    await clock.advance(59_999);
    expect(calls).toHaveLength(2);
    await clock.advance(1);
    expect(tally.figures).toEqual({ records: 3_000, messages: 0, endedAt: begun + 61_000 });
  });

  test('lives on where the database refuses, says so once, and goes on once it does not', async () => {
    const { clock, tally, store, said, system } = await house({ records: 3_000, messages: 0 });
    store.failure = new VigiliaError('STORE_REFUSED', 'refused');
    await clock.advance(3 * HOUR);
    expect(said).toEqual([{ code: 'STORE_REFUSED', cause: 'refused' }]);
    expect(system.find('root/retention')).toMatchObject({ state: 'up', restarts: 0 });
    store.failure = undefined;
    await clock.advance(60_000);
    expect(tally.figures.records).toBe(3_000);
    store.failure = new VigiliaError('STORE_REFUSED', 'again');
    await clock.advance(2 * HOUR);
    expect(said).toHaveLength(2);
  });
});
