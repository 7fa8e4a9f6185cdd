import type { Duplex } from 'node:stream';
import type { Static } from 'typebox';
import type { RawData, WebSocket } from 'ws';
import type { EventSource, EventSubscription } from '../actors/events/event-subscription.ts';
import { pause } from '../clock.ts';
import { causeChain, ERRORS, toVigiliaError, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import { requireGranted, requireScope } from './access.ts';
import type { Caller, Callers } from './callers.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { EventStreams } from './event-stream.ts';
import { MOST_TOPICS, readWish } from './event-wish.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { schemaCompiler } from './schema-check.ts';
import { sentence } from './sentence.ts';
import { CLOSE, say, socketWire } from './socket-wire.ts';
import { Type } from './typebox.ts';

/** How long a client may take to say who it is, in ms. */
const GREETING_MS = 5_000;
/** How often a client is asked for a sign of life; who gave none by the next time is gone. In ms. */
const PING_MS = 15_000;
/** Messages of a client that wait for the one before them. */
const MOST_WAITING = 8;

/** What a client says. */
const ClientMessageSchema = Type.Object(
  {
    type: Type.Enum(['hello', 'subscribe']),
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 8_192, description: 'A token or a JWT; in the first message.' })),
    topics: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 128 }), {
        maxItems: MOST_TOPICS,
        description: 'Patterns; without them, all.',
      }),
    ),
    channelId: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    lastEventId: Type.Optional(Type.Integer({ minimum: 0, description: 'Goes on after this event; 0 for all.' })),
  },
  { additionalProperties: false },
);
type ClientMessage = Static<typeof ClientMessageSchema>;

const check = schemaCompiler({ schema: ClientMessageSchema, httpPart: 'message', method: 'GET', url: '' });

export interface EventSocketDeps extends Pick<GatewayDeps, 'clock' | 'reader'> {
  readonly log: Log;
  readonly events: EventSource;
  readonly callers: Callers;
  readonly streams: EventStreams;
  /** Who it is, where a header of the upgrade said so already. */
  readonly caller: Caller | null;
  readonly address: string;
}

/**
 * One client on a WebSocket. It says who it is, then what it wants to hear, as often as it likes: each `subscribe` takes the place of the one before
 * and goes on where that one stood. What is wrong is told in words (topic `error`), and ends the socket.
 */
export class EventSocket {
  /** Resolves once it is known who it is, or it is over. */
  readonly greeted: Promise<void>;
  /** Resolves when the connection is no more. */
  readonly gone: Promise<void>;
  readonly #socket: WebSocket;
  readonly #raw: Duplex;
  readonly #deps: EventSocketDeps;
  readonly #gone = new AbortController();
  readonly #known = new AbortController();
  #caller: Caller | null;
  #subscription: EventSubscription | undefined;
  #unwatch = (): void => {};
  #giveBack = (): void => {};
  #stream: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #over = false;
  #alive = true;

