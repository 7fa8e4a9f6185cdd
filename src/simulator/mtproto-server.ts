import { createServer, type Server } from 'node:net';
import type { Clock } from '../clock.ts';
import { VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { Api } from './api.ts';
import type { ApiHost } from './api-call.ts';
import type { AuthKey } from './auth-key.ts';
import type { ChannelBox, ChannelEvent } from './channel-box.ts';
import { ClientSession } from './client-session.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import type { Envelope } from './envelope.ts';
import { LoginCodes } from './login-codes.ts';
import { MessageHandler, type MessageHost } from './message-handler.ts';
import { PeerView } from './peer-view.ts';
import { Salts } from './salts.ts';
import type { ServerKey } from './server-key.ts';
import type { KeyState, ServerState } from './server-state.ts';
import { tl } from './tl.ts';
import { pushedUpdates } from './update-methods.ts';
import type { WorldAccount } from './world.ts';

/** Sessions without a connection are forgotten beyond this many: a client that comes back later is told a new one began. */
const MAX_SESSIONS = 5_000;

/** What the server is made with. */
export interface MtprotoServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly serverKey: ServerKey;
  readonly state: ServerState;
  readonly clock: Clock;
  readonly log: Log;
}

/** The server: sockets, sessions, pushes. */
export class MtprotoServer implements ConnectionHost, MessageHost, ApiHost {
  readonly serverKey: ServerKey;
  readonly state: ServerState;
  readonly clock: Clock;
  readonly log: Log;
  readonly salts: Salts;
  readonly codes = new LoginCodes();
  readonly secret: Buffer;
  readonly api: Api;
  address: { readonly host: string; readonly port: number };
  frozen = false;
  /** Answers that the next handshakes get in place of `dh_gen_ok`. */
  readonly forcedAnswers: ('retry' | 'fail')[] = [];
  /** How many updates were pushed, each session counted. */
  pushed = 0;
  #accepted = 0;
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<string, ClientSession>();
  readonly #handler: MessageHandler;
  readonly #server: Server;

  private constructor(options: MtprotoServerOptions) {
    this.serverKey = options.serverKey;
    this.state = options.state;
    this.clock = options.clock;
    this.log = options.log;
    this.secret = options.serverKey.secret;
    this.salts = new Salts(this.secret);
    this.address = { host: options.host, port: options.port };
    this.api = new Api(this, options.clock, options.log);
    this.#handler = new MessageHandler(this);
    this.#server = createServer((socket) => {
      this.#accepted++;
      this.#connections.add(new Connection(socket, this));
    });
  }

  /** Starts listening. @throws PORT_IN_USE */
  static async listen(options: MtprotoServerOptions): Promise<MtprotoServer> {
    const server = new MtprotoServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = `The simulator cannot listen on ${options.host}:${options.port} (${cause.code ?? cause.message})`;
        reject(new VigiliaError('PORT_IN_USE', `${why}; set SIMULATOR_PORT (--port) to a free one, or to 0`, { cause }));
      });
      server.#server.listen(options.port, options.host, resolve);
    });
    const bound = server.#server.address();
    if (typeof bound === 'object' && bound !== null) server.address = { host: options.host, port: bound.port };
    return server;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Connections ever made. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Sessions whose client is connected. */
  get liveSessions(): number {
    return [...this.#sessions.values()].filter((session) => this.#carrierOf(session) !== undefined).length;
  }

  now(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  key(id: bigint): KeyState | undefined {
    return this.state.key(id);
  }

  keep(readings: readonly AuthKey[]): boolean {
    return this.state.addKey(readings);
  }

  takeForcedAnswer(): 'retry' | 'fail' | undefined {
    return this.forcedAnswers.shift();
  }

  receive(connection: Connection, key: KeyState, envelope: Envelope): void {
    this.#handler.handle(connection, this.#session(key, envelope.sessionId), envelope);
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    for (const session of this.#sessions.values()) if (session.carrier === connection) session.carrier = undefined;
  }

  endSession(keyId: bigint, sessionId: bigint): boolean {
    return this.#sessions.delete(`${keyId}:${sessionId}`);
  }

  destroyKey(session: ClientSession): void {
    this.forget(session.key);
  }

  /** Forgets a key and its sessions: its next packet is answered with -404. */
  forget(key: KeyState): void {
    this.state.forgetKey(key);
    for (const [name, session] of this.#sessions) if (session.key === key) this.#sessions.delete(name);
  }

  /** Tells every connected session of every account what happened in a channel. */
  push(box: ChannelBox, event: ChannelEvent): void {
    if (!box.pushes) return;
    const encoded = new Map<WorldAccount, Buffer>();
    for (const session of this.#sessions.values()) {
      const { account } = session.key;
      const carrier = this.#carrierOf(session);
      if (account === undefined || carrier === undefined || !session.wantsUpdates) continue;
      const body = encoded.get(account) ?? tl.encode(pushedUpdates(new PeerView(this.secret, account), box, event, this.now()));
      encoded.set(account, body);
      carrier.queue(session, { body, isContent: true, isReply: false });
      carrier.flush();
      this.pushed++;
    }
  }

  /** Closes all connections; clients may come again. @returns how many there were */
  drop(): number {
    const connections = [...this.#connections];
    for (const connection of connections) connection.destroy('dropped on request');
    return connections.length;
  }

  freeze(): void {
    this.frozen = true;
    for (const connection of this.#connections) connection.freeze();
  }

  thaw(): void {
    this.frozen = false;
    for (const connection of [...this.#connections]) connection.thaw();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.drop();
    await closed;
  }

  #carrierOf(session: ClientSession): Connection | undefined {
    const { carrier } = session;
    return carrier instanceof Connection && carrier.isOpen ? carrier : undefined;
  }

  #session(key: KeyState, id: bigint): ClientSession {
    const name = `${key.key.id}:${id}`;
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const session = new ClientSession(id, key, this.clock);
    this.#sessions.set(name, session);
    if (this.#sessions.size > MAX_SESSIONS) {
      for (const [other, old] of this.#sessions) {
        if (this.#carrierOf(old) === undefined && old !== session) {
          this.#sessions.delete(other);
          break;
        }
      }
    }
    return session;
  }
}
