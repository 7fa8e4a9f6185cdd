import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SqlDriver } from '../../src/actors/store/sql-driver.ts';
import type { GapCounts, Store } from '../../src/ports.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';
import { pgliteHarness, type StoreHarness } from '../store/store-harness.ts';
import { until } from '../support/program.ts';
import { type AccountLife, CHANNELS, GROUP, PHONES, StormHouse } from './storm-house.ts';

/** How long it storms, in ms, and what is let happen a second. */
const STORM_MS = Number(process.env.STORM_MS ?? 26_000);
const PER_SECOND = 220;
const STEP_MS = 20;
/** The mean pause between two disturbances, in ms. */
const PAUSE_MS = 220;
/** How many there are at least; of a short storm, one. */
const LEAST = STORM_MS >= 26_000 ? 60 : 1;

let harness: StoreHarness;
let driver: SqlDriver;
let store: Store;
let house: StormHouse;
const lives: AccountLife[] = [];

beforeAll(async () => {
  harness = await pgliteHarness();
  ({ store, driver } = await harness.fresh());
  house = await StormHouse.start(store);
});
afterAll(async () => {
  await Promise.all(lives.map(({ system }) => system.stop()));
  await house.close();
  await harness.end();
  await harness.close();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const random = seededRandom(Number(process.env.STORM_SEED ?? 20_240_607));
const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

const gaps: Record<'account' | 'channel', { -readonly [K in keyof GapCounts]: GapCounts[K] }> = {
  account: { detected: 0, healed: 0, missing: 0 },
  channel: { detected: 0, healed: 0, missing: 0 },
};
const figures = { happened: 0, cuts: 0, freezes: 0, 'our restarts': 0, 'box restarts': 0, 'simulator kills': 0, 'too long': 0 };

/** How often something was done to the connections, to us or to the simulator. */
function disturbances(): number {
  const { happened: _, ...counts } = figures;
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** A life's gaps count with it. */
function countGaps({ line }: AccountLife): void {
  const counts = line.health().gapCounts;
  for (const kind of ['account', 'channel'] as const) {
    for (const what of ['detected', 'healed', 'missing'] as const) gaps[kind][what] += counts?.[kind][what] ?? 0;
  }
}

const isLive = ({ system }: AccountLife): boolean => `${system.find('root/connection')?.state}`.includes('service.live');

/** Everything that may happen at Telegram. What was on its way to a simulator that is killed did not happen, or nobody was told. */
class Life {
  readonly #posts = new Map<string, number[]>(CHANNELS.map((channel) => [channel, []]));
  readonly #own: number[] = [];
  stopped = false;

  async #happen(): Promise<void> {
    const { control } = house;
    const channel = pick(CHANNELS) ?? 'alpha';
    const posts = this.#posts.get(channel) ?? [];
    const messageId = pick(posts.slice(-60)) ?? 0;
    const [from, to] = random() < 0.5 ? [PHONES[0], PHONES[1]] : [PHONES[1], PHONES[0]];
    const what = random();
    const text = `${figures.happened} ${'word '.repeat(Math.floor(random() * 20))}`;
    if (what < 0.5 || posts.length === 0) posts.push((await control.tell('post', { channel, text })).id);
    else if (what < 0.7) await control.tell('edit', { channel, messageId, text: `edited ${text}` });
    else if (what < 0.78) await control.tell('delete', { channel, ids: [messageId, pick(posts) ?? 0] });
    else if (what < 0.8) await control.tell('pin', { channel, messageId, on: random() < 0.7, announce: random() < 0.3 });
    else if (what < 0.82) await control.tell('views', { channel, messageId, views: figures.happened });
    else if (what < 0.92) {
      const where = random() < 0.5 ? { group: GROUP } : { to };
      const form = random() < 0.5 ? 'short' : 'full';
      const sent = await control.tell('message', { from, ...where, text, form });
      if (from === PHONES[0]) this.#own.push(sent.id);
    } else if (what < 0.95)
      await control.tell('editMessage', { phone: PHONES[0], messageId: pick(this.#own) ?? 0, text: `edited ${text}` });
    else if (what < 0.97)
      await control.tell('deleteMessages', { phone: PHONES[0], ids: [pick(this.#own) ?? 0], everywhere: true });
    else if (what < 0.98) await control.tell('pinMessage', { phone: PHONES[0], messageId: pick(this.#own) ?? 0 });
    else if (what < 0.99) await control.tell('secret', { phone: from, bytes: 'AAAA' });
    else await control.tell('notify', { phone: from, texts: random() < 0.5 ? ['one'] : ['one', 'two'] });
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: (PER_SECOND * STEP_MS) / 1000 }, async () => {
          figures.happened++;
          // What is deleted already cannot be edited; and a simulator that was killed does nothing.
          await this.#happen().catch(() => {});
        }),
      );
      await pause(Math.max(1, STEP_MS - (performance.now() - startedAt)));
    }
  }

  /** One more of each: the last ones may have been lost on their way, which shows when something follows. */
  async finish(): Promise<void> {
    for (const channel of CHANNELS) await house.control.tell('post', { channel, text: 'the last one' });
    for (const [from, to] of [
      [PHONES[0], PHONES[1]],
      [PHONES[1], PHONES[0]],
    ] as const) {
      await house.control.tell('message', { from, to, text: 'the last one' });
      await house.control.tell('secret', { phone: from, bytes: 'AAAA' });
      await house.control.tell('notify', { phone: from, texts: ['the last one'] });
    }
  }
}

async function spoil(on: boolean): Promise<void> {
  const rates = on ? { drop: 0.02, duplicate: 0.03, hold: 0.05 } : { drop: 0, duplicate: 0, hold: 0 };
  await house.control.tell('faults', { rates: { ...rates, seed: Math.floor(random() * 1e6) } });
}

async function disturb(): Promise<void> {
  const index = random() < 0.5 ? 0 : 1;
  const what = random();
  if (what < 0.4) {
    figures.cuts++;
    await house.control.tell('drop', {});
  } else if (what < 0.55) {
    figures.freezes++;
    await house.control.tell('freeze', {});
    await pause(random() * 400);
    await house.control.tell('thaw', {});
  } else if (what < 0.7) {
    figures['box restarts']++;
    await lives[index]?.registry
      .supervisor('root')
      ?.restart('box')
      .catch(() => {});
  } else if (what < 0.82) {
    figures['our restarts']++;
    const life = lives[index] as AccountLife;
    await life.system.stop();
    countGaps(life);
    lives[index] = await house.startAccount(index);
  } else if (what < 0.92) {
    figures['too long']++;
    const channel = pick(CHANNELS) ?? 'alpha';
    if (random() < 0.5) await house.control.tell('channelTooLong', { channel, withPts: random() < 0.5 });
    else await house.control.tell('tooLong', { phone: PHONES[index] ?? '' });
    // The differences of a channel do not reach back to before this either: its history has to be read.
    if (random() < 0.4) await house.control.tell('forget', { channel });
  } else {
    figures['simulator kills']++;
    await house.restartSimulator();
    await spoil(true);
  }
}

/** What differs between what the simulator has and what is stored. */
async function differences(firstIds: ReadonlyMap<string, number>): Promise<{ compared: number; wrong: string[] }> {
  const wrong: string[] = [];
  let compared = 0;
  const compare = (
    where: string,
    theirs: readonly { id: number; text: string; editDate: number | null }[],
    ours: typeof theirs,
  ): void => {
    const stored = new Map(ours.map((message) => [message.id, message]));
    for (const { id, text, editDate } of theirs) {
      compared++;
      const own = stored.get(id);
      stored.delete(id);
      if (!own) wrong.push(`${where} ${id} is missing: ${text}`);
      else if (own.text !== text || own.editDate !== editDate) wrong.push(`${where} ${id} is ${own.text} in place of ${text}`);
    }
    for (const id of stored.keys()) wrong.push(`${where} ${id} is stored and not there`);
  };
  for (const channel of CHANNELS) {
    const after = firstIds.get(channel) ?? 0;
    const chatId = house.chatId(channel);
    compare(
      channel,
      await house.control.tell('dump', { channel, after }),
      await store.readMessages({ chatId, after, limit: 100_000 }),
    );
  }
  for (const [index, phone] of PHONES.entries()) {
    const scope = await store.ensureAccount(`storm-${index}`);
    const after = firstIds.get(phone) ?? 0;
    const { messages } = await house.control.tell('inbox', { phone });
    const own = messages.filter(({ id }) => id > after);
    const chats = new Set(own.map(({ peer }) => (peer.kind === 'user' ? peer.id : -peer.id)));
    for (const chatId of chats) {
      const theirs = own.filter(({ peer }) => (peer.kind === 'user' ? peer.id : -peer.id) === chatId);
      compare(`${phone} ${chatId}`, theirs, await store.readMessages({ scope, chatId, after, limit: 100_000 }));
    }
  }
  return { compared, wrong };
}

/**
 * What somebody believes who hears of every event in order, and of nothing else.
 * @returns by channel the ids that are there; throws where an event does not follow on those before it
 */
async function heard(): Promise<{ events: number; channels: ReadonlyMap<number, ReadonlySet<number>> }> {
  const rows = await driver.query('SELECT topic, payload FROM outbox ORDER BY id');
  const channels = new Map<number, Map<number, readonly [number, number]>>();
  for (const { topic, payload } of rows) {
    const [what, how] = (topic as string).split('.');
    const event = payload as {
      channelId: number;
      accountId?: string;
      ids: number[];
      message?: { id: number; editDate: string | null };
      pts: number;
    };
    if (what !== 'message' || event.accountId !== undefined) continue;
    const known = channels.get(event.channelId) ?? new Map<number, readonly [number, number]>();
    channels.set(event.channelId, known);
    const { id, editDate } = event.message ?? { id: 0, editDate: null };
    const before = known.get(id);
    const version = [Date.parse(editDate ?? '1970-01-01'), event.pts] as const;
    if (how === 'new' && before) throw new Error(`${topic}: ${id} is new twice`);
    if (how === 'edited') {
      if (!before) throw new Error(`${topic}: ${id} was edited and never new`);
      if (version[0] < before[0] || (version[0] === before[0] && version[1] <= before[1]))
        throw new Error(`${topic}: ${id} goes back`);
    }
    if (how === 'new' || how === 'edited') known.set(id, version);
    if (how === 'deleted') {
      for (const id of event.ids) if (!known.delete(id)) throw new Error(`${topic}: ${id} was deleted and never there`);
    }
  }
  return { events: rows.length, channels: new Map([...channels].map(([chatId, known]) => [chatId, new Set(known.keys())])) };
}

/** Every box stands where the simulator says, and nothing is known to be missing. */
async function isSettled(): Promise<boolean> {
  if (lives.some((life) => !isLive(life) || life.line.health().gaps > 0)) return false;
  const channels = await house.control.tell('channels', {});
  for (const [index, phone] of PHONES.entries()) {
    const positions = new Map((await store.positions(`storm-${index}`)).map((position) => [position.box, position]));
    for (const { id, pts } of channels) if (positions.get(`channel:${-1_000_000_000_000 - id}`)?.pts !== pts) return false;
    const { pts, qts, seq } = await house.control.tell('inbox', { phone });
    const account = positions.get('account');
    if (account?.pts !== pts || account.qts !== qts || account.seq !== seq) return false;
  }
  return true;
}

test(
  'through cuts, freezes, restarts of either side and spoilt updates, the store becomes what Telegram has',
  async () => {
    const firstIds = new Map<string, number>();
    for (const channel of CHANNELS) firstIds.set(channel, (await house.control.tell('dump', { channel })).at(-1)?.id ?? 0);
    for (const phone of PHONES) firstIds.set(phone, (await house.control.tell('inbox', { phone })).messages.at(-1)?.id ?? 0);
    for (const index of PHONES.keys()) lives.push(await house.startAccount(index));
    await until(async () => (lives.every(isLive) ? true : undefined));
    await spoil(true);
    const happening = new Life();
    const running = happening.run();
    const endsAt = performance.now() + STORM_MS;
    while (performance.now() < endsAt || disturbances() < LEAST) {
      await pause(random() * 2 * PAUSE_MS);
      await disturb();
    }
    happening.stopped = true;
    await running;
    await spoil(false);
    const stormEnded = performance.now();
    await until(async () => (lives.every(isLive) ? true : undefined));
    await happening.finish();
    const settled = await Promise.race([
      until(async () => ((await isSettled()) ? true : undefined)),
      pause(25_000).then(() => false),
    ]);
    const settledMs = Math.round(performance.now() - stormEnded);
    for (const life of lives) countGaps(life);
    const { compared, wrong } = await differences(firstIds);
    const { events, channels } = await heard();
    const faults = disturbances();
    console.info(
      JSON.stringify({ ...figures, disturbances: faults, gaps, compared, events, wrong: wrong.length, settled, settledMs }),
    );
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(settled).toBe(true);
    for (const channel of CHANNELS) {
      const after = firstIds.get(channel) ?? 0;
      const there = (await house.control.tell('dump', { channel, after })).map(({ id }) => id);
      const believed = [...(channels.get(house.chatId(channel)) ?? [])].filter((id) => id > after);
      expect(believed.sort((a, b) => a - b)).toEqual(there);
    }
    expect(faults).toBeGreaterThanOrEqual(LEAST);
    expect(compared).toBeGreaterThan(figures.happened / 5);
    expect(gaps.channel.healed).toBeGreaterThan(0);
    expect(gaps.channel.missing).toBe(0);
  },
  STORM_MS + 60_000,
);
