import { connect, type Socket } from 'node:net';

/** An answer, as far as a load looks at it. */
export interface HttpAnswer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: Buffer;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Takes the answers to requests out of what a socket brings, however it is cut. All of them have to name their length. */
export class AnswerReader {
  #held: Buffer = Buffer.alloc(0);

  /** @returns the answers that are whole now, in order @throws Error for an answer without a length */
  read(part: Buffer): HttpAnswer[] {
    this.#held = this.#held.length === 0 ? part : Buffer.concat([this.#held, part]);
    const answers: HttpAnswer[] = [];
    for (;;) {
      const headEnd = this.#held.indexOf(END_OF_HEAD);
      if (headEnd < 0) return answers;
      const head = this.#held.toString('latin1', 0, headEnd);
      const length = LENGTH.exec(head)?.[1];
      if (length === undefined) throw new Error(`an answer does not say how long it is:\n${head}`);
      const end = headEnd + END_OF_HEAD.length + Number(length);
      if (this.#held.length < end) return answers;
      answers.push({ status: Number(head.slice(9, 12)), head, body: this.#held.subarray(headEnd + END_OF_HEAD.length, end) });
      this.#held = this.#held.subarray(end);
    }
  }
}

/**
 * A connection that is kept open and carries one request at a time, for as little CPU as it can: the server that is measured shares the machine with who
 * asks it.
 */
export class HttpConnection {
  readonly #socket: Socket;
  readonly #reader = new AnswerReader();
  readonly #onLost: (error: Error) => void;
  #onAnswer: ((answer: HttpAnswer) => void) | undefined;

  private constructor(socket: Socket, onLost: (error: Error) => void) {
    this.#socket = socket;
    this.#onLost = onLost;
    socket.setNoDelay(true);
    socket.on('data', (part: Buffer) => this.#onData(part));
    socket.on('error', onLost);
    socket.on('end', () => onLost(new Error('the server closed a connection')));
  }

  /** @param onLost told when the connection fails, or brings what was not asked for */
  static open(host: string, port: number, onLost: (error: Error) => void): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket, onLost));
      });
    });
  }

  /** Sends a request; the one before has been answered. */
  ask(request: Buffer, onAnswer: (answer: HttpAnswer) => void): void {
    this.#onAnswer = onAnswer;
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.removeAllListeners('end');
    this.#socket.destroy();
  }

  #onData(part: Buffer): void {
    try {
      for (const answer of this.#reader.read(part)) {
        const told = this.#onAnswer;
        if (told === undefined) throw new Error('an answer came that nobody asked for');
        this.#onAnswer = undefined;
        told(answer);
      }
    } catch (error) {
      this.#onLost(error as Error);
    }
  }
}
