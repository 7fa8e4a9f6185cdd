import type { Clock } from '../../clock.ts';
import { LARGE_CHANNEL, nextPollAt, type PollState } from '../../machines/poll-schedule.ts';
import type { ChatId, Dialog } from '../../ports.ts';

/** The channels that Telegram may not push, and when each is asked next. */
export class Poller {
  readonly #clock: Clock;
  readonly #channels = new Map<ChatId, PollState>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The account's channels, as its dialogs have them: the large ones are asked from now on. */
  know(dialogs: readonly Dialog[]): void {
    for (const { channel } of dialogs) if ((channel.participants ?? 0) >= LARGE_CHANNEL) this.add(channel.chatId);
  }

  /** A channel turned out not to be pushed. */
  add(chatId: ChatId): void {
    if (this.#channels.has(chatId)) return;
    this.#channels.set(chatId, { askedAt: this.#clock.monotonic(), activeAt: undefined, timeoutS: null });
  }

  /** A channel was asked. */
  asked(chatId: ChatId, timeoutS: number | null): void {
    const state = this.#channels.get(chatId);
    if (state) this.#channels.set(chatId, { ...state, askedAt: this.#clock.monotonic(), timeoutS: timeoutS ?? state.timeoutS });
  }

  /** Something happened in a channel. */
  active(chatId: ChatId): void {
    const state = this.#channels.get(chatId);
    if (state) this.#channels.set(chatId, { ...state, activeAt: this.#clock.monotonic() });
  }

  /** When the next one is due; undefined when there is none. */
  get nextAt(): number | undefined {
    let next: number | undefined;
    for (const state of this.#channels.values()) next = Math.min(next ?? Number.POSITIVE_INFINITY, nextPollAt(state));
    return next;
  }

  /** @returns the channels that are due, which count as asked from now on */
  takeDue(): ChatId[] {
    const now = this.#clock.monotonic();
    const due = [...this.#channels].filter(([, state]) => nextPollAt(state) <= now).map(([chatId]) => chatId);
    for (const chatId of due) this.asked(chatId, null);
    return due;
  }
}
