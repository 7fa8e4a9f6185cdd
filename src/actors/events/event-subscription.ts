import { VigiliaError } from '../../errors.ts';
import type { Store } from '../../ports.ts';
import { Turns } from '../telegram/turns.ts';
import type { EventHub } from './event-hub.ts';
import { EVENT_VERSION, frameOf, type ToldEvent, toldEvent } from './told-event.ts';

/** Events of one read from the store, for somebody who resumes. */
const PAGE = 200;
/** A batch is closed when it has as much as this, in UTF-16 code units. */
const BATCH_BYTES = 128 * 1024;
/** Subscribers of a process who read from the store at the same time: whoever comes back after a restart comes with all the others. */
const READERS = 4;

/** What a subscriber is given at once. */
export interface EventBatch {
  /** Blocks of an event stream; empty where nothing of it was wanted. */
  readonly text: string;
  /** Events in it. */
  readonly events: number;
  /** Everything up to here has been told, or was not wanted. */
  readonly position: number;
}

/** What somebody wants to hear, and from where on. */
export interface SubscriptionRequest {
  /** The last event that was heard; undefined: from now on. NaN for an id that is none of ours. */
  readonly after: number | undefined;
  readonly wants: (event: ToldEvent) => boolean;
}

/** Opens subscriptions to the stream: at least once, in order, from wherever in the stream somebody stopped. */
export class EventSource {
  readonly hub: EventHub;
  readonly #store: Pick<Store, 'readEvents'>;
  readonly #turns = new Turns(READERS);
  readonly #open = new Set<EventSubscription>();

  constructor(hub: EventHub, store: Pick<Store, 'readEvents'>) {
    this.hub = hub;
    this.#store = store;
  }

  /** @returns a subscription, which has to be closed */
  subscribe(request: SubscriptionRequest): EventSubscription {
    const subscription = new EventSubscription(this.hub, this.#store, this.#turns, request, () =>
      this.#open.delete(subscription),
    );
    this.#open.add(subscription);
    return subscription;
  }

  /** How many events the subscriber who is furthest behind has not been given. */
  get behind(): number {
    const { head } = this.hub;
    if (head === undefined) return 0;
    return [...this.#open].reduce((most, { position = head }) => Math.max(most, head - position || 0), 0);
  }
}

/**
 * One subscriber's way along the stream. It is asked for the next batch, so it is never ahead of whom it serves: what is new is taken from
 * the hub, and from the store whatever the hub does not have any more.
 */
export class EventSubscription {
  readonly #hub: EventHub;
  readonly #store: Pick<Store, 'readEvents'>;
  readonly #turns: Turns;
  readonly #wants: SubscriptionRequest['wants'];
  readonly #leave: () => void;
  readonly #end = new AbortController();
  #at: number | undefined;
  /** The stream went on since it was looked at. */
  #rung = false;
  #wake: () => void = () => {};

  /** @param onClose told when it is closed */
  constructor(
    hub: EventHub,
    store: Pick<Store, 'readEvents'>,
    turns: Turns,
    { after, wants }: SubscriptionRequest,
    onClose: () => void,
  ) {
    this.#hub = hub;
    this.#store = store;
    this.#turns = turns;
    this.#wants = wants;
    this.#at = after;
    const leave = hub.join(() => {
      this.#rung = true;
      this.#wake();
    });
    this.#leave = () => {
      leave();
      onClose();
    };
  }

  /** Everything up to here has been given to whoever asks; undefined where that is not known yet. */
  get position(): number | undefined {
    return this.#at;
  }

  /** Resolves with the position from which on events will be told, once the stream is known. @returns undefined when it was closed before */
  async begin(): Promise<number | undefined> {
    while (this.#hub.head === undefined) {
      this.#rung = false;
      if (!(await this.#more())) return undefined;
    }
    this.#at ??= this.#hub.head;
    return this.#at;
  }

  /** @returns what comes next, once there is something; undefined when it was closed. @throws STORE_UNAVAILABLE */
  async next(): Promise<EventBatch | undefined> {
    const at = this.#at ?? (await this.begin());
    while (at !== undefined && !this.#end.signal.aborted) {
      this.#rung = false;
      const batch = this.#fromHub(at) ?? (await this.#fromStore(at));
      if (batch) {
        this.#at = batch.position;
        return batch;
      }
      if (!(await this.#more())) break;
    }
    return undefined;
  }

  /** Ends it: a batch that is waited for does not come any more. */
  close(): void {
    this.#leave();
    this.#end.abort();
    this.#wake();
  }

  #fromHub(at: number): EventBatch | undefined {
    const batch = new BatchBuilder(at, this.#wants);
    for (let event = this.#hub.at(at + 1); event && !batch.full; event = this.#hub.at(batch.position + 1)) batch.add(event);
    return batch.position > at ? this.#built(batch) : undefined;
  }

  /** @returns undefined where the stream ends here at the moment */
  async #fromStore(at: number): Promise<EventBatch | undefined> {
    if (at === this.#hub.head) return undefined;
    const giveBack = await this.#turns.take(this.#end.signal);
    if (!giveBack) return undefined;
    try {
      const from = Number.isSafeInteger(at) ? at : 0;
      const { events, head, oldest } = await this.#store.readEvents(from, PAGE);
      // An id beyond the head was given by another database, or by this one before it was put back to an earlier state.
      if (from !== at || from < oldest - 1 || from > head) return this.#reset(at, oldest, head);
      const batch = new BatchBuilder(at, this.#wants);
      for (const event of events) if (!batch.full) batch.add(toldEvent(event));
      return batch.position > at ? this.#built(batch) : undefined;
    } finally {
      giveBack();
    }
  }

  #built({ text, events, position }: BatchBuilder): EventBatch {
    this.#hub.noteSent(events);
    return { text, events, position };
  }

  /** Tells that what was asked for is not there, and goes on from now. */
  #reset(requested: number, oldest: number, head: number): EventBatch {
    this.#hub.noteReset();
    const data = {
      version: EVENT_VERSION,
      id: head,
      topic: 'reset',
      requested: Number.isSafeInteger(requested) ? requested : null,
      oldest,
    };
    return { text: frameOf(head, 'reset', data), events: 0, position: head };
  }

  /** Waits until the stream goes on. @returns false when it was closed */
  async #more(): Promise<boolean> {
    if (!this.#rung && !this.#end.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return !this.#end.signal.aborted;
  }
}

class BatchBuilder {
  readonly #wants: SubscriptionRequest['wants'];
  position: number;
  text = '';
  events = 0;

  constructor(position: number, wants: SubscriptionRequest['wants']) {
    this.position = position;
    this.#wants = wants;
  }

  get full(): boolean {
    return this.text.length >= BATCH_BYTES;
  }

  add(event: ToldEvent): void {
    if (event.position !== this.position + 1) throw new VigiliaError('INTERNAL', 'the stream of events has a hole');
    this.position = event.position;
    if (!this.#wants(event)) return;
    this.text += event.frame;
    this.events += 1;
  }
}
