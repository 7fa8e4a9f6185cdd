import { Api } from 'telegram/tl/index.js';
import type { Clock, Timer } from '../../../clock.ts';
import { VigiliaError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type {
  ChannelDifference,
  ChannelRef,
  ChatId,
  Dialog,
  Difference,
  HistoryPage,
  LinkEvents,
  LoginTelegram,
  PeerEntity,
  Position,
  ResolvedChannel,
  Telegram,
  TelegramLink,
} from '../../../ports.ts';
import { UNORDERED } from '../../../ports.ts';
import { bareChannelId, toChannels, toHistoryPage } from './convert.ts';
import { readDialogs } from './dialog-pages.ts';
import { toChannelDifference, toDifference } from './differences.ts';
import { fromGramJs } from './errors.ts';
import { LinkClient } from './link-client.ts';
import { loginLink } from './login-calls.ts';
import { DataCentreMap, LinkSockets, type ServerAddress, socketClass, trustServerKey } from './server-address.ts';
import { LinkSession, long } from './session.ts';
import { type HistoryRequest, readDirectly } from './speed/history-reader.ts';
import { type SpeedReport, speedUp } from './speed/speed-up.ts';
import { isContainer, toContainer } from './updates.ts';

/** How long any call may take, in ms (requirement B2). */
const CALL_DEADLINE_MS = 10_000;
/** How long Telegram keeps the socket of an owner that stopped pinging, in s. */
const DISCONNECT_DELAY_S = 40;
/** How long Telegram is left alone after it has said that there are too many connections from here, in ms: it names no time itself. */
const TRANSPORT_FLOOD_MS = 60_000;
/** Telegram's own limit of a page, in messages. */
const PAGE_LIMIT = 100;

interface GramJsOptions {
  readonly apiId: number;
  readonly apiHash: string;
  /** A server other than Telegram's. */
  readonly server?: ServerAddress;
}

/** The `Telegram` port on GramJS, and the one for logins. The one way into this folder. */
export function gramJsTelegram(
  options: GramJsOptions,
  deps: { readonly clock: Clock; readonly log: Log },
): Telegram & LoginTelegram {
  if (options.server) trustServerKey(options.server.publicKeyPem);
  const centres = options.server && new DataCentreMap(options.server);
  const open = (session: string, entities: readonly PeerEntity[], events: LinkEvents): GramJsLink =>
    new GramJsLink({ ...options, centres }, deps, speedUp(deps.log), session, entities, events);
  return {
    open,
    openLogin: (session, events) => {
      const link = open(session, [], {
        onDown: (error) => events.onDown(error),
        onUpdates: (updates) => {
          if (updates.some((update) => update.type === 'other' && update.name === 'UpdateLoginToken')) events.onTokenAccepted();
        },
      });
      return loginLink(link, options);
    },
  };
}

class GramJsLink implements TelegramLink {
  readonly #client: LinkClient;
  readonly #sockets: LinkSockets;
  readonly #session: LinkSession;
  readonly #options: GramJsOptions & { readonly centres: DataCentreMap | undefined };
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #readsHistoryDirectly: boolean;
  /** Access hashes of this account, by marked id. */
  readonly #entities = new Map<ChatId, PeerEntity>();
  /**
   * Each ends a call in flight when the link goes down: GramJS would leave them hanging. Not a promise that all calls race against: one that lives as long
   * as the link would keep every answer that ever won.
   */
  readonly #inFlight = new Set<(error: VigiliaError) => void>();
  #down: VigiliaError | undefined;
  /** Whether anything was answered over this connection. */
  #hasAnswered = false;

  constructor(
    options: GramJsOptions & { readonly centres: DataCentreMap | undefined },
    deps: { readonly clock: Clock; readonly log: Log },
    speed: SpeedReport,
    session: string,
    entities: readonly PeerEntity[],
    events: LinkEvents,
  ) {
    this.#clock = deps.clock;
    this.#events = events;
    this.#sockets = new LinkSockets(events.mayUse?.bind(events));
    this.#options = options;
    this.#log = deps.log;
    this.#readsHistoryDirectly = speed.running.includes('history');
    for (const entity of entities) this.#entities.set(entity.peerId, entity);
    const { centres } = options;
    this.#session = new LinkSession(session, (dcId, host, port) => centres?.tell(dcId, { host, port }));
    if (options.server && !session) this.#session.setDC(options.server.dcId, options.server.host, options.server.port);
    this.#client = new LinkClient(
      this.#session,
      options,
      socketClass(() => centres?.of(this.#session.dcId), this.#sockets),
      {
        onDrop: (cause) => this.#goDown(new VigiliaError('TELEGRAM_OFFLINE', cause.message, { cause })),
        onBadAuthKey: () =>
          this.#goDown(new VigiliaError('TELEGRAM_KEY_UNKNOWN', 'Telegram does not know the auth key (transport error -404)')),
        onTransportFlood: () => this.#goDown(transportFlood()),
        onUpdates: (container) => this.#tellUpdates(container),
      },
      deps.log,
    );
  }

  async connect(): Promise<void> {
    const { centres } = this.#options;
    if (centres && centres.of(this.#session.dcId) === undefined) await this.#askForCentres(centres);
    const { dcId } = this.#session;
    const opened = await this.#within('connect', this.#client.connect(), 2 * CALL_DEADLINE_MS);
    if (opened) return;
    centres?.doubt(dcId);
    throw new VigiliaError('TELEGRAM_OFFLINE', 'no connection to Telegram could be opened');
  }

  /** Has another data centre take this link over, with a key of its own: what was done on the one before does not count there. */
  async moveTo(dcId: number): Promise<void> {
    const moved = await this.#within('switchDC', this.#client._switchDC(dcId), 2 * CALL_DEADLINE_MS);
    if (!moved) throw new VigiliaError('TELEGRAM_OFFLINE', `no connection to data centre ${dcId} could be opened`);
  }

  async state(): Promise<Position> {
    const state = await this.invoke(new Api.updates.GetState());
    return { box: 'account', pts: state.pts, qts: state.qts, date: state.date, seq: state.seq };
  }

  async ping(): Promise<void> {
    const sender = this.#client._sender;
    if (!sender || this.#down !== undefined) throw new VigiliaError('TELEGRAM_OFFLINE', 'the link is down');
    const ping = new Api.PingDelayDisconnect({
      pingId: long(Math.floor(this.#clock.now())),
      disconnectDelay: DISCONNECT_DELAY_S,
    });
    await this.#within('ping', Promise.resolve(sender.send(ping)), CALL_DEADLINE_MS);
  }

  async sendCode(phone: string): Promise<string> {
    const { apiId, apiHash } = this.#options;
    const settings = new Api.CodeSettings({});
    const sent = await this.invoke(new Api.auth.SendCode({ phoneNumber: phone, apiId, apiHash, settings }));
    if (sent instanceof Api.auth.SentCodeSuccess) throw new VigiliaError('TELEGRAM_REFUSED', 'Telegram logged in without a code');
    return sent.phoneCodeHash;
  }

  async signIn(phone: string, codeHash: string, code: string): Promise<void> {
    const answer = await this.invoke(new Api.auth.SignIn({ phoneNumber: phone, phoneCodeHash: codeHash, phoneCode: code }));
    if (answer instanceof Api.auth.AuthorizationSignUpRequired) {
      throw new VigiliaError('TELEGRAM_REAUTH', 'this phone has no Telegram account; sign up with an official app first');
    }
  }

  async userId(): Promise<number> {
    const [self] = await this.invoke(new Api.users.GetUsers({ id: [new Api.InputUserSelf()] }));
    if (self === undefined) throw new VigiliaError('TELEGRAM_TRANSIENT', 'Telegram did not say who is logged in');
    return Number(self.id.toString());
  }

  async logOut(): Promise<void> {
    await this.invoke(new Api.auth.LogOut());
  }

  session(): string {
    return this.#session.save();
  }

  async resolve(ref: ChannelRef): Promise<ResolvedChannel> {
    if (ref.kind === 'id') return this.#channelById(ref.chatId);
    const answer = await this.invoke(new Api.contacts.ResolveUsername({ username: ref.username }));
    const found = this.#keep(toChannels(answer.chats))[0];
    if (!found) throw new VigiliaError('CHANNEL_NOT_FOUND', `@${ref.username} is not a channel or supergroup`);
    return found;
  }

  async fullChannel(chatId: ChatId): Promise<ResolvedChannel> {
    const answer = await this.#ofChannel(chatId, (channel) => this.invoke(new Api.channels.GetFullChannel({ channel })));
    const found = this.#keep(toChannels(answer.chats)).find((entry) => entry.channel.chatId === chatId);
    if (!found || !(answer.fullChat instanceof Api.ChannelFull)) {
      throw new VigiliaError('CHANNEL_NOT_FOUND', `Telegram gave no channel for ${chatId}`);
    }
    const { about, participantsCount } = answer.fullChat;
    return { ...found, channel: { ...found.channel, about: about || null, participants: participantsCount ?? null } };
  }

  dialogs(): Promise<Dialog[]> {
    return readDialogs(
      (request) => this.invoke(request),
      (chats) => this.#keep(toChannels(chats)),
    );
  }

  async history(chatId: ChatId, offsetId: number, limit: number): Promise<HistoryPage> {
    return this.#ofChannel(chatId, (channel) => this.#historyOf(channel, offsetId, limit));
  }

  async #historyOf(channel: Api.InputChannel, offsetId: number, limit: number): Promise<HistoryPage> {
    const request = new Api.messages.GetHistory({
      peer: new Api.InputPeerChannel({ channelId: channel.channelId, accessHash: channel.accessHash }),
      offsetId,
      offsetDate: 0,
      addOffset: 0,
      limit: Math.min(limit, PAGE_LIMIT),
      maxId: 0,
      minId: 0,
      hash: long(0),
    });
    if (!this.#readsHistoryDirectly) return toHistoryPage(await this.invoke(request));
    readDirectly(request as unknown as HistoryRequest);
    return (await this.invoke(request)) as unknown as HistoryPage;
  }

  async difference({ pts, date, qts }: Position): Promise<Difference> {
    const difference = toDifference(await this.invoke(new Api.updates.GetDifference({ pts, date, qts })));
    if ('channels' in difference) this.#keep(difference.channels);
    return difference;
  }

  async channelDifference(chatId: ChatId, pts: number, limit: number): Promise<ChannelDifference> {
    const filter = new Api.ChannelMessagesFilterEmpty();
    // Forced: it also tells of messages that the account did not see for lack of a word from it.
    const ask = (channel: Api.InputChannel) =>
      this.invoke(new Api.updates.GetChannelDifference({ force: true, channel, filter, pts, limit }));
    const difference = toChannelDifference(await this.#ofChannel(chatId, ask));
    if ('channels' in difference) this.#keep(difference.channels);
    return difference;
  }

  async close(): Promise<void> {
    this.#end(new VigiliaError('TELEGRAM_OFFLINE', 'the connection was closed'));
    this.#sockets.close();
    try {
      await this.#client.end();
    } catch {
      // The link is thrown away; how GramJS felt about it changes nothing.
    }
  }

  async #channelById(chatId: ChatId): Promise<ResolvedChannel> {
    const answer = await this.#ofChannel(chatId, (channel) => this.invoke(new Api.channels.GetChannels({ id: [channel] })));
    const found = this.#keep(toChannels(answer.chats)).find((entry) => entry.channel.chatId === chatId);
    if (!found) throw new VigiliaError('CHANNEL_NOT_FOUND', `the account may not see channel ${chatId}`);
    return found;
  }

  /** Names a channel to Telegram by its hash; when that is not right any more, it is looked up and named once more. */
  async #ofChannel<T>(chatId: ChatId, call: (channel: Api.InputChannel) => Promise<T>): Promise<T> {
    const channel = this.#inputChannel(chatId);
    try {
      return await call(channel);
    } catch (thrown) {
      if (!saysHashIsWrong(thrown) || !(await this.#findHash(chatId, channel.accessHash.toString()))) throw thrown;
    }
    return call(this.#inputChannel(chatId));
  }

  /** Has Telegram say a channel's hash anew: by its username, or else with the account's dialogs. @returns whether it is another one */
  async #findHash(chatId: ChatId, wrong: string): Promise<boolean> {
    const username = this.#entities.get(chatId)?.username;
    const found = username ? [await this.resolve({ kind: 'username', username })] : await this.dialogs();
    const right = found.find(({ channel }) => channel.chatId === chatId);
    if (!right || right.entity.accessHash === wrong) return false;
    // Whoever keeps hashes hears of it.
    this.#events.onUpdates([], [right], UNORDERED);
    return true;
  }

  #inputChannel(chatId: ChatId): Api.InputChannel {
    const accessHash = this.#entities.get(chatId)?.accessHash;
    if (accessHash === undefined) {
      throw new VigiliaError(
        'CHANNEL_NOT_FOUND',
        `the account has not met channel ${chatId} yet; name it by its username, or let the account join it`,
      );
    }
    return new Api.InputChannel({ channelId: long(bareChannelId(chatId)), accessHash: long(accessHash) });
  }

  #keep<Channels extends readonly ResolvedChannel[]>(channels: Channels): Channels {
    for (const { entity } of channels) this.#entities.set(entity.peerId, entity);
    return channels;
  }

  #tellUpdates(container: unknown): void {
    if (this.#down !== undefined) return;
    const { updates, channels, order } = toContainer(container);
    this.#events.onUpdates(updates, this.#keep(channels), order);
  }

  /** Makes one call, within the deadline of any. For this folder. */
  async invoke<R extends Api.AnyRequest>(request: R): Promise<R['__response']> {
    const answer = await this.#within(request.className, this.#client.invoke(request), CALL_DEADLINE_MS);
    // What a call did is told in its answer, and nowhere else.
    if (isContainer(answer)) this.#tellUpdates(answer);
    return answer;
  }

  /** A session of a data centre that nobody has named yet: the server's own address knows where it is. */
  async #askForCentres(centres: DataCentreMap): Promise<void> {
    const { server } = this.#options;
    if (!server) return;
    const home = new LinkSession('');
    home.setDC(server.dcId, server.host, server.port);
    const hooks = {
      onDrop: () => {},
      onBadAuthKey: () => {},
      onTransportFlood: () => this.#goDown(transportFlood()),
      onUpdates: () => {},
    };
    const client = new LinkClient(
      home,
      this.#options,
      socketClass(() => server, this.#sockets),
      hooks,
      this.#log,
    );
    try {
      const opened = await this.#within('connect', client.connect(), 2 * CALL_DEADLINE_MS);
      if (!opened) throw new VigiliaError('TELEGRAM_OFFLINE', 'no connection to Telegram could be opened');
      const config = await this.#within('help.GetConfig', client.invoke(new Api.help.GetConfig()), CALL_DEADLINE_MS);
      for (const { id, ipAddress, port } of config.dcOptions) centres.tell(id, { host: ipAddress, port });
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** A server that is frozen takes connections all the same; over a socket that is half open it did answer. Without a socket it fails sooner. */
  #silence(): string {
    return this.#hasAnswered ? 'Telegram did not answer' : 'Telegram took the connection, but did not answer';
  }

  /** Races a call against its deadline and the end of the link, and translates what it throws. */
  async #within<T>(method: string, call: Promise<T>, deadlineMs: number): Promise<T> {
    let timer: Timer;
    let end: (error: VigiliaError) => void = () => {};
    const late = new Promise<never>((_, reject) => {
      end = reject;
      this.#inFlight.add(end);
      if (this.#down !== undefined) reject(this.#down);
      timer = this.#clock.setTimeout(
        () => reject(new VigiliaError('TELEGRAM_TIMEOUT', `${this.#silence()} ${method} within ${deadlineMs / 1000} s`)),
        deadlineMs,
      );
    });
    try {
      const answer = await Promise.race([call, late]);
      this.#hasAnswered = true;
      return answer;
    } catch (thrown) {
      throw fromGramJs(thrown, method);
    } finally {
      this.#clock.clearTimeout(timer);
      this.#inFlight.delete(end);
    }
  }

  #goDown(error: VigiliaError): void {
    if (this.#down !== undefined) return;
    this.#end(error);
    this.#events.onDown(error);
  }

  /** Once it is down, the first reason is the one that counts. */
  #end(error: VigiliaError): void {
    this.#down ??= error;
    for (const end of this.#inFlight) end(this.#down);
  }
}

function transportFlood(): VigiliaError {
  const why = 'Telegram takes no more connections from this address for a while (transport error -429)';
  return new VigiliaError('TELEGRAM_OFFLINE', why, { retryAfterMs: TRANSPORT_FLOOD_MS });
}

/** Whether Telegram said that the hash with which a channel was named is none of this account's. */
function saysHashIsWrong(thrown: unknown): boolean {
  if (!(thrown instanceof VigiliaError)) return false;
  return (thrown.cause as { readonly errorMessage?: unknown } | undefined)?.errorMessage === 'CHANNEL_INVALID';
}
