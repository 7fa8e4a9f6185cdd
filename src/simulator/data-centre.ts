import { createServer, type Server } from 'node:net';
import { VigiliaError } from '../errors.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import type { KeyState } from './key-state.ts';
import type { ServerLimits } from './server-limits.ts';
import type { ServerState } from './server-state.ts';

/** What the data centres of a server share. */
export interface DataCentreHost extends Omit<ConnectionHost, 'key' | 'keep' | 'closed' | 'dcId' | 'crowded'> {
  readonly state: ServerState;
  readonly limits: Readonly<ServerLimits>;
  closed(connection: Connection): void;
}

/** One data centre: a port, and the connections to it. It knows the keys that were made with it, and no others. */
export class DataCentre {
  readonly id: number;
  address: { readonly host: string; readonly port: number };
  /** Connections ever made. */
  accepted = 0;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;

  private constructor(id: number, host: DataCentreHost, address: { readonly host: string; readonly port: number }) {
    this.id = id;
    this.address = address;
    const connectionHost = this.#hostOf(host);
    this.#server = createServer((socket) => {
      this.accepted++;
      this.#connections.add(new Connection(socket, connectionHost));
    });
  }

  /** Starts listening. @param port 0 for any free one @throws PORT_IN_USE */
  static async listen(id: number, shared: DataCentreHost, host: string, port: number): Promise<DataCentre> {
    const centre = new DataCentre(id, shared, { host, port });
    await new Promise<void>((resolve, reject) => {
      centre.#server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = `The simulator cannot listen on ${host}:${port} (${cause.code ?? cause.message})`;
        reject(new VigiliaError('PORT_IN_USE', `${why}; set SIMULATOR_PORT (--port) to a free one, or to 0`, { cause }));
      });
      centre.#server.listen(port, host, resolve);
    });
    const bound = centre.#server.address();
    if (typeof bound === 'object' && bound !== null) centre.address = { host, port: bound.port };
    return centre;
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.destroy('the simulator ends');
    await closed;
  }

  #hostOf(host: DataCentreHost): ConnectionHost {
    const { id } = this;
    const connections = this.#connections;
    return {
      dcId: id,
      clock: host.clock,
      log: host.log,
      salts: host.salts,
      serverKey: host.serverKey,
      get frozen() {
        return host.frozen;
      },
      get crowded() {
        return connections.size >= host.limits.connectionsMost;
      },
      takeTransportError: () => host.takeTransportError(),
      now: () => host.now(),
      takeForcedAnswer: () => host.takeForcedAnswer(),
      receive: (connection, key, envelope) => host.receive(connection, key, envelope),
      key: (keyId): KeyState | undefined => {
        const key = host.state.key(keyId);
        if (key?.dcId !== id) return undefined;
        if (key.expiresAt === undefined || key.expiresAt > host.now()) return key;
        host.state.forgetKey(key);
        return undefined;
      },
      keep: (readings, salt, expiresAt) => {
        if (!host.state.addKey(readings, id, expiresAt)) return false;
        for (const reading of readings) {
          const key = host.state.key(reading.id);
          if (key !== undefined) key.firstSalt = salt;
        }
        return true;
      },
      closed: (connection) => {
        this.#connections.delete(connection);
        host.closed(connection);
      },
    };
  }
}
