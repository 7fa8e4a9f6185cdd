import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gramJsTelegram } from '../../src/actors/telegram/gramjs/gramjs-telegram.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { ChatId, PeerEntity, ResolvedChannel, Telegram, TelegramLink, TelegramUpdate } from '../../src/ports.ts';
import { SimulatorProcess, temporaryFolder } from '../simulator/simulator-process.ts';

const T0 = 1_700_000_000;

/** A channel of ten messages with what a converter may get wrong, as Telegram Desktop exports it. */
const talesOf = (id: number) => ({
  name: 'Tales',
  type: 'public_channel',
  id,
  messages: [
    {
      id: 1,
      type: 'service',
      date_unixtime: `${T0}`,
      actor: 'Tales',
      actor_id: `channel${id}`,
      action: 'create_channel',
      text: '',
    },
    {
      id: 2,
      type: 'message',
      date_unixtime: `${T0 + 2}`,
      from_id: `channel${id}`,
      text_entities: [
        { type: 'plain', text: '🌍 olá ' },
        { type: 'bold', text: 'negrito' },
        { type: 'plain', text: ' e ' },
        { type: 'text_link', text: 'aqui', href: 'https://example.org/a?b=1' },
        { type: 'plain', text: ' ' },
        { type: 'hashtag', text: '#tag' },
        { type: 'pre', text: 'x = 1', language: 'python' },
        { type: 'custom_emoji', text: '👍', document_id: '5368324170671202286' },
      ],
    },
    {
      id: 5,
      type: 'message',
      date_unixtime: `${T0 + 5}`,
      edited_unixtime: `${T0 + 50}`,
      from_id: `channel${id}`,
      reply_to_message_id: 2,
      text_entities: [{ type: 'plain', text: 'edited answer' }],
    },
    {
      id: 6,
      type: 'message',
      date_unixtime: `${T0 + 6}`,
      from_id: `channel${id}`,
      photo: 'photos/photo_1.jpg',
      width: 640,
      height: 480,
      text_entities: [{ type: 'plain', text: 'a picture' }],
    },
    ...Array.from({ length: 6 }, (_, index) => ({
      id: 10 + 3 * index,
      type: 'message',
      date_unixtime: `${T0 + 10 + index}`,
      from_id: `channel${id}`,
      text_entities: [{ type: 'plain', text: `tale ${index}` }],
    })),
  ],
});

/** A link with what it told. */
export interface OpenLink {
  readonly link: TelegramLink;
  readonly downs: unknown[];
  readonly updates: TelegramUpdate[];
  /** Resolves with the reason once it went down. */
  readonly down: Promise<unknown>;
  /** Resolves once that many updates have come. */
  until(count: number): Promise<void>;
}

/** A simulator with the tales, and links to it. */
export class TelegramHouse {
  readonly simulator: SimulatorProcess;
  readonly folder: string;
  /** The chat that has the tales. */
  readonly talesId: ChatId;
  readonly #remove: () => void;
  readonly #links: TelegramLink[] = [];

  private constructor(simulator: SimulatorProcess, folder: { path: string; remove(): void }, talesId: ChatId) {
    this.simulator = simulator;
    this.talesId = talesId;
    this.folder = folder.path;
    this.#remove = folder.remove;
  }

  /** @param nth houses whose messages go into one database have channels of their own: both post the same ids, maybe in the same second */
  static async start(nth = 0): Promise<TelegramHouse> {
    const talesId = TALES_ID - nth;
    const folder = temporaryFolder();
    const worldPath = join(folder.path, 'world');
    mkdirSync(worldPath);
    writeFileSync(join(worldPath, 'tales.json'), JSON.stringify(talesOf(CHANNELS - talesId)));
    return new TelegramHouse(await SimulatorProcess.start({ dataDir: join(folder.path, 'data'), worldPath }), folder, talesId);
  }

  get control() {
    return this.simulator.control;
  }

  get account() {
    const [account] = this.simulator.info.accounts;
    if (!account) throw new Error('the world has no account');
    return account;
  }

  telegram(clock: Clock = systemClock): Telegram {
    const { address, publicKeyPem } = this.simulator.info;
    const server = { ...address, publicKeyPem, dcId: 2 };
    return gramJsTelegram({ apiId: 1, apiHash: 'test', server }, { clock, log: silentLog });
  }

  open(session = '', clock: Clock = systemClock, entities: readonly PeerEntity[] = []): OpenLink {
    const downs: unknown[] = [];
    const updates: TelegramUpdate[] = [];
    const wakes = new Set<() => void>();
    let fell: (error: unknown) => void = () => {};
    const down = new Promise<unknown>((resolve) => {
      fell = resolve;
    });
    const link = this.telegram(clock).open(session, entities, {
      onDown: (error) => {
        downs.push(error);
        fell(error);
      },
      onUpdates: (batch: readonly TelegramUpdate[], _: readonly ResolvedChannel[]) => {
        updates.push(...batch.filter(({ type }) => type !== 'other'));
        for (const wake of wakes) wake();
        wakes.clear();
      },
    });
    this.#links.push(link);
    const until = async (count: number): Promise<void> => {
      while (updates.length < count) await new Promise<void>((resolve) => wakes.add(resolve));
    };
    return { link, downs, updates, down, until };
  }

  /** A link that is connected and logged in. */
  async loggedIn(clock: Clock = systemClock): Promise<OpenLink> {
    const opened = this.open('', clock);
    await opened.link.connect();
    const hash = await opened.link.sendCode(this.account.phone);
    await opened.link.signIn(this.account.phone, hash, this.account.code);
    await opened.link.state();
    return opened;
  }

  async closeLinks(): Promise<void> {
    await Promise.all(this.#links.splice(0).map((link) => link.close()));
  }

  async close(): Promise<void> {
    await this.closeLinks();
    await this.simulator.kill();
    this.#remove();
  }
}

export const TALES_ID: ChatId = -1_000_001_234_567;

/** Where the ids of channels begin, downwards. */
const CHANNELS = -1_000_000_000_000;
