import { Api } from 'telegram/tl/index.js';
import type { Clock, Timer } from '../../../clock.ts';
import { VigiliaError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type {
  ChannelRef,
  ChatId,
  Dialog,
  HistoryPage,
  LinkEvents,
  PeerEntity,
  Position,
  ResolvedChannel,
  Telegram,
  TelegramLink,
} from '../../../ports.ts';
import { bareChannelId, markPeer, toChannels, toMessage, toUpdates } from './convert.ts';
import { fromGramJs } from './errors.ts';
import { LinkClient } from './link-client.ts';
import { LinkSockets, type ServerAddress, socketClass, trustServerKey } from './server-address.ts';
import { LinkSession, long } from './session.ts';

/** How long any call may take, in ms (requirement B2). */
const CALL_DEADLINE_MS = 10_000;
/** How long Telegram keeps the socket of an owner that stopped pinging, in s. */
const DISCONNECT_DELAY_S = 40;
/** Telegram's own limit of a page, in messages. */
const PAGE_LIMIT = 100;

interface GramJsOptions {
  readonly apiId: number;
  readonly apiHash: string;
  /** A server other than Telegram's. */
  readonly server?: ServerAddress;
}

/** The `Telegram` port on GramJS. The one way into this folder. */
export function gramJsTelegram(options: GramJsOptions, deps: { readonly clock: Clock; readonly log: Log }): Telegram {
  if (options.server) trustServerKey(options.server.publicKeyPem);
  return { open: (session, entities, events) => new GramJsLink(options, deps, session, entities, events) };
}

class GramJsLink implements TelegramLink {
  readonly #client: LinkClient;
  readonly #sockets = new LinkSockets();
  readonly #session: LinkSession;
  readonly #credentials: { readonly apiId: number; readonly apiHash: string };
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  /** Access hashes of this account, by marked id. */
  readonly #hashes = new Map<ChatId, string>();
  /** Rejects every call in flight when the link goes down: GramJS would leave them hanging. */
  readonly #down: Promise<never>;
  #fail: (error: unknown) => void = () => {};
  #isDown = false;

  constructor(
    options: GramJsOptions,
    deps: { readonly clock: Clock; readonly log: Log },
    session: string,
    entities: readonly PeerEntity[],
    events: LinkEvents,
  ) {
    this.#clock = deps.clock;
    this.#events = events;
    this.#credentials = options;
    for (const entity of entities) this.#hashes.set(entity.peerId, entity.accessHash);
    this.#down = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    // Nobody may be waiting when the link goes down.
    this.#down.catch(() => {});
    this.#session = new LinkSession(session);
    if (options.server && !session) this.#session.setDC(options.server.dcId, options.server.host, options.server.port);
    this.#client = new LinkClient(
      this.#session,
      options,
      socketClass(options.server, this.#sockets),
      {
        onDrop: (cause) => this.#goDown(new VigiliaError('TELEGRAM_OFFLINE', cause.message, { cause })),
        onBadAuthKey: () =>
          this.#goDown(new VigiliaError('TELEGRAM_KEY_UNKNOWN', 'Telegram does not know the auth key (transport error -404)')),
        onUpdates: (container) => this.#tellUpdates(container),
      },
      deps.log,
    );
  }

  async connect(): Promise<void> {
    const opened = await this.#within('connect', this.#client.connect(), 2 * CALL_DEADLINE_MS);
    if (!opened) throw new VigiliaError('TELEGRAM_OFFLINE', 'no connection to Telegram could be opened');
  }

  async state(): Promise<Position> {
    const state = await this.#invoke(new Api.updates.GetState());
    return { box: 'account', pts: state.pts, qts: state.qts, date: state.date, seq: state.seq };
  }

  async ping(): Promise<void> {
    const sender = this.#client._sender;
    if (!sender || this.#isDown) throw new VigiliaError('TELEGRAM_OFFLINE', 'the link is down');
    const ping = new Api.PingDelayDisconnect({
      pingId: long(Math.floor(this.#clock.now())),
      disconnectDelay: DISCONNECT_DELAY_S,
    });
    await this.#within('ping', Promise.resolve(sender.send(ping)), CALL_DEADLINE_MS);
  }

  async sendCode(phone: string): Promise<string> {
    const { apiId, apiHash } = this.#credentials;
    const settings = new Api.CodeSettings({});
    const sent = await this.#invoke(new Api.auth.SendCode({ phoneNumber: phone, apiId, apiHash, settings }));
    if (sent instanceof Api.auth.SentCodeSuccess) throw new VigiliaError('TELEGRAM_REFUSED', 'Telegram logged in without a code');
    return sent.phoneCodeHash;
  }

  async signIn(phone: string, codeHash: string, code: string): Promise<void> {
    const answer = await this.#invoke(new Api.auth.SignIn({ phoneNumber: phone, phoneCodeHash: codeHash, phoneCode: code }));
    if (answer instanceof Api.auth.AuthorizationSignUpRequired) {
      throw new VigiliaError('TELEGRAM_REAUTH', 'this phone has no Telegram account; sign up with an official app first');
    }
  }

  session(): string {
    return this.#session.save();
  }

  async resolve(ref: ChannelRef): Promise<ResolvedChannel> {
    if (ref.kind === 'id') return this.#channelById(ref.chatId);
    const answer = await this.#invoke(new Api.contacts.ResolveUsername({ username: ref.username }));
    const found = this.#keep(toChannels(answer.chats))[0];
    if (!found) throw new VigiliaError('CHANNEL_NOT_FOUND', `@${ref.username} is not a channel or supergroup`);
    return found;
  }

  async fullChannel(chatId: ChatId): Promise<ResolvedChannel> {
    const answer = await this.#invoke(new Api.channels.GetFullChannel({ channel: this.#inputChannel(chatId) }));
    const found = this.#keep(toChannels(answer.chats)).find((entry) => entry.channel.chatId === chatId);
    if (!found || !(answer.fullChat instanceof Api.ChannelFull)) {
      throw new VigiliaError('CHANNEL_NOT_FOUND', `Telegram gave no channel for ${chatId}`);
    }
    const { about, participantsCount } = answer.fullChat;
    return { ...found, channel: { ...found.channel, about: about || null, participants: participantsCount ?? null } };
  }

  async dialogs(): Promise<Dialog[]> {
    const found = new Map<ChatId, Dialog>();
    const seen = new Set<string>();
    let at = { offsetDate: 0, offsetId: 0, offsetPeer: new Api.InputPeerEmpty() as Api.TypeInputPeer };
    for (;;) {
      const answer: Api.messages.TypeDialogs = await this.#invoke(
        new Api.messages.GetDialogs({ ...at, limit: PAGE_LIMIT, hash: long(0) }),
      );
      if (answer instanceof Api.messages.DialogsNotModified) break;
      const before = seen.size;
      for (const dialog of answer.dialogs) seen.add(`${dialog.className} ${markPeer(dialog.peer)}`);
      const pts = new Map(answer.dialogs.map((dialog) => [markPeer(dialog.peer), 'pts' in dialog ? (dialog.pts ?? null) : null]));
      for (const entry of this.#keep(toChannels(answer.chats))) {
        const { chatId } = entry.channel;
        if (pts.has(chatId)) found.set(chatId, { ...entry, pts: pts.get(chatId) ?? null });
      }
      const last = answer.dialogs.at(-1);
      // A page that brings nothing new would be followed by itself for ever.
      if (!(answer instanceof Api.messages.DialogsSlice) || !last || seen.size === before) break;
      const top = answer.messages.find((message) => message.id === last.topMessage && samePeer(message, last.peer));
      at = {
        offsetId: last.topMessage,
        offsetDate: top && 'date' in top ? top.date : at.offsetDate,
        offsetPeer: inputPeerOf(last.peer, answer) ?? at.offsetPeer,
      };
    }
    return [...found.values()];
  }

  async history(chatId: ChatId, offsetId: number, limit: number): Promise<HistoryPage> {
    const channel = this.#inputChannel(chatId);
    const answer = await this.#invoke(
      new Api.messages.GetHistory({
        peer: new Api.InputPeerChannel({ channelId: channel.channelId, accessHash: channel.accessHash }),
        offsetId,
        offsetDate: 0,
        addOffset: 0,
        limit: Math.min(limit, PAGE_LIMIT),
        maxId: 0,
        minId: 0,
        hash: long(0),
      }),
    );
    if (answer instanceof Api.messages.MessagesNotModified)
      return { messages: [], oldestId: null, total: answer.count, pts: null };
    const messages = answer.messages.map((message) => toMessage(message, 0)).filter((message) => message !== undefined);
    const total = answer instanceof Api.messages.Messages ? messages.length : answer.count;
    return {
      messages,
      oldestId: answer.messages.at(-1)?.id ?? null,
      total,
      pts: answer instanceof Api.messages.ChannelMessages ? answer.pts : null,
    };
  }

  async close(): Promise<void> {
    this.#isDown = true;
    this.#fail(new VigiliaError('TELEGRAM_OFFLINE', 'the connection was closed'));
    this.#sockets.close();
    try {
      await this.#client.end();
    } catch {
      // The link is thrown away; how GramJS felt about it changes nothing.
    }
  }

  async #channelById(chatId: ChatId): Promise<ResolvedChannel> {
    const answer = await this.#invoke(new Api.channels.GetChannels({ id: [this.#inputChannel(chatId)] }));
    const found = this.#keep(toChannels(answer.chats)).find((entry) => entry.channel.chatId === chatId);
    if (!found) throw new VigiliaError('CHANNEL_NOT_FOUND', `the account may not see channel ${chatId}`);
    return found;
  }

  #inputChannel(chatId: ChatId): Api.InputChannel {
    const accessHash = this.#hashes.get(chatId);
    if (accessHash === undefined) {
      throw new VigiliaError(
        'CHANNEL_NOT_FOUND',
        `the account has not met channel ${chatId} yet; name it by its username, or let the account join it`,
      );
    }
    return new Api.InputChannel({ channelId: long(bareChannelId(chatId)), accessHash: long(accessHash) });
  }

  #keep(channels: ResolvedChannel[]): ResolvedChannel[] {
    for (const { entity } of channels) this.#hashes.set(entity.peerId, entity.accessHash);
    return channels;
  }

  #tellUpdates(container: unknown): void {
    if (this.#isDown) return;
    const { updates, channels } = toUpdates(container);
    this.#events.onUpdates(updates, this.#keep(channels));
  }

  async #invoke<R extends Api.AnyRequest>(request: R): Promise<R['__response']> {
    return this.#within(request.className, this.#client.invoke(request), CALL_DEADLINE_MS);
  }

  /** Races a call against its deadline and the end of the link, and translates what it throws. */
  async #within<T>(method: string, call: Promise<T>, deadlineMs: number): Promise<T> {
    let timer: Timer;
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.setTimeout(
        () => reject(new VigiliaError('TELEGRAM_TIMEOUT', `Telegram did not answer ${method} within ${deadlineMs / 1000} s`)),
        deadlineMs,
      );
    });
    try {
      return await Promise.race([call, late, this.#down]);
    } catch (thrown) {
      throw fromGramJs(thrown, method);
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  #goDown(error: VigiliaError): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#fail(error);
    this.#events.onDown(error);
  }
}

function samePeer(message: Api.TypeMessage, peer: Api.TypePeer): boolean {
  return message.peerId !== undefined && markPeer(message.peerId) === markPeer(peer);
}

/** How to address a peer of an answer, by what the answer itself says of it. */
function inputPeerOf(
  peer: Api.TypePeer,
  answer: Api.messages.Dialogs | Api.messages.DialogsSlice,
): Api.TypeInputPeer | undefined {
  if (peer instanceof Api.PeerChat) return new Api.InputPeerChat({ chatId: peer.chatId });
  if (peer instanceof Api.PeerChannel) {
    const chat = answer.chats.find(({ id }) => id.equals(peer.channelId));
    const accessHash = chat && 'accessHash' in chat ? chat.accessHash : undefined;
    return accessHash ? new Api.InputPeerChannel({ channelId: peer.channelId, accessHash }) : undefined;
  }
  const user = answer.users.find(({ id }) => id.equals(peer.userId));
  const accessHash = user && 'accessHash' in user ? user.accessHash : undefined;
  return accessHash ? new Api.InputPeerUser({ userId: peer.userId, accessHash }) : undefined;
}
