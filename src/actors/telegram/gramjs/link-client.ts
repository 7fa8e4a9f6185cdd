import { TelegramClient } from 'telegram/client/TelegramClient.js';
import type { TelegramClientParams } from 'telegram/client/telegramBaseClient.js';
import { FileMigrateError, RPCError } from 'telegram/errors/index.js';
import { Logger, LogLevel } from 'telegram/extensions/Logger.js';
import { MTProtoSender, UpdateConnectionState } from 'telegram/network/index.js';
import type { TLMessage } from 'telegram/tl/core/index.js';
import type { Api } from 'telegram/tl/index.js';
import type { Log } from '../../../log.ts';
import { linkConnection } from './link-connection.ts';
import type { LinkSession } from './session.ts';

/** What of GramJS's insides a link listens to. */
export interface ClientHooks {
  /** GramJS wants to reconnect; it does not get to. May be called more than once. */
  onDrop(cause: Error): void;
  /** Telegram does not know the auth key any more. */
  onBadAuthKey(): void;
  /** Telegram takes no more connections from here for a while (transport error -429). */
  onTransportFlood(): void;
  /** One update container, as it came. */
  onUpdates(container: unknown): void;
}

/** The parts of the sender that its types call private. */
interface SenderInsides {
  _handleContainer(message: { obj: { messages: TLMessage[] } }): Promise<void>;
  _processMessage(message: TLMessage): Promise<void>;
  _handleBadAuthKey(shouldSkipForMain?: boolean): void;
  _sendQueue: { clear(): void };
}

/**
 * GramJS's sender with its own reconnecting taken out: a drop is told, never mended here (our machine owns the retry),
 * and one bad message does not take the rest of its container with it.
 */
class LinkSender extends MTProtoSender {
  hooks: ClientHooks | undefined;

  override reconnect(): void {
    this.hooks?.onDrop(new Error('the connection to Telegram was closed'));
  }

  // Typed as private by GramJS, but looked up on the instance: see SenderInsides.
  static {
    const insides = LinkSender.prototype as unknown as SenderInsides & { hooks: ClientHooks | undefined };
    insides._handleContainer = async function (this: SenderInsides & { hooks: ClientHooks | undefined }, message) {
      for (const inner of message.obj.messages) {
        try {
          await this._processMessage(inner);
        } catch (error) {
          // An rpc_error has already rejected its own call; the siblings behind it still count. Of anything else nobody knows what was missed.
          if (!(error instanceof RPCError)) this.hooks?.onDrop(error instanceof Error ? error : new Error(String(error)));
        }
      }
    };
    insides._handleBadAuthKey = function (this: { hooks: ClientHooks | undefined }, skip = false) {
      if (!skip) this.hooks?.onBadAuthKey();
    };
  }

  /** Wakes the send loop so that it sees that it is over; it would wait for ever. */
  release(): void {
    (this as unknown as SenderInsides)._sendQueue.clear();
  }
}

/** GramJS's log lines as ours, at `debug`: what matters is told by the machine. */
class GramJsLog extends Logger {
  readonly #log: Log;

  constructor(log: Log) {
    super(LogLevel.NONE);
    this.#log = log;
  }

  override canSend(): boolean {
    return false;
  }

  override _log(level: LogLevel, message: string): void {
    if (level === LogLevel.ERROR || level === LogLevel.WARN) this.#log.debug({ from: 'gramjs' }, message);
  }
}

/** https://core.telegram.org/mtproto/mtproto-transports#transport-errors */
const TRANSPORT_FLOOD = -429;

/** Options that GramJS reads; others of its documentation are stored and never read (decision 4). */
const PARAMS = {
  connectionRetries: 1,
  securityChecks: true,
  useWSS: false,
  retryDelay: 0,
} satisfies TelegramClientParams;

/**
 * A `TelegramClient` that is used for one connection and then thrown away: no ping loop, no reconnecting, no event handlers of its own.
 */
export class LinkClient extends TelegramClient {
  readonly #hooks: ClientHooks;

  constructor(
    session: LinkSession,
    credentials: { readonly apiId: number; readonly apiHash: string },
    networkSocket: NonNullable<TelegramClientParams['networkSocket']>,
    hooks: ClientHooks,
    log: Log,
  ) {
    const connection = linkConnection((code) => {
      if (code === TRANSPORT_FLOOD) hooks.onTransportFlood();
    });
    const params = { ...PARAMS, connection, networkSocket, baseLogger: new GramJsLog(log) };
    super(session, credentials.apiId, credentials.apiHash, params);
    this.#hooks = hooks;
    // Its ping loop starts only when this is false.
    this._loopStarted = true;
    // Errors reach whoever made the call; GramJS would print the others.
    this._errorHandler = async () => {};
  }

  override async connect(): Promise<boolean> {
    await this._initSession();
    this._sender ??= this.#newSender();
    return super.connect();
  }

  /**
   * Makes one call, once, and gives its failure on as it came. GramJS would make it three times, two seconds apart, and keep of a failure
   * on Telegram's side only that there was one; whether a call is made again is for those who asked for it to decide.
   */
  override async invoke<R extends Api.AnyRequest>(request: R): Promise<R['__response']> {
    try {
      return await this.#send(request);
    } catch (thrown) {
      // The account or the phone lives in another data centre: only there the call can be made.
      const { newDc } = thrown as { readonly newDc?: unknown };
      if (typeof newDc !== 'number' || thrown instanceof FileMigrateError) throw thrown;
      if (!(await this._switchDC(newDc))) throw new Error(`no connection to data centre ${newDc} could be opened`);
      return await this.#send(request);
    }
  }

  /** Where a data centre is, as Telegram's configuration has it; GramJS would make its port 443. */
  override async getDC(dcId: number): Promise<{ id: number; ipAddress: string; port: number }> {
    const found = await super.getDC(dcId);
    const told = this._config?.dcOptions.find(({ id, ipAddress }) => id === dcId && ipAddress === found.ipAddress);
    return { ...found, port: told?.port ?? found.port };
  }

  #send<R extends Api.AnyRequest>(request: R): Promise<R['__response']> {
    if (!this._sender) return Promise.reject(new Error('there is no connection to send on'));
    return Promise.resolve(this._sender.send(request)) as Promise<R['__response']>;
  }

  /** Ends the connection and lets go of everything that waits on it. */
  async end(): Promise<void> {
    const sender = this._sender;
    try {
      await this.destroy();
    } finally {
      if (sender instanceof LinkSender) sender.release();
    }
  }

  #newSender(): LinkSender {
    const { onConnectionBreak: _, ...defaults } = MTProtoSender.DEFAULT_OPTIONS;
    const sender = new LinkSender(this.session.getAuthKey(), {
      ...defaults,
      logger: this._log,
      dcId: this.session.dcId || 4,
      retries: 1,
      delay: 0,
      authKeyCallback: this._authKeyCallback.bind(this),
      updateCallback: (_: unknown, container: unknown) => {
        if (!(container instanceof UpdateConnectionState)) this.#hooks.onUpdates(container);
      },
      isMainSender: true,
      client: this,
      securityChecks: true,
      _exportedSenderPromises: new Map(),
    });
    sender.hooks = this.#hooks;
    return sender;
  }
}
