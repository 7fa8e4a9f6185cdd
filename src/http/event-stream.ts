import type { ServerResponse } from 'node:http';
import type { EventHub } from '../actors/events/event-hub.ts';
import type { EventBatch, EventSubscription } from '../actors/events/event-subscription.ts';
import { EVENT_VERSION, frameOf } from '../actors/events/told-event.ts';
import { type Clock, pause } from '../clock.ts';
import { toVigiliaError, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CutReason } from '../ports.ts';

/** Longest silence on a stream, in ms: proxies and clients take a longer one for a dead connection. */
const HEARTBEAT_MS = 15_000;
/** How long a subscriber may take to read what was written, in ms. What is written at once is bounded, and so is what waits in memory. */
const SLOW_MS = 10_000;
/** How long a stream that was ended may take to be gone, in ms. */
const LINGER_MS = 2_000;
/** When a client shall come back after its stream ended, in ms. */
const RETRY_MS = 1_000;
/** When somebody shall come back for whom there was no place, in ms. */
const RETRY_FULL_MS = 5_000;

/** The open event streams of a listener. */
export class EventStreams {
  readonly #hub: EventHub;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #most: number;
  readonly #open = new Set<EventStream>();
  #places = 0;
  #closed = false;

  /** @param most streams at a time, with those that are being opened */
  constructor(hub: EventHub, most: number, clock: Clock, log: Log) {
    this.#hub = hub;
    this.#most = most;
    this.#clock = clock;
    this.#log = log;
  }

  /** Takes a place for a stream that is about to be opened. @returns what gives it back, once. @throws TOO_MANY_STREAMS */
  reserve(): () => void {
    if (this.#places >= this.#most) {
      throw new VigiliaError('TOO_MANY_STREAMS', `there are ${this.#most} open streams`, { retryAfterMs: RETRY_FULL_MS });
    }
    this.#places += 1;
    return () => {
      this.#places -= 1;
    };
  }

  /**
   * Writes a subscription's events to a response until either ends, and then resolves.
   * @param from what the subscription's beginning said
   */
  async serve(response: ServerResponse, subscription: EventSubscription, from: number | undefined): Promise<void> {
    const stream = new EventStream(response, subscription, from, this.#clock, (reason) => this.#hub.noteCutOff(reason));
    this.#open.add(stream);
    try {
      const running = stream.run();
      // It was asked for while the others were told that it is over.
      if (this.#closed) stream.cut('stopping');
      await running;
    } catch (thrown) {
      this.#log.error({ err: thrown }, 'an event stream failed');
      response.destroy();
    } finally {
      this.#open.delete(stream);
    }
  }

  /** Tells all subscribers that it is over here, now and from now on. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#open) stream.cut('stopping');
  }
}

/** One response that is a stream of events. */
class EventStream {
  readonly #response: ServerResponse;
  readonly #subscription: EventSubscription;
  readonly #clock: Clock;
  readonly #onCut: (reason: CutReason) => void;
  readonly #gone = new AbortController();
  #ended = false;
  #position: number | undefined;
  #wroteAt: number;

  constructor(
    response: ServerResponse,
    subscription: EventSubscription,
    from: number | undefined,
    clock: Clock,
    onCut: (reason: CutReason) => void,
  ) {
    // An id that is none of ours is not given back.
    this.#position = Number.isSafeInteger(from) ? from : undefined;
    this.#response = response;
    this.#subscription = subscription;
    this.#clock = clock;
    this.#onCut = onCut;
    this.#wroteAt = clock.monotonic();
  }

  async run(): Promise<void> {
    const response = this.#response;
    response.once('close', () => this.#leave());
    if (response.destroyed || response.socket === null) return this.#leave();
    response.socket.setNoDelay(true);
    response.socket.setTimeout(0);
    response.writeHead(200);
    // An id without data moves where the client resumes, and is no event.
    this.#write(`retry: ${RETRY_MS}\n${this.#idLine()}\n`);
    const beating = this.#beat();
    try {
      for (let batch = await this.#subscription.next(); batch; batch = await this.#subscription.next()) {
        if (!(await this.#tell(batch))) break;
      }
    } catch (thrown) {
      if (toVigiliaError(thrown).code !== 'STORE_UNAVAILABLE') throw thrown;
      this.cut('store-unavailable');
    } finally {
      this.#leave();
    }
    await beating;
  }

  /** Ends the stream with a word why; the client may come back and go on. */
  cut(reason: CutReason): void {
    if (this.#ended || this.#gone.signal.aborted) return;
    this.#ended = true;
    this.#onCut(reason);
    const data = { version: EVENT_VERSION, id: this.#position ?? null, topic: 'closed', reason, retryMs: RETRY_MS };
    this.#response.end(frameOf(null, 'closed', data));
    this.#subscription.close();
    void pause(this.#clock, LINGER_MS, this.#gone.signal).then((late) => {
      if (late) this.#response.destroy();
    });
  }

  /** @returns false when the stream is over */
  async #tell({ text, position }: EventBatch): Promise<boolean> {
    if (this.#ended) return false;
    this.#position = position;
    if (text === '' || this.#write(text)) return true;
    if (await this.#drained()) return true;
    this.cut('slow');
    return false;
  }

  /** @returns false where no more should be written now */
  #write(text: string): boolean {
    this.#wroteAt = this.#clock.monotonic();
    return this.#response.write(text);
  }

  /** Waits until all that was written is taken. @returns false when that takes too long, or the client has gone */
  async #drained(): Promise<boolean> {
    const taken = new AbortController();
    const onDrain = (): void => taken.abort();
    this.#response.once('drain', onDrain);
    this.#gone.signal.addEventListener('abort', onDrain, { once: true });
    const late = await pause(this.#clock, SLOW_MS, taken.signal);
    this.#response.off('drain', onDrain);
    this.#gone.signal.removeEventListener('abort', onDrain);
    return !late && !this.#gone.signal.aborted;
  }

  /** Keeps the stream from falling silent, and moves on where the client resumes, though nothing was for it. */
  async #beat(): Promise<void> {
    for (;;) {
      const silentMs = this.#clock.monotonic() - this.#wroteAt;
      if (!(await pause(this.#clock, Math.max(1, HEARTBEAT_MS - silentMs), this.#gone.signal))) return;
      const due = this.#clock.monotonic() - this.#wroteAt >= HEARTBEAT_MS;
      if (due && !this.#ended && !this.#response.writableNeedDrain) this.#write(`: heartbeat\n${this.#idLine()}\n`);
      else if (due) this.#wroteAt = this.#clock.monotonic();
    }
  }

  #idLine(): string {
    return this.#position === undefined ? '' : `id: ${this.#position}\n`;
  }

  /** The client is gone, or shall be. */
  #leave(): void {
    this.#subscription.close();
    if (this.#response.destroyed || this.#response.closed) this.#gone.abort();
  }
}
