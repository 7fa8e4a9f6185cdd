import { VigiliaError } from '../../errors.ts';
import type { LinkEvents, PeerEntity, Telegram, TelegramLink } from '../../ports.ts';

/**
 * The `Telegram` port before the library behind it is loaded: reading its code takes a fifth of a second, in which the database and the
 * simulator can start. A link waits for it when it connects; nothing else may be asked of a link before that.
 * @param load called by every link that connects; the same promise each time
 */
export function lateTelegram(load: () => Promise<Telegram>): Telegram {
  return { open: (session, entities, events) => new LateLink(load, session, entities, events) };
}

class LateLink implements TelegramLink {
  readonly #load: () => Promise<Telegram>;
  readonly #session: string;
  readonly #entities: readonly PeerEntity[];
  readonly #events: LinkEvents;
  #link: TelegramLink | undefined;
  #isClosed = false;

  constructor(load: () => Promise<Telegram>, session: string, entities: readonly PeerEntity[], events: LinkEvents) {
    this.#load = load;
    this.#session = session;
    this.#entities = entities;
    this.#events = events;
  }

  async connect(): Promise<void> {
    const telegram = await this.#load();
    if (this.#isClosed) throw new VigiliaError('TELEGRAM_OFFLINE', 'the link was closed before it was opened');
    this.#link = telegram.open(this.#session, this.#entities, this.#events);
    await this.#link.connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#link?.close();
  }

  session(): string {
    return this.#link?.session() ?? this.#session;
  }

  readonly state = this.#later('state');
  readonly ping = this.#later('ping');
  readonly sendCode = this.#later('sendCode');
  readonly signIn = this.#later('signIn');
  readonly userId = this.#later('userId');
  readonly logOut = this.#later('logOut');
  readonly resolve = this.#later('resolve');
  readonly fullChannel = this.#later('fullChannel');
  readonly dialogs = this.#later('dialogs');
  readonly history = this.#later('history');
  readonly difference = this.#later('difference');
  readonly channelDifference = this.#later('channelDifference');

  /** One of the link's calls, once there is a link. */
  #later<K extends keyof TelegramLink>(name: K): TelegramLink[K] {
    const call = async (...args: readonly unknown[]): Promise<unknown> => {
      const link = this.#opened() as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
      return link[name]?.(...args);
    };
    return call as unknown as TelegramLink[K];
  }

  #opened(): TelegramLink {
    if (!this.#link) throw new VigiliaError('TELEGRAM_OFFLINE', 'the link was not opened yet');
    return this.#link;
  }
}
