import { readdir } from 'node:fs/promises';
import { expect, it, onTestFinished } from 'vitest';
import { seededRandom } from '../../src/simulator/seeded.ts';
import { EventClient, type HeardEvent } from '../support/event-client.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, startPostgres } from '../support/postgres.ts';
import { type Env, Program, temporaryFolder, until, writeWorld } from '../support/program.ts';

const API = '/api/telegram-gateway';
const RATE = 40;
const KILLS = 6;
const WORLD = ['first_channel', 'other_channel'].map(
  (username, seed) => ({ username, title: username, kind: 'channel', messages: 300, seed }) as const,
);

/** A subscriber that comes back whenever its stream ends, to whichever gateway it is told, and goes on after what it heard last. */
class Faithful {
  readonly heard: HeardEvent[] = [];
  resumes = 0;
  #client: EventClient | undefined;
  #stopped = false;
  readonly #run: Promise<void>;

  constructor(urls: () => readonly string[], query?: string) {
    this.#run = (async () => {
      let lastEventId: string | undefined;
      for (let turn = 0; !this.#stopped; turn++) {
        const all = urls();
        const url = `${all[turn % all.length]}${API}/events`;
        const options = { ...(query !== undefined && { query }), ...(lastEventId !== undefined && { lastEventId }) };
        const client = await EventClient.open(url, options).catch(() => undefined);
        if (client?.status !== 200) {
          client?.close();
          await new Promise((resolve) => setTimeout(resolve, 50));
          continue;
        }
        this.#client = client;
        if (lastEventId !== undefined) this.resumes += 1;
        await client.until(({ ended }) => ended);
        this.heard.push(...client.events);
        if (client.lastEventId !== '') ({ lastEventId } = client);
      }
    })();
  }

  /** What was heard, also over the stream that is open. */
  get all(): readonly HeardEvent[] {
    return this.#client && !this.#client.ended ? [...this.heard, ...this.#client.events] : this.heard;
  }

  cut(): void {
    this.#client?.close();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#client?.close();
    await this.#run;
  }
}

/** What one believes of the channels who hears of every event and of nothing else: by channel and id the text, null for what was deleted. */
function believed(events: readonly HeardEvent[]): Map<string, string | null> {
  const messages = new Map<string, string | null>();
  for (const { event, data } of events) {
    const { channelId, message, ids } = data as { channelId: number; message?: { id: number; text: string }; ids?: number[] };
    if (event === 'message.new' || event === 'message.edited') messages.set(`${channelId}/${message?.id}`, message?.text ?? '');
    if (event === 'message.deleted') for (const id of ids ?? []) messages.set(`${channelId}/${id}`, null);
  }
  return messages;
}

/** @returns where the store has something else than one believes who heard of everything that ever happened */
async function differences(program: Program, events: readonly HeardEvent[]): Promise<string[]> {
  const wrong: string[] = [];
  const stored = new Map<string, string>();
  const { channels } = (await program.get(`${API}/channels?limit=500`)).body as { channels: { id: number }[] };
  for (const { id: channelId } of channels) {
    for (let next: string | null = ''; next !== null; ) {
      const { body } = await program.get(`${API}/channels/${channelId}/messages?limit=500${next}`);
      const page = body as { messages: { id: number; text: string }[]; next: { before: number } | null };
      for (const { id, text } of page.messages) stored.set(`${channelId}/${id}`, text);
      next = page.next === null ? null : `&before=${page.next.before}`;
    }
  }
  const heard = believed(events);
  for (const key of new Set([...heard.keys(), ...stored.keys()])) {
    const [told, kept] = [heard.get(key) ?? null, stored.get(key) ?? null];
    if (told !== kept) wrong.push(`${key}: heard ${told}, stored ${kept}`);
  }
  return wrong;
}

/**
 * Resolves once nothing can happen any more in a program whose simulator is quiet: what the account missed while its process was not there is
 * fetched and written, and the sequencer has placed it. An account is healthy before that: it is in service, and catches up.
 * @returns the last position of the stream
 */
async function atRest(program: Program): Promise<number> {
  return until(async () => {
    const { body } = await program.get('/api/state/root/accounts/main/connection');
    const [account] = (await program.health()).report.accounts;
    if (!(body as { state: string }).state.includes('service.live') || account?.gaps !== 0) return undefined;
    const { text } = await program.ask('/metrics');
    const metric = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    return metric('vigilia_sequencer_waiting') === 0 ? metric('vigilia_stream_position') : undefined;
  });
}

/** Numbers in a row, from the first to the last that was heard. */
function positionsOf(events: readonly HeardEvent[]): number[] {
  return events.flatMap(({ id }) => (id === undefined ? [] : [Number(id)]));
}

function expectEveryOne(events: readonly HeardEvent[]): void {
  const positions = positionsOf(events);
  const [first = 0] = positions;
  expect(positions).toEqual(Array.from({ length: positions.length }, (_, at) => first + at));
}

