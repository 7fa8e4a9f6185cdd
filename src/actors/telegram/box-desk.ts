import type { MessageBox } from '../../machines/message-box.ts';
import type { ChatId } from '../../ports.ts';
import type { UpdateBatch } from './account-line.ts';
import type { BoxStep } from './box-order.ts';
import { BoxQueue } from './box-queue.ts';

/** Pushed updates that may wait for the database; beyond them the oldest give way, and are asked for again. */
const MOST_WAITING = 20_000;

/**
 * Where the account's ledger is spoken to: it outlives the lives of the box, which takes what waits here one after the other. So nobody else
 * touches the ledger, and what is written is in one order.
 */
export class BoxDesk {
  readonly queue = new BoxQueue(MOST_WAITING);
  /** Who waits for a channel's feed. */
  readonly #settling = new Map<ChatId, (() => void)[]>();
  #wake: () => void = () => {};

  push(batch: UpdateBatch): void {
    this.queue.push(batch);
    this.#wake();
  }

  /** Does something with the ledger in its turn. @returns what it gave, once it is written */
  ask<T>(run: (ledger: MessageBox, nowMs: number) => BoxStep<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.queue.order({ run, resolve: resolve as (result: unknown) => void, reject });
      this.#wake();
    });
  }

  /** Whoever takes what waits is called when there is more. */
  onMore(wake: () => void): void {
    this.#wake = wake;
  }

  /** Resolves when the feed of a channel is live, or has said that it cannot be soon. */
  settled(chatId: ChatId): Promise<void> {
    return new Promise((resolve) => this.#settling.set(chatId, [...(this.#settling.get(chatId) ?? []), resolve]));
  }

  settle(chatId: ChatId): void {
    for (const resolve of this.#settling.get(chatId) ?? []) resolve();
    this.#settling.delete(chatId);
  }
}
