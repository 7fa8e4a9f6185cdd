import type { ChatId, TelegramUpdate } from '../../ports.ts';
import type { UpdateBatch } from './account-line.ts';

/** Updates that wait for the database, in the order in which they came. */
export class UpdateBacklog {
  readonly #most: number;
  readonly #batches: UpdateBatch[] = [];
  #updates = 0;

  /** @param most updates that may wait; beyond them the oldest batches give way */
  constructor(most: number) {
    this.#most = most;
  }

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** @returns whether older ones had to give way */
  push(batch: UpdateBatch): boolean {
    this.#batches.push(batch);
    this.#updates += batch.updates.length;
    let dropped = false;
    while (this.#updates > this.#most && this.#batches.length > 1) {
      this.#updates -= this.#batches.shift()?.updates.length ?? 0;
      dropped = true;
    }
    return dropped;
  }

  /** Gives back what was taken and could not be written: it is the oldest again. */
  putBack(batch: UpdateBatch): void {
    this.#batches.unshift(batch);
    this.#updates += batch.updates.length;
  }

  /** Joins the oldest batches into one of about `size` updates; of a channel that several of them name, the latest word counts. */
  take(size: number): UpdateBatch {
    const updates: TelegramUpdate[] = [];
    const channels = new Map<ChatId, UpdateBatch['channels'][number]>();
    while (updates.length < size) {
      const next = this.#batches.shift();
      if (!next) break;
      this.#updates -= next.updates.length;
      updates.push(...next.updates);
      for (const entry of next.channels) channels.set(entry.channel.chatId, entry);
    }
    return { updates, channels: [...channels.values()] };
  }
}
