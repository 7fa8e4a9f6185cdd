import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A way to a server that a test can block: connections stay open, and nothing passes, as when a network is cut in two. It counts what its clients
 * have sent: that one of them sends nothing any more can be seen from nowhere else.
 */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** Bytes that its clients have sent, by connection, in the order in which they were made. */
  readonly sentBytes: number[] = [];
  #isBlocked = false;

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  /** @param port on loopback where the server listens */
  static async to(port: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((inner) => {
      const outer = connect(port, '127.0.0.1');
      const connection = proxy.sentBytes.push(0) - 1;
      inner.on('data', (bytes) => {
        proxy.sentBytes[connection] = (proxy.sentBytes[connection] ?? 0) + bytes.length;
      });
      for (const [one, other] of [
        [inner, outer],
        [outer, inner],
      ] as const) {
        sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          sockets.delete(one);
          // A cut network carries no farewell either.
          if (!proxy.#isBlocked) other.destroy();
        });
        one.pipe(other);
      }
      if (proxy.#isBlocked) for (const one of [inner, outer]) one.pause();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port, sockets);
    return proxy;
  }

  block(): void {
    this.#isBlocked = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was sent meanwhile arrives now. */
  unblock(): void {
    this.#isBlocked = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
