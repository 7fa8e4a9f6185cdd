import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ChildSpec } from '../../src/actors/actor.ts';
import { EventParts } from '../../src/actors/events/event-parts.ts';
import type { EventSource, EventSubscription } from '../../src/actors/events/event-subscription.ts';
import { Registry } from '../../src/actors/registry.ts';
import { openPgDriver } from '../../src/actors/store/pg.driver.ts';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import { createSqlStore } from '../../src/actors/store/sql-store.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import type { EventTopic } from '../../src/event-topics.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';
import { WORLD } from '../store/store-harness.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { until } from '../support/program.ts';

const DEPS = { clock: systemClock, log: silentLog };

let server: PrivatePostgres;
let url: string;
const ends: (() => Promise<unknown>)[] = [];

/** What a process has of events, on the shared database. */
interface House {
  readonly store: Store;
  readonly driver: SqlDriver;
  readonly source: EventSource;
  readonly parts: EventParts<Store>;
  readonly system: ActorSystem;
  readonly subscriptions: Set<EventSubscription>;
}

async function house(owner: string, role: 'worker' | 'gateway' | 'all'): Promise<House> {
  const driver = openPgDriver({ url }, DEPS);
  const parts = new EventParts(createSqlStore({ driver, ...DEPS }), { ...DEPS, owner });
  await parts.store.prepare(WORLD);
  const working = [parts.sequencer, parts.announcer];
  const children: readonly ChildSpec[] =
    role === 'worker' ? working : role === 'gateway' ? [parts.reader] : [...working, parts.reader];
  const deps = { ...DEPS, random: systemRandom, registry: new Registry(systemClock) };
  const system = startSystem({ children }, deps);
  await system.started;
  const subscriptions = new Set<EventSubscription>();
  ends.push(async () => {
    for (const subscription of subscriptions) subscription.close();
    await system.stop();
    await parts.store.close();
  });
  return { store: parts.store, driver, source: parts.source, parts, system, subscriptions };
}

/** Hears everything after a position until it has been given `count` events, or is cut. */
async function hear(
  { source, subscriptions }: House,
  after: number | undefined,
  enough: (heard: readonly Heard[]) => boolean,
  onBegun: () => void = () => {},
): Promise<Heard[]> {
  const subscription = source.subscribe({ after, wants: () => true });
  subscriptions.add(subscription);
  await subscription.begin();
  onBegun();
  const heard: Heard[] = [];
  while (!enough(heard)) {
    const batch = await subscription.next();
    if (!batch) break;
    for (const block of batch.text.split('\n\n').slice(0, -1)) {
      heard.push(JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as Heard);
    }
  }
  subscription.close();
  subscriptions.delete(subscription);
  return heard;
}

interface Heard {
  readonly id: number;
  readonly topic: string;
  readonly [field: string]: unknown;
}

/** Their order is what matters here, so their names are no topics. */
const say = (store: Store, ...topics: readonly string[]): Promise<void> =>
  store.transaction((tx) => tx.appendOutbox(topics.map((topic) => ({ topic: topic as EventTopic, payload: {} }))));

const holds = ({ system }: House): boolean => system.find('root/sequencer')?.context?.holds === true;

