import { type ClientRequest, type IncomingMessage, request } from 'node:http';

/** An event as a subscriber gets it. */
export interface HeardEvent {
  /** The id that stands before it, and with which one resumes; undefined where it has none. */
  readonly id: string | undefined;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** When it came, by `performance.now()`. */
  readonly atMs: number;
}

/** How to subscribe. */
export interface EventClientOptions {
  /** What follows the path's `?`. */
  readonly query?: string;
  readonly lastEventId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A subscriber over a real socket, which reads the stream as the specification of `EventSource` has it. */
export class EventClient {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly events: HeardEvent[] = [];
  /** As an `EventSource` keeps it: an id without data counts too. */
  lastEventId: string;
  comments = 0;
  retryMs: number | undefined;
  ended = false;
  /** What is not an event stream: the body of an error. */
  body = '';
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  #rest = '';
  readonly #waiting = new Set<() => void>();

  private constructor(asking: ClientRequest, response: IncomingMessage, lastEventId: string) {
    this.#request = asking;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.lastEventId = lastEventId;
    const isStream = String(response.headers['content-type']).startsWith('text/event-stream');
    response.setEncoding('utf8').on('data', (text: string) => {
      if (isStream) this.#read(text);
      else this.body += text;
    });
    const end = (): void => {
      this.ended = true;
      this.#tell();
    };
    response.on('end', end).on('close', end).on('error', end);
    asking.on('error', end);
  }

  /** Resolves with the answer's head. @param url of the route, without a query */
  static open(url: string, { query, lastEventId, headers = {} }: EventClientOptions = {}): Promise<EventClient> {
    return new Promise((resolve, reject) => {
      const all = { ...headers, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
      const asking = request(query === undefined ? url : `${url}?${query}`, { headers: all, agent: false });
      asking.once('response', (response) => resolve(new EventClient(asking, response, lastEventId ?? '')));
      asking.once('error', reject);
      asking.end();
    });
  }

  /** Resolves once something holds; rejects when the stream ends before it does. */
  async until(holds: (client: EventClient) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.ended)
        throw new Error(`the stream ended after ${this.events.length} events: ${JSON.stringify(this.events.at(-1))}`);
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }

  /** Resolves with the first events, as many as asked for. */
  async first(count: number): Promise<readonly HeardEvent[]> {
    await this.until(({ events }) => events.length >= count);
    return this.events.slice(0, count);
  }

  /** Resolves when the other side has ended the stream. */
  async end(): Promise<void> {
    await this.until(({ ended }) => ended);
  }

  /** Reads nothing from now on: the other side can write only what the sockets hold. */
  pause(): void {
    this.#response.pause();
    this.#response.socket.pause();
  }

  resume(): void {
    this.#response.socket.resume();
    this.#response.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    const atMs = performance.now();
    for (const block of blocks) this.#take(block, atMs);
    this.#tell();
  }

  #take(block: string, atMs: number): void {
    let id: string | undefined;
    let event = 'message';
    let data: string | undefined;
    for (const line of block.split('\n')) {
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === '') this.comments += 1;
      else if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'retry') this.retryMs = Number(value);
      else if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
    }
    if (id !== undefined) this.lastEventId = id;
    if (data !== undefined) this.events.push({ id, event, data: JSON.parse(data) as HeardEvent['data'], atMs });
  }

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }
}
