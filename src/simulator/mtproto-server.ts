import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { AccountState } from './account-state.ts';
import { Api } from './api.ts';
import type { ApiHost } from './api-call.ts';
import type { ClientSession } from './client-session.ts';
import type { Connection } from './connection.ts';
import { Correspondence } from './correspondence.ts';
import { DataCentre, type DataCentreHost } from './data-centre.ts';
import { DATA_CENTRES, HOME_DC } from './data-centres.ts';
import type { Envelope } from './envelope.ts';
import { ExportedAuthorizations } from './exported-authorizations.ts';
import { Happenings } from './happenings.ts';
import type { KeyState } from './key-state.ts';
import { KeyUses } from './key-uses.ts';
import { LoginCodes } from './login-codes.ts';
import { LoginTokens } from './login-tokens.ts';
import { MessageHandler, type MessageHost } from './message-handler.ts';
import { PasswordChecks } from './password-checks.ts';
import { Pusher } from './pusher.ts';
import { Salts } from './salts.ts';
import type { ServerKey } from './server-key.ts';
import { DEFAULT_LIMITS, type ServerLimits } from './server-limits.ts';
import type { ServerState } from './server-state.ts';
import { SessionRegistry } from './session-registry.ts';
import type { TransportErrorCode } from './transport-errors.ts';

/** What the server is made with. */
export interface MtprotoServerOptions {
  readonly host: string;
  /** Of the home data centre; 0 for any free one. The other data centres take one that is free, the same each time where they can. */
  readonly port: number;
  readonly serverKey: ServerKey;
  readonly state: ServerState;
  readonly clock: Clock;
  readonly log: Log;
}

/** The server: its data centres, the sessions of their clients, and what it knows of logins that are under way. */
export class MtprotoServer implements DataCentreHost, MessageHost, ApiHost {
  readonly serverKey: ServerKey;
  readonly state: ServerState;
  readonly clock: Clock;
  readonly log: Log;
  readonly salts: Salts;
  readonly secret: Buffer;
  readonly limits: ServerLimits = { ...DEFAULT_LIMITS };
  readonly codes = new LoginCodes(this.limits);
  readonly tokens = new LoginTokens(this.limits);
  readonly passwords = new PasswordChecks(this.limits);
  readonly exports = new ExportedAuthorizations();
  readonly uses = new KeyUses();
  readonly pusher: Pusher;
  readonly happenings: Happenings;
  readonly correspondence: Correspondence;
  readonly api: Api;
  frozen = false;
  /** Answers that the next handshakes get in place of `dh_gen_ok`. */
  readonly forcedAnswers: ('retry' | 'fail')[] = [];
  /** What the next packets are answered with in place of whatever they ask for. */
  readonly forcedTransportErrors: TransportErrorCode[] = [];
  readonly #centres: DataCentre[] = [];
  readonly #sessions: SessionRegistry;
  readonly #handler: MessageHandler;

  private constructor(options: MtprotoServerOptions) {
    this.serverKey = options.serverKey;
    this.state = options.state;
    this.clock = options.clock;
    this.log = options.log;
    this.secret = options.serverKey.secret;
    this.salts = new Salts(this.secret);
    this.#sessions = new SessionRegistry(options.clock);
    this.pusher = new Pusher(this.#sessions, options.state, this.secret, options.clock);
    this.happenings = new Happenings(this);
    this.correspondence = new Correspondence(this);
    this.api = new Api(this, options.clock, options.log);
    this.#handler = new MessageHandler(this);
  }

  /** Starts listening. @throws PORT_IN_USE */
  static async listen(options: MtprotoServerOptions): Promise<MtprotoServer> {
    const server = new MtprotoServer(options);
    try {
      for (const id of DATA_CENTRES) server.#centres.push(await server.#listen(id, options));
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Where the home data centre is reached. */
  get address(): { readonly host: string; readonly port: number } {
    return (this.#centres[0] as DataCentre).address;
  }

  /** Where each data centre is reached. */
  get dataCentres(): readonly { readonly id: number; readonly host: string; readonly port: number }[] {
    return this.#centres.map(({ id, address }) => ({ id, ...address }));
  }

  get connections(): number {
    return this.#centres.reduce((count, centre) => count + centre.connections.size, 0);
  }

  /** Connections ever made. */
  get accepted(): number {
    return this.#centres.reduce((count, centre) => count + centre.accepted, 0);
  }

  /** Sessions whose client is connected. */
  get liveSessions(): number {
    return [...this.#sessions.live()].length;
  }

  now(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  takeForcedAnswer(): 'retry' | 'fail' | undefined {
    return this.forcedAnswers.shift();
  }

  takeTransportError(): TransportErrorCode | undefined {
    return this.forcedTransportErrors.shift();
  }

  receive(connection: Connection, key: KeyState, envelope: Envelope): void {
    this.uses.used(key.boundTo ?? key, connection);
    this.#handler.handle(connection, this.#sessions.open(key, envelope.sessionId), envelope);
  }

  closed(connection: Connection): void {
    this.uses.closed(connection);
    this.#sessions.release(connection);
  }

  endSession(keyId: bigint, sessionId: bigint): boolean {
    return this.#sessions.end(keyId, sessionId);
  }

  destroyKey(session: ClientSession): void {
    this.forget(session.wireKey);
  }

  /** Forgets a key and its sessions: its next packet is answered with -404. */
  forget(key: KeyState): void {
    this.state.forgetKey(key);
    this.uses.forget(key);
    this.#sessions.forgetKey(key);
  }

  /** Closes connections, all of them or those of an account; clients may come again. @returns how many there were */
  drop(account?: AccountState): number {
    const connections = this.#connectionsOf(account);
    for (const connection of connections) connection.destroy('dropped on request');
    return connections.length;
  }

  /** Stops all connections, those to come too; or those that an account has now. */
  freeze(account?: AccountState): void {
    if (account === undefined) this.frozen = true;
    for (const connection of this.#connectionsOf(account)) connection.freeze();
  }

  thaw(account?: AccountState): void {
    if (account === undefined) this.frozen = false;
    for (const connection of this.#connectionsOf(account)) connection.thaw();
  }

  async close(): Promise<void> {
    await Promise.all(this.#centres.map((centre) => centre.close()));
  }

  /** The home data centre where it is wanted; another one where it was before, that clients may find it again, if nobody else is there now. */
  async #listen(id: number, { host, port, state }: MtprotoServerOptions): Promise<DataCentre> {
    if (id === HOME_DC) return DataCentre.listen(id, this, host, port);
    const before = state.port(id) ?? 0;
    const centre = await DataCentre.listen(id, this, host, before).catch((error: unknown) => {
      if (before === 0) throw error;
      return DataCentre.listen(id, this, host, 0);
    });
    state.keepPort(id, centre.address.port);
    return centre;
  }

  #connectionsOf(account: AccountState | undefined): readonly Connection[] {
    const all = this.#centres.flatMap((centre) => [...centre.connections]);
    return account === undefined ? all : all.filter((connection) => this.uses.carries(connection, account));
  }
}