describePostgres('the stream of events over PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(() => server?.remove());

  async function emptyDatabase(): Promise<void> {
    ({ url } = await server.createDatabase());
  }

  test('what one process commits is heard in others, of which none tells the other', async () => {
    await emptyDatabase();
    const [worker, one, other] = [
      await house('worker', 'worker'),
      await house('one', 'gateway'),
      await house('other', 'gateway'),
    ];
    const begun: Promise<unknown>[] = [];
    const hearings = [one, other].map((gateway) => {
      let onBegun: () => void = () => {};
      begun.push(
        new Promise<void>((resolve) => {
          onBegun = resolve;
        }),
      );
      return hear(gateway, undefined, (heard) => heard.length >= 3, onBegun);
    });
    await Promise.all(begun);
    await say(worker.store, 'a', 'b');
    await say(one.store, 'c');
    for (const heard of await Promise.all(hearings)) expect(heard.map(({ topic }) => topic)).toEqual(['a', 'b', 'c']);
  });

  test('of two sequencers one places; when it stops, the other does so at once, and no event of the end is lost', async () => {
    await emptyDatabase();
    const first = await house('first', 'worker');
    await until(async () => (holds(first) ? true : undefined));
    const second = await house('second', 'all');
    await say(second.store, 'told by the other');
    expect((await hear(second, 0, (heard) => heard.length >= 1)).map(({ topic }) => topic)).toEqual(['told by the other']);
    expect(holds(second)).toBe(false);
    const line = first.parts.announce(new AccountLine('main', systemClock, systemRandom, silentLog));
    line.setState('stopping');
    await first.system.stop();
    // It gave its right back: the other need not wait until a lease is over.
    expect((await second.driver.query('SELECT owner FROM stream'))[0]?.owner).not.toBe('first');
    await until(async () => (holds(second) ? true : undefined));
    await say(second.store, 'after');
    const heard = await hear(second, 1, (all) => all.length >= 2);
    expect(heard).toMatchObject([
      { topic: 'account.stopping', accountId: 'main', state: 'stopping', code: null, reason: null },
      { topic: 'after' },
    ]);
  });

  test('a sequencer that is killed is followed by another when its lease is over', async () => {
    await emptyDatabase();
    const other = await house('other', 'gateway');
    // What is left of one that was killed.
    expect(await other.store.takeSequencer('killed', 1_000)).toBe(1);
    await say(other.store, 'waits');
    const follower = await house('follower', 'worker');
    expect((await hear(other, 0, (heard) => heard.length >= 1)).map(({ topic }) => topic)).toEqual(['waits']);
    expect(holds(follower)).toBe(true);
    // It was not dead, only frozen: what it does now has no effect.
    await say(other.store, 'next');
    expect((await other.store.placeEvents('killed', 1, 10, 1_000)) ?? 0).toBe(0);
    expect(await other.store.renewSequencer('killed', 1, 1_000)).toBe(false);
    expect((await hear(other, 0, (heard) => heard.length >= 2)).map(({ id, topic }) => `${id} ${topic}`)).toEqual([
      '1 waits',
      '2 next',
    ]);
  });

  test('a state that the account is in at another worker is not told by this one', async () => {
    await emptyDatabase();
    const worker = await house('worker', 'all');
    const line = worker.parts.announce(new AccountLine('main', systemClock, systemRandom, silentLog));
    for (const state of ['awaiting-lease', 'connecting', 'authenticated', 'authenticated', 'lease-lost'] as const)
      line.setState(state);
    const heard = await hear(worker, 0, (all) => all.length >= 2);
    expect(heard.map(({ state }) => state)).toEqual(['connecting', 'authenticated']);
  });

  test('subscribers cut at random hear every change once, in order by channel, while sequencers and readers come and go', async () => {
    await emptyDatabase();
    const random = seededRandom(20_261);
    const below = (n: number): number => Math.floor(random() * n);
    const writers = [await house('w1', 'worker'), await house('w2', 'worker')];
    const gateways = [await house('g1', 'gateway'), await house('g2', 'gateway')];
    const { driver } = gateways[0] as House;
    await driver.script(
      'CREATE TABLE counters (channel int PRIMARY KEY, n int NOT NULL); INSERT INTO counters SELECT c, 0 FROM generate_series(1, 5) c',
    );

    // At least so much happens: on a slow machine it takes longer, and is no less.
    const EVENTS = 1_500;
    const LIVES = 6;
    const CUTS = 12;
    let written = 0;
    let lives = 0;
    let cuts = 0;
    const goesOn = (): boolean => written < EVENTS || lives < LIVES || cuts < CUTS;
    const isOver = (heard: readonly Heard[]): boolean => heard.at(-1)?.topic === 'over';
    // As the store does it: whoever changes a channel holds its row until the commit.
    const write = async ({ driver: own }: House): Promise<void> => {
      const transaction = await own.begin();
      try {
        const channel = 1 + below(5);
        const [row] = await transaction.query('UPDATE counters SET n = n + 1 WHERE channel = $1::int4 RETURNING n', [channel]);
        for (let pauses = below(4); pauses > 0; pauses--) await new Promise((resolve) => setImmediate(resolve));
        await transaction.query(
          `INSERT INTO outbox (topic, payload, created_at) VALUES ('change.' || $1, json_build_object('channelId', $2::int4, 'n', $3::int4), now())`,
          [String(channel), channel, row?.n as number],
        );
        await transaction.commit();
      } catch (thrown) {
        await transaction.rollback();
        throw thrown;
      }
    };
    const writing = Promise.all(
      writers.flatMap((writer) =>
        Array.from({ length: 4 }, async () => {
          while (goesOn()) {
            written += 1;
            await write(writer);
          }
        }),
      ),
    );
    // Sequencers come and go all the while.
    const takings = async (): Promise<number> =>
      (await driver.query('SELECT fencing_token FROM stream'))[0]?.fencing_token as number;
    const sequencing = (async () => {
      while (goesOn()) {
        const before = await takings();
        // Whoever has the right loses it, wherever it is in its work.
        await driver.query('UPDATE stream SET owner = NULL, expires_at = NULL');
        const guest = await house(`guest-${lives % 2}`, 'worker');
        await until(async () => ((await takings()) > before ? true : undefined));
        lives += 1;
        // A few events later, wherever it is in its work then.
        const enough = written + below(60);
        await until(async () => (written > enough || !goesOn() ? true : undefined));
        await guest.system.stop();
      }
    })();
    const listening = [0, 1, 2].map(async (number) => {
      const all: Heard[] = [];
      while (!isOver(all)) {
        const gateway = gateways[below(2)] as House;
        const most = 1 + below(300);
        all.push(...(await hear(gateway, all.at(-1)?.id ?? 0, (heard) => isOver(heard) || heard.length >= most)));
        if (!isOver(all)) cuts += 1;
      }
      return { number, all };
    });
    await Promise.all([writing, sequencing]);
    await say((gateways[0] as House).store, 'over');
    for (const { all } of await Promise.all(listening)) {
      // Batches may overshoot where a subscriber was cut; what it was given it has heard.
      expect(all.map(({ id }) => id)).toEqual(Array.from({ length: all.length }, (_, at) => at + 1));
      const reached = new Map<unknown, number>();
      for (const { channelId, n } of all.slice(0, -1)) {
        expect(n).toBe((reached.get(channelId) ?? 0) + 1);
        reached.set(channelId, n as number);
      }
      expect([...reached.values()].reduce((sum, n) => sum + n, 0)).toBe(written);
    }
    expect(cuts).toBeGreaterThanOrEqual(CUTS);
    expect(lives).toBeGreaterThanOrEqual(LIVES);
    console.info(`events: ${written}, cuts: ${cuts}, times that the sequencer changed: ${await takings()}`);
  }, 120_000);
});
