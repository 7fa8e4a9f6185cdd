import { setTimeout as pause } from 'node:timers/promises';
import { seedOf } from '../../src/simulator/seeded.ts';
import { EventClient } from '../support/event-client.ts';

/** A stream that is silent for longer than this is dead (docs/events.md: a comment comes every 15 s), in ms. */
const SILENT_MS = 20_000;
const LOOK_MS = 250;

/** What is kept of an event. */
interface Heard {
  readonly topic: string;
  /** Of what it said. */
  readonly digest: number;
}

/** A subscriber that comes back whenever its stream ends or is silent, and goes on after what it heard last. */
export class Subscriber {
  readonly name: string;
  /** Whose topics begin so; undefined: all. */
  readonly topics: string | undefined;
  /** By position. */
  readonly heard = new Map<number, Heard>();
  /** By channel and message: its text, or null where it was deleted. What one believes who hears of every event and of nothing else. */
  readonly believed = new Map<string, string | null>();
  resumes = 0;
  repeated = 0;
  /** The position up to which it has heard everything that is for it. */
  position = 0;
  readonly #url: string;
  readonly #complain: (finding: string) => void;
  #last = 0;
  #client: EventClient | undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  /** @param topics a pattern, as the query has it */
  constructor(name: string, url: string, topics: string | undefined, complain: (finding: string) => void) {
    this.name = name;
    this.topics = topics;
    this.#url = url;
    this.#complain = complain;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#client?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const query = [
        ...(this.topics === undefined ? [] : [`topics=${this.topics}`]),
        ...(this.position === 0 ? ['lastEventId=0'] : []),
      ];
      const client = await EventClient.open(this.#url, {
        ...(query.length > 0 && { query: query.join('&') }),
        ...(this.position > 0 && { lastEventId: String(this.position) }),
      }).catch(() => undefined);
      if (client?.status === 200) {
        if (this.position > 0) this.resumes += 1;
        await this.#listen(client);
      } else {
        client?.close();
        await pause(LOOK_MS);
      }
    }
  }

  async #listen(client: EventClient): Promise<void> {
    this.#client = client;
    let [aliveAt, signs] = [Date.now(), -1];
    while (!client.ended && !this.#stopped) {
      const now = client.comments + client.events.length + Number(client.lastEventId);
      if (now !== signs) aliveAt = Date.now();
      if (Date.now() - aliveAt > SILENT_MS) break;
      this.#take(client);
      signs = client.comments + Number(client.lastEventId);
      await pause(LOOK_MS);
    }
    this.#take(client);
    client.close();
  }

  #take(client: EventClient): void {
    for (const { id, event, data } of client.events.splice(0)) {
      if (event === 'closed') continue;
      if (event === 'reset')
        this.#complain(`the subscriber ${this.name} came back with ${this.position} and was reset: ${JSON.stringify(data)}`);
      else this.#hear(Number(id), data);
    }
    if (client.lastEventId !== '') this.position = Math.max(this.position, Number(client.lastEventId));
  }

  #hear(position: number, data: Readonly<Record<string, unknown>>): void {
    const known = this.heard.get(position);
    const heard = { topic: String(data.topic), digest: seedOf(JSON.stringify(data)) };
    if (known !== undefined) {
      this.repeated += 1;
      if (known.digest !== heard.digest) this.#complain(`the subscriber ${this.name} heard ${position} twice, and not the same`);
      return;
    }
    if (position < this.#last) this.#complain(`the subscriber ${this.name} heard ${position} after ${this.#last}`);
    this.#last = position;
    this.heard.set(position, heard);
    this.#believe(data);
  }

  #believe(data: Readonly<Record<string, unknown>>): void {
    const { topic, channelId, accountId, message, ids } = data as {
      topic: string;
      channelId: number;
      accountId?: string;
      message?: { id: number; text: string };
      ids?: readonly number[];
    };
    if (accountId !== undefined) return;
    if (/^message\.(new|edited)/.test(topic) && message) this.believed.set(`${channelId}/${message.id}`, message.text);
    if (topic.startsWith('message.deleted')) for (const id of ids ?? []) this.believed.set(`${channelId}/${id}`, null);
  }
}
