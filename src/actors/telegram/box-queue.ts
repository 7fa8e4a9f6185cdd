import { channelOf } from '../../machines/box-names.ts';
import type { ChatId } from '../../ports.ts';
import type { UpdateBatch } from './account-line.ts';
import type { BoxOrder } from './box-order.ts';

type Item = { readonly batch: UpdateBatch } | { readonly order: BoxOrder };

/** What waits for an account's ledger, in the order in which it came: pushed containers, and orders of those who know more. */
export class BoxQueue {
  readonly #most: number;
  readonly #items: Item[] = [];
  #updates = 0;
  readonly #lost = new Set<ChatId | null>();

  /** @param most pushed updates that may wait; beyond them the oldest containers give way */
  constructor(most: number) {
    this.#most = most;
  }

  /** Pushed updates and orders that wait. */
  get size(): number {
    return this.#updates + this.#items.filter((item) => 'order' in item).length;
  }

  get empty(): boolean {
    return this.#items.length === 0 && this.#lost.size === 0;
  }

  push(batch: UpdateBatch): void {
    this.#items.push({ batch });
    this.#updates += batch.updates.length;
    for (let at = 0; this.#updates > this.#most && at < this.#items.length - 1; ) {
      const item = this.#items[at];
      if (item && 'batch' in item) {
        this.#items.splice(at, 1);
        this.#giveWay(item.batch);
      } else at++;
    }
  }

  /** Orders do not give way: who gave one waits for it. */
  order(order: BoxOrder): void {
    this.#items.push({ order });
  }

  take(): Item | undefined {
    const item = this.#items.shift();
    if (item && 'batch' in item) this.#updates -= item.batch.updates.length;
    return item;
  }

  /** The boxes of what gave way since this was asked the last time; null is the account's own. */
  takeLost(): (ChatId | null)[] {
    const lost = [...this.#lost];
    this.#lost.clear();
    return lost;
  }

  #giveWay({ updates, order }: UpdateBatch): void {
    this.#updates -= updates.length;
    if (order.seq > 0) this.#lost.add(null);
    for (const update of updates) if (update.type !== 'other') this.#lost.add(channelOf(update));
  }
}
