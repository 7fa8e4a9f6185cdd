import type { Clock, Random, Timer } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ChannelBox } from './channel-box.ts';
import { generatedText } from './generated-text.ts';
import type { Happenings } from './happenings.ts';
import { between, pick } from './seeded.ts';

/** Of what happens live, this part edits a recent message, and this part deletes one. */
const EDITS = 0.08;
const DELETIONS = 0.02;
/** How far back edits and deletions reach. */
const RECENT = 50;
/** No timer is set shorter; at higher rates several things happen at once. */
const LEAST_INTERVAL_MS = 10;

/** Lets things happen at a steady rate: mostly posts, some edits, few deletions, in one channel after the other. */
export class LivePosting {
  readonly #happenings: Happenings;
  readonly #boxes: readonly ChannelBox[];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #rate: number;
  readonly #startedAt: number;
  #done = 0;
  #timer: Timer | undefined;

  /** @param ratePerSecond things that happen per second, over all channels; 0 for none */
  constructor(
    happenings: Happenings,
    boxes: readonly ChannelBox[],
    ratePerSecond: number,
    clock: Clock,
    random: Random,
    log: Log,
  ) {
    this.#happenings = happenings;
    this.#boxes = boxes;
    this.#rate = boxes.length === 0 ? 0 : ratePerSecond;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#startedAt = clock.monotonic();
    this.#schedule();
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#rate <= 0) return;
    const dueAt = this.#startedAt + ((this.#done + 1) * 1000) / this.#rate;
    this.#timer = this.#clock.setTimeout(() => this.#catchUp(), Math.max(LEAST_INTERVAL_MS, dueAt - this.#clock.monotonic()));
  }

  #catchUp(): void {
    const due = Math.floor(((this.#clock.monotonic() - this.#startedAt) * this.#rate) / 1000);
    // After a stall (a suspended machine) there is nothing to make up for.
    if (due - this.#done > this.#rate * 10 + 100) this.#done = due - 1;
    try {
      for (; this.#done < due; this.#done++) this.#happen(this.#boxes[this.#done % this.#boxes.length] as ChannelBox);
    } catch (error) {
      this.#log.error({ err: error }, 'simulator: live posting failed');
      this.#done = due;
    }
    this.#schedule();
  }

  #happen(box: ChannelBox): void {
    const chance = this.#random();
    const { text, entities } = generatedText(this.#random);
    if (chance < EDITS + DELETIONS && box.size > 1) {
      const message = box.at(between(this.#random, Math.max(0, box.size - RECENT), box.size - 1));
      if (chance < DELETIONS) this.#happenings.remove(box, [message.id]);
      else if (message.action === null) this.#happenings.edit(box, message.id, text, entities);
      return;
    }
    this.#happenings.post(box, { text, entities, ...this.#writer(box) });
  }

  /** Somebody who wrote in the group before. */
  #writer(box: ChannelBox): { readonly fromId?: number } {
    if (box.world.kind === 'channel' || box.size === 0) return {};
    const recent = Array.from({ length: Math.min(RECENT, box.size) }, (_, index) => box.at(box.size - 1 - index).from);
    const users = recent.flatMap((from) => (from?.kind === 'user' ? [from.id] : []));
    return users.length === 0 ? {} : { fromId: pick(this.#random, users) };
  }
}