  constructor(socket: WebSocket, raw: Duplex, deps: EventSocketDeps) {
    this.#socket = socket;
    this.#raw = raw;
    this.#deps = deps;
    this.#caller = deps.caller ?? deps.callers.local ?? null;
    this.gone = new Promise((resolve) => this.#gone.signal.addEventListener('abort', () => resolve(), { once: true }));
    this.greeted = new Promise((resolve) => this.#known.signal.addEventListener('abort', () => resolve(), { once: true }));
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('pong', () => {
      this.#alive = true;
    });
    // What was too large, or no WebSocket: ws has closed it with the code for that.
    socket.on('error', (error) => deps.log.debug({ cause: error.message }, 'a socket of a client failed'));
    socket.on('close', () => this.#leave());
    void this.#expectGreeting();
    void this.#ping();
  }

  /** It is over here: the client may go to another gateway. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.close(CLOSE.goingAway, 'stopping');
  }

  destroy(): void {
    this.#socket.terminate();
  }

  async #expectGreeting(): Promise<void> {
    if (await pause(this.#deps.clock, GREETING_MS, this.#known.signal))
      this.#refuse(new VigiliaError('REQUEST_TIMEOUT', `The first message has to come within ${GREETING_MS / 1000} s.`));
  }

  async #ping(): Promise<void> {
    while (await pause(this.#deps.clock, PING_MS, this.#gone.signal)) {
      if (!this.#alive) return this.#socket.terminate();
      this.#alive = false;
      this.#socket.ping();
    }
  }

  #take(data: RawData, isBinary: boolean): void {
    if (this.#over || this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#waiting >= MOST_WAITING) {
      this.#refuse(new VigiliaError('RATE_LIMITED', 'A message has to be answered before many others come.'));
      return;
    }
    this.#waiting += 1;
    this.#turn = this.#turn.then(async () => {
      try {
        if (!this.#over) await this.#handle(messageOf(data, isBinary));
      } catch (thrown) {
        this.#refuse(thrown);
      } finally {
        this.#waiting -= 1;
      }
    });
  }

  async #handle(message: ClientMessage): Promise<void> {
    const { callers } = this.#deps;
    const isFirst = !this.#known.signal.aborted;
    if (!isFirst && (message.type === 'hello' || message.token !== undefined))
      throw new VigiliaError('INVALID_REQUEST', 'Who listens is said once, in the first message.', { field: 'type' });
    if (isFirst) this.#welcome(await this.#greet(message));
    const spent = this.#caller && (await callers.spend(this.#caller));
    if (spent) requireGranted(spent);
    const wishes = message.type === 'subscribe' || message.topics !== undefined || message.lastEventId !== undefined;
    if (wishes || message.channelId !== undefined) await this.#listen(message);
  }

  /** @returns who it is @throws UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, AUTH_KEYS_UNAVAILABLE */
  async #greet({ token }: ClientMessage): Promise<Caller> {
    const { callers, address } = this.#deps;
    const caller = token === undefined || callers.local ? this.#caller : await callers.identify(token, address);
    if (caller === null)
      throw new VigiliaError('UNAUTHORIZED', 'The first message needs a token: {"type":"hello","token":"…"}.', {
        field: 'token',
      });
    requireScope(caller, 'read');
    return caller;
  }

  #welcome(caller: Caller): void {
    if (this.#over) return;
    this.#caller = caller;
    this.#known.abort();
    say(this.#socket, 'welcome', { scope: caller.scope });
    // While nothing is listened to, there is no stream that would end with the token.
    this.#unwatch = this.#deps.callers.watch(caller, (why) => {
      if (this.#subscription || this.#over) return;
      this.#over = true;
      this.#socket.close(4401, why);
    });
  }

  async #listen({ topics = [], channelId, lastEventId }: ClientMessage): Promise<void> {
    const { clock, events, streams } = this.#deps;
    const caller = this.#caller;
    const wants = await readWish(this.#deps, topics, channelId);
    if (this.#over || caller === null) return;
    const before = this.#subscription;
    before?.close();
    await this.#stream;
    if (!before) this.#giveBack = streams.reserve();
    const subscription = events.subscribe({ after: lastEventId ?? before?.position, wants });
    this.#subscription = subscription;
    const from = await withinDeadline(clock, READ_MS, subscription.begin());
    if (this.#over) return subscription.close();
    const wire = socketWire(this.#socket, this.#raw, this.#gone.signal);
    this.#stream = streams.serve(wire, subscription, from, caller);
  }

  /** Says what is wrong, and ends it. */
  #refuse(thrown: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const error = toVigiliaError(thrown);
    const { status, meaning } = ERRORS[error.code];
    if (status >= 500) this.#deps.log.warn({ error: error.code, causes: causeChain(thrown) }, 'a socket of a client is ended');
    const message = status >= 500 ? meaning : sentence(error.message);
    const field = error.field !== undefined && status < 500 ? { field: error.field } : {};
    const wait = error.retryAfterMs === undefined ? {} : { retryMs: Math.ceil(error.retryAfterMs) };
    say(this.#socket, 'error', { error: { code: error.code, message, ...field }, ...wait });
    const closeCode = status === 503 || status === 429 ? CLOSE.tryAgain : status < 500 ? 4_000 + status : CLOSE.internal;
    this.#socket.close(closeCode, error.code);
    this.#subscription?.close();
  }

  #leave(): void {
    this.#over = true;
    this.#known.abort();
    this.#gone.abort();
    this.#unwatch();
    this.#subscription?.close();
    this.#giveBack();
  }
}

function messageOf(data: RawData, isBinary: boolean): ClientMessage {
  let given: unknown;
  try {
    if (isBinary) throw new VigiliaError('INVALID_JSON', 'it is binary');
    given = JSON.parse(String(data));
  } catch (cause) {
    throw new VigiliaError('INVALID_JSON', 'A message is JSON text.', { cause });
  }
  const checked = check(given) as { value: ClientMessage } | { error: VigiliaError };
  if ('error' in checked) throw checked.error;
  return checked.value;
}
