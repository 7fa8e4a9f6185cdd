import { type Clock, pause, WOKEN } from '../clock.ts';
import { toVigiliaError, VigiliaError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CutReason } from '../ports.ts';
import type { Caller, Callers } from './callers.ts';
import type { EventWire } from './event-wire.ts';

/** Longest silence on a stream, in ms: proxies and clients take a longer one for a dead connection. */
const HEARTBEAT_MS = 15_000;
/** How long a subscriber may take to read what was written, in ms. What is written at once is bounded, and so is what waits in memory. */
const SLOW_MS = 10_000;
/** How long a stream that was ended may take to be gone, in ms. */
const LINGER_MS = 2_000;
/** When somebody shall come back for whom there was no place, in ms. */
const RETRY_FULL_MS = 5_000;

/** Where what is written to a stream comes from. */
export interface StreamSource {
  /** @returns what comes next, once there is something; undefined when it was closed. @throws STORE_UNAVAILABLE */
  next(): Promise<StreamBatch | undefined>;
  /** Ends it: a batch that is waited for does not come any more. */
  close(): void;
}

interface StreamBatch {
  /** Blocks of an event stream; empty where nothing of it was wanted. */
  readonly text: string;
  /** Where a client that comes back goes on; undefined where one cannot. */
  readonly position: number | undefined;
}

export interface EventStreamsDeps {
  /** Told why a stream was cut off. */
  readonly onCut: (reason: CutReason) => void;
  readonly callers: Callers;
  readonly clock: Clock;
  readonly log: Log;
  /** Streams at a time, with those that are being opened. */
  readonly most: number;
}

/** The open event streams of a listener, over whatever wire. */
export class EventStreams {
  readonly #deps: EventStreamsDeps;
  readonly #open = new Set<EventStream>();
  #places = 0;
  #closed = false;

  constructor(deps: EventStreamsDeps) {
    this.#deps = deps;
  }

  /** Takes a place for a stream that is about to be opened. @returns what gives it back, once. @throws TOO_MANY_STREAMS */
  reserve(): () => void {
    const { most } = this.#deps;
    if (this.#places >= most) {
      throw new VigiliaError('TOO_MANY_STREAMS', `there are ${most} open streams`, { retryAfterMs: RETRY_FULL_MS });
    }
    this.#places += 1;
    return () => {
      this.#places -= 1;
    };
  }

  /**
   * Writes a subscription's events to a wire until either ends, or who listens may not any more, and then resolves.
   * @param from what the subscription's beginning said
   * @param caller who listens
   */
  async serve(wire: EventWire, subscription: StreamSource, from: number | undefined, caller: Caller): Promise<void> {
    const { onCut, callers, clock, log } = this.#deps;
    const stream = new EventStream(wire, subscription, from, clock, onCut);
    this.#open.add(stream);
    let unwatch = (): void => {};
    try {
      const running = stream.run();
      unwatch = callers.watch(caller, (why) => stream.cut(why));
      // It was asked for while the others were told that it is over.
      if (this.#closed) stream.cut('stopping');
      await running;
    } catch (thrown) {
      log.error({ err: thrown }, 'an event stream failed');
      wire.destroy();
    } finally {
      unwatch();
      this.#open.delete(stream);
    }
  }

  /** Tells all subscribers that it is over here, now and from now on. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#open) stream.cut('stopping');
  }
}

/** One subscriber's stream. */
class EventStream {
  readonly #wire: EventWire;
  readonly #subscription: StreamSource;
  readonly #clock: Clock;
  readonly #onCut: (reason: CutReason) => void;
  /** Of this stream: the wire may carry another one after it. */
  readonly #over = new AbortController();
  #ended = false;
  #position: number | undefined;
  #wroteAt: number;

  constructor(
    wire: EventWire,
    subscription: StreamSource,
    from: number | undefined,
    clock: Clock,
    onCut: (reason: CutReason) => void,
  ) {
    // An id that is none of ours is not given back.
    this.#position = Number.isSafeInteger(from) ? from : undefined;
    this.#wire = wire;
    this.#subscription = subscription;
    this.#clock = clock;
    this.#onCut = onCut;
    this.#wroteAt = clock.monotonic();
  }

  async run(): Promise<void> {
    const wire = this.#wire;
    const onGone = (): void => {
      this.#subscription.close();
      this.#over.abort();
    };
    if (wire.gone.aborted) return onGone();
    wire.gone.addEventListener('abort', onGone, { once: true });
    wire.begin(this.#position);
    const beating = this.#beat();
    try {
      for (let batch = await this.#subscription.next(); batch; batch = await this.#subscription.next()) {
        if (!(await this.#tell(batch))) break;
      }
    } catch (thrown) {
      if (toVigiliaError(thrown).code !== 'STORE_UNAVAILABLE') throw thrown;
      this.cut('store-unavailable');
    } finally {
      this.#subscription.close();
      // One that was cut waits for its connection to go.
      if (!this.#ended) this.#over.abort();
    }
    await beating;
    wire.gone.removeEventListener('abort', onGone);
  }

  /** Ends the stream with a word why; the client may come back and go on. */
  cut(reason: CutReason): void {
    if (this.#ended || this.#over.signal.aborted) return;
    this.#ended = true;
    this.#onCut(reason);
    this.#wire.end(reason, this.#position);
    this.#subscription.close();
    void pause(this.#clock, LINGER_MS, this.#over.signal).then((late) => {
      if (late) this.#wire.destroy();
    });
  }

  /** @returns false when the stream is over */
  async #tell({ text, position }: StreamBatch): Promise<boolean> {
    if (this.#ended) return false;
    this.#position = position;
    if (text === '') return true;
    this.#wroteAt = this.#clock.monotonic();
    if (this.#wire.write(text) || (await this.#drained())) return true;
    this.cut('slow');
    return false;
  }

  /** Waits until all that was written is taken. @returns false when that takes too long, or the client has gone */
  async #drained(): Promise<boolean> {
    const taken = new AbortController();
    const onDrain = (): void => taken.abort(WOKEN);
    const leave = this.#wire.onDrain(onDrain);
    this.#over.signal.addEventListener('abort', onDrain, { once: true });
    const late = await pause(this.#clock, SLOW_MS, taken.signal);
    leave();
    this.#over.signal.removeEventListener('abort', onDrain);
    return !late && !this.#over.signal.aborted;
  }

  /** Keeps the stream from falling silent, and moves on where the client resumes, though nothing was for it. */
  async #beat(): Promise<void> {
    for (;;) {
      const silentMs = this.#clock.monotonic() - this.#wroteAt;
      if (!(await pause(this.#clock, Math.max(1, HEARTBEAT_MS - silentMs), this.#over.signal))) return;
      if (this.#clock.monotonic() - this.#wroteAt < HEARTBEAT_MS) continue;
      this.#wroteAt = this.#clock.monotonic();
      if (!this.#ended && !this.#wire.isFull) this.#wire.beat(this.#position);
    }
  }
}
