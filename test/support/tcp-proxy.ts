import { connect, createServer, type Server, type Socket } from 'node:net';

/** What passes between a client and the server, over one connection. */
interface Passage {
  readonly inner: Socket;
  readonly outer: Socket;
}

/**
 * A way to a server that a test can block (connections stay open, and nothing passes, as when a network is cut in two) or cut (connections
 * are reset, and so is whoever comes, as when a firewall refuses). It counts what its clients have sent: that one of them sends nothing any
 * more can be seen from nowhere else.
 */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  /** Bytes that its clients have sent, by connection, in the order in which they were made. */
  readonly sentBytes: number[] = [];
  #isBlocked = false;
  #isCut = false;

  private constructor(server: Server, to: number) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (inner: Socket) => {
      inner.on('error', () => {});
      if (this.#isCut) inner.resetAndDestroy();
      else this.#pass(inner, connect(to, '127.0.0.1'));
    });
  }

  /** @param port on loopback where the server listens */
  static async to(port: number): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TcpProxy(server, port);
  }

  block(): void {
    this.#isBlocked = true;
    for (const { inner, outer } of this.#passages) for (const socket of [inner, outer]) socket.pause();
  }

  /** What was sent meanwhile arrives now, and so does the word that one side has gone. */
  unblock(): void {
    this.#isBlocked = false;
    for (const passage of [...this.#passages]) {
      const { inner, outer } = passage;
      for (const socket of [inner, outer]) socket.resume();
      if (inner.destroyed || outer.destroyed) this.#end(passage);
    }
  }

  /** Resets every connection, and whoever comes, until `mend`. */
  cut(): void {
    this.#isCut = true;
    for (const { inner, outer } of this.#passages) for (const socket of [inner, outer]) socket.resetAndDestroy();
    this.#passages.clear();
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    for (const { inner, outer } of this.#passages) for (const socket of [inner, outer]) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(inner: Socket, outer: Socket): void {
    const passage = { inner, outer };
    this.#passages.add(passage);
    const connection = this.sentBytes.push(0) - 1;
    inner.on('data', (bytes) => {
      this.sentBytes[connection] = (this.sentBytes[connection] ?? 0) + bytes.length;
    });
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => {
        // A cut network carries no farewell either.
        if (!this.#isBlocked) this.#end(passage);
      });
      one.pipe(other);
    }
    if (this.#isBlocked) for (const socket of [inner, outer]) socket.pause();
  }

  #end(passage: Passage): void {
    this.#passages.delete(passage);
    passage.inner.destroy();
    passage.outer.destroy();
  }
}
