import { once } from 'node:events';
import { WebSocket } from 'ws';

/** What a process's heap holds, all garbage taken out. */
export interface LiveHeap {
  readonly usedBytes: number;
  /** What V8 has taken of the system for it. */
  readonly totalBytes: number;
}

/** Looks into the heap of a process that was started with `--inspect` (https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler/). */
export class HeapInspector {
  readonly #socket: WebSocket;
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param port on which the process is inspected, on loopback */
  static async open(port: number): Promise<HeapInspector> {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly {
      readonly webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '');
    await once(socket, 'open');
    return new HeapInspector(socket);
  }

  /** Collects all garbage, then looks what is left. */
  async read(): Promise<LiveHeap> {
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize, totalSize } = (await this.#ask('Runtime.getHeapUsage')) as {
      readonly usedSize: number;
      readonly totalSize: number;
    };
    return { usedBytes: usedSize, totalBytes: totalSize };
  }

  close(): void {
    this.#socket.terminate();
  }

  async #ask(method: string): Promise<unknown> {
    const id = ++this.#last;
    this.#socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [data] = (await once(this.#socket, 'message')) as [Buffer];
      const answer = JSON.parse(data.toString()) as { readonly id?: number; readonly result?: unknown; readonly error?: unknown };
      if (answer.id !== id) continue;
      if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
      return answer.result;
    }
  }
}
