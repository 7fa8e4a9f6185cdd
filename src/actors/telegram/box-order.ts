import type { LedgerEntry } from '../../machines/ledger.ts';
import type { MessageBox } from '../../machines/message-box.ts';
import type { ChatId, Message, ResolvedChannel } from '../../ports.ts';

/** A part of a channel's history: what is stored of the range and is not in it was deleted. */
export interface HistoryPart {
  readonly kind: 'history';
  readonly chatId: ChatId;
  /** Ids, both ends in it. */
  readonly range: { readonly from: number; readonly to: number };
  /** Newest first. */
  readonly messages: readonly Message[];
  /** Told how many messages changed by it, once it is written; where it had to be written in pieces, of each. */
  readonly written: (changed: number) => void;
}

/** What is written, in this order. */
export type BoxEntry = LedgerEntry | HistoryPart;

/** What an order makes of the ledger. */
export interface BoxStep<T> {
  readonly entries: readonly BoxEntry[];
  readonly channels?: readonly ResolvedChannel[];
  readonly result: T;
}

/** Something that somebody does with the ledger, in its turn. */
export interface BoxOrder {
  /** @param nowMs by the clock that the ledger goes by */
  readonly run: (ledger: MessageBox, nowMs: number) => BoxStep<unknown>;
  /** What the step gave; told when it is written, and everything before it. */
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}
