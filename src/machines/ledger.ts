import type { Position, TelegramUpdate } from '../ports.ts';

/** Why a box has to ask for what it missed: the first three know of a hole, the others have a look. */
export type GapReason = 'hole' | 'too-long' | 'overflow' | 'connected' | 'silence' | 'poll';

/** A box that has something missing, from where to where as far as one knows, in the box's pts. */
export interface Gap {
  readonly box: string;
  readonly reason: GapReason;
  /** By the clock of whoever asks, in ms. */
  readonly since: number;
  readonly from: number;
  readonly to: number | null;
}

/** What is to be written, in this order. */
export type LedgerEntry =
  | {
      readonly kind: 'update';
      readonly update: TelegramUpdate;
      /** Where the box stands with it; absent where that is not known before the difference is whole. */
      readonly position?: Position;
    }
  | {
      readonly kind: 'position';
      readonly position: Position;
      /** The box begins anew there, which may be further back than what is stored. */
      readonly anew?: true;
    }
  /** Something is missing. */
  | { readonly kind: 'gap'; readonly gap: Gap }
  /** Nothing is any more. */
  | {
      readonly kind: 'healed';
      readonly gap: Gap;
      readonly to: number;
      /** Updates that were brought. */
      readonly count: number;
      /** Messages among them that are known by their ids. */
      readonly ids: readonly number[];
      /** By how much pts moved over what Telegram does not tell any more. */
      readonly missing: number;
    };

/** What whoever asked for a difference does next. */
export type Next =
  | { readonly kind: 'live' }
  | { readonly kind: 'again'; readonly afterMs: number }
  /** Of channels: the history says what there is; then `backfilled`. */
  | { readonly kind: 'backfill'; readonly pts: number };

/** What a difference did to the ledger. */
export interface DifferenceStep {
  readonly entries: readonly LedgerEntry[];
  readonly next: Next;
}