describePostgres('subscribers of a program', () => {
  it('that is killed again and again hear every change once and in order, and what they heard is what is stored', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const port = await freePort();
    const env: Env = {
      VIGILIA_DATA_DIR: `${folder}/data`,
      HTTP_PORT: String(port),
      SIMULATOR_RATE: String(RATE),
      LOG_LEVEL: 'info',
    };
    const random = seededRandom(77);
    let program = new Program(['start'], env, folder);
    onTestFinished(() => program.kill());
    await program.healthy();
    // One of them from the very first event on, so that what is stored at the end is what it has heard, no more and no less.
    const subscribers = [new Faithful(() => [program.url], 'lastEventId=0'), new Faithful(() => [program.url])];
    onTestFinished(async () => {
      for (const one of subscribers) await one.stop();
    });
    const [first, second] = subscribers as [Faithful, Faithful];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = first.all.length;
      await until(async () => (first.all.length > before + 20 + random() * 60 ? true : undefined));
      second.cut();
      await program.kill();
      program = new Program(['start'], env, folder);
      await program.healthy();
    }
    const before = first.all.length;
    await until(async () => (first.all.length > before + 50 ? true : undefined));
    await Promise.all(subscribers.map((one) => one.stop()));
    for (const { heard } of subscribers) {
      const events = heard.filter(({ event }) => event !== 'closed');
      expect(events.filter(({ event }) => event === 'reset')).toEqual([]);
      expectEveryOne(events);
    }
    // Nothing may happen any more while the two are compared.
    await program.stop();
    program = new Program(['start'], { ...env, SIMULATOR_RATE: '0' }, folder);
    await program.healthy();
    const last = await EventClient.open(`${program.url}${API}/events`, { lastEventId: String(positionsOf(first.heard).at(-1)) });
    const head = await atRest(program);
    await last.until(({ lastEventId }) => Number(lastEventId) >= head);
    last.close();
    const all = [...first.heard, ...last.events].filter(({ event }) => event !== 'closed');
    expectEveryOne(all);
    expect(positionsOf(all)[0]).toBe(1);
    expect(await differences(program, all)).toEqual([]);
    const kinds = new Set(all.map(({ event }) => event));
    for (const kind of ['message.new', 'message.edited', 'message.deleted', 'account.authenticated'])
      expect(kinds).toContain(kind);
    expect(first.resumes).toBeGreaterThanOrEqual(KILLS);
    console.info(`events: ${all.length}, kills: ${KILLS}, resumes: ${first.resumes + second.resumes}`);
  }, 240_000);

  it('hear the same from two gateways and one worker over one database, whichever of them is killed', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.remove());
    const { url } = await server.createDatabase();
    const folder = await temporaryFolder(onTestFinished);
    const env: Env = {
      VIGILIA_ROLE: 'worker',
      VIGILIA_DATA_DIR: `${folder}/data`,
      OPS_PORT: String(await freePort()),
      DATABASE_URL: url,
      SIMULATOR_WORLD: await writeWorld(folder, WORLD),
      SIMULATOR_RATE: String(RATE),
    };
    let worker = new Program(['start'], env, folder);
    onTestFinished(() => worker.kill());
    const { dependencies } = await worker.healthy();
    const [place = ''] = await readdir(`${folder}/data/worlds`);
    const gatewayEnv = async (name: string): Promise<Env> => ({
      VIGILIA_ROLE: 'gateway',
      VIGILIA_DATA_DIR: `${folder}/${name}`,
      DATABASE_URL: url,
      TELEGRAM_SERVER: String(dependencies.simulator?.address),
      TELEGRAM_SERVER_KEY: `${folder}/data/worlds/${place}/simulator/server-public-key.pem`,
      HTTP_PORT: String(await freePort()),
    });
    const envs = [await gatewayEnv('one'), await gatewayEnv('other')];
    const gateways = envs.map((own) => new Program(['start'], own, folder));
    onTestFinished(async () => {
      for (const gateway of gateways) await gateway.kill();
    });
    for (const gateway of gateways) await gateway.logged(({ msg }) => msg.startsWith('try: '));
    const urls = gateways.map((gateway) => gateway.url);
    const subscribers = [
      new Faithful(() => urls),
      new Faithful(() => urls.toReversed()),
      new Faithful(() => urls, 'topics=message.new'),
    ];
    onTestFinished(async () => {
      for (const one of subscribers) await one.stop();
    });
    const [first, second, third] = subscribers as [Faithful, Faithful, Faithful];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = first.all.length;
      await until(async () => (first.all.length > before + 40 ? true : undefined));
      for (const one of subscribers) if (kill % 2 === 1) one.cut();
      const which = kill % 3;
      if (which === 2) {
        await worker.kill();
        worker = new Program(['start'], env, folder);
        await worker.healthy();
      } else {
        await gateways[which]?.kill();
        gateways[which] = new Program(['start'], envs[which] as Env, folder);
        await gateways[which]?.logged(({ msg }) => msg.startsWith('try: '));
      }
    }
    const before = Math.max(...positionsOf(first.all));
    for (const one of subscribers) await until(async () => (Math.max(...positionsOf(one.all)) > before + 50 ? true : undefined));
    await Promise.all(subscribers.map((one) => one.stop()));
    const heard = subscribers.map((one) => one.heard.filter(({ event }) => event !== 'closed'));
    const [all = [], same = [], fresh = []] = heard;
    expectEveryOne(all);
    expectEveryOne(same);
    // What each heard of an event is the same, whoever told it.
    const byId = new Map(all.map((event) => [event.id, event]));
    let compared = 0;
    for (const event of [...same, ...fresh]) {
      const known = byId.get(event.id);
      if (!known) continue;
      compared += 1;
      expect(event.data).toEqual(known.data);
    }
    expect(compared).toBeGreaterThan(200);
    const range = { from: Number(fresh[0]?.id), to: Number(fresh.at(-1)?.id) };
    const expected = all.filter(({ event, id }) => event === 'message.new' && Number(id) >= range.from && Number(id) <= range.to);
    expect(positionsOf(fresh).slice(0, expected.length)).toEqual(positionsOf(expected));
    console.info(`events: ${all.length}, kills: ${KILLS}, resumes: ${first.resumes + second.resumes + third.resumes}`);
  }, 240_000);
});
