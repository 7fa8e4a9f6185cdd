import { VigiliaError } from '../../errors.ts';
import type { CutReason, EventFigures, StreamEvent } from '../../ports.ts';
import { EventTail } from './event-tail.ts';
import { type ToldEvent, toldEvent } from './told-event.ts';

/** Events kept for those who follow closely, and their size in UTF-16 code units. */
const TAIL_EVENTS = 10_000;
const TAIL_BYTES = 16 * 2 ** 20;

/**
 * Where the events of a process come together: one reader brings them, each is made into text once, and all subscribers share it.
 * It outlives the reader's lives.
 */
export class EventHub {
  readonly #tail = new EventTail(TAIL_EVENTS, TAIL_BYTES);
  readonly #followers = new Set<() => void>();
  readonly #onWanted: () => void;
  #known = false;
  #sent = 0;
  #resets = 0;
  readonly #cutOffs: Record<CutReason, number> = {
    slow: 0,
    stopping: 0,
    'store-unavailable': 0,
    'token-revoked': 0,
    'token-expired': 0,
  };

  /** @param onWanted told when somebody begins to listen */
  constructor(onWanted: () => void) {
    this.#onWanted = onWanted;
  }

  /** The position up to which everything has come; undefined where that is not known (any more). */
  get head(): number | undefined {
    return this.#known ? this.#tail.head : undefined;
  }

  /** Whether anybody listens: where nobody does, nothing has to be read. */
  get wanted(): boolean {
    return this.#followers.size > 0;
  }

  get figures(): EventFigures {
    return { subscribers: this.#followers.size, sent: this.#sent, cutOffs: { ...this.#cutOffs }, resets: this.#resets };
  }

  /** @returns the event at a position; undefined where it is to be read from the store */
  at(position: number): ToldEvent | undefined {
    return this.#known ? this.#tail.at(position) : undefined;
  }

  /** The stream stands here, and what is before it has to be read from the store. */
  begin(head: number): void {
    this.#tail.begin(head);
    this.#known = true;
    this.#tellAll();
  }

  /** What is brought from now on does not follow on what there is. */
  forget(): void {
    this.#tail.begin(0);
    this.#known = false;
  }

  /** The stream went on. @throws INTERNAL where the events do not follow on the head */
  append(events: readonly StreamEvent[]): void {
    const [first] = events;
    if (first === undefined) return;
    if (!this.#known || first.position !== this.#tail.head + 1)
      throw new VigiliaError('INTERNAL', 'the stream of events has a hole');
    this.#tail.append(events.map(toldEvent));
    this.#tellAll();
  }

  /** @param onMore told whenever the stream went on @returns ends it */
  join(onMore: () => void): () => void {
    // A function of its own for each, so that one who joins twice counts twice.
    const follower = (): void => onMore();
    this.#followers.add(follower);
    this.#onWanted();
    return () => this.#followers.delete(follower);
  }

  noteSent(events: number): void {
    this.#sent += events;
  }

  noteReset(): void {
    this.#resets += 1;
  }

  noteCutOff(reason: CutReason): void {
    this.#cutOffs[reason] += 1;
  }

  #tellAll(): void {
    for (const follower of this.#followers) follower();
  }
}
