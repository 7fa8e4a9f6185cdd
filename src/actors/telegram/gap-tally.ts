import type { Clock } from '../../clock.ts';
import { ACCOUNT_BOX } from '../../machines/box-names.ts';
import type { Gap } from '../../machines/ledger.ts';
import type { AccountHealth, GapCounts, OpenGap } from '../../ports.ts';
import { Seen } from '../seen.ts';

/** Gaps that a report names. */
const NAMED = 10;

type Kind = 'account' | 'channel';

/** The gaps of an account that are open now, and what became of the others. */
export class GapTally {
  readonly #clock: Clock;
  /** By box, oldest first, with when it was found. */
  readonly #open = new Map<string, Gap & { readonly found: Seen }>();
  readonly #counts: Record<Kind, { -readonly [K in keyof GapCounts]: GapCounts[K] }> = {
    account: { detected: 0, healed: 0, missing: 0 },
    channel: { detected: 0, healed: 0, missing: 0 },
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Those that have a gap now. */
  get boxes(): string[] {
    return [...this.#open.keys()];
  }

  open(gap: Gap): void {
    // A box that begins another life finds its gap again.
    const before = this.#open.get(gap.box);
    if (!before) this.#counts[kindOf(gap.box)].detected++;
    const found = before?.found ?? new Seen(this.#clock);
    if (!before) found.note();
    this.#open.set(gap.box, { ...gap, found });
  }

  heal(box: string, missing: number): void {
    if (this.#open.delete(box)) this.#counts[kindOf(box)].healed++;
    this.miss(box, missing);
  }

  miss(box: string, missing: number): void {
    this.#counts[kindOf(box)].missing += missing;
  }

  report(): Pick<AccountHealth, 'gaps' | 'openGaps' | 'gapCounts'> {
    const openGaps: OpenGap[] = [...this.#open.values()]
      .slice(0, NAMED)
      .map(({ box, found, reason, from, to }) => ({ box, ageMs: found.ageMs ?? 0, reason, from, to }));
    const gapCounts = { account: { ...this.#counts.account }, channel: { ...this.#counts.channel } };
    return { gaps: this.#open.size, ...(openGaps.length > 0 ? { openGaps } : {}), gapCounts };
  }
}

function kindOf(box: string): Kind {
  return box === ACCOUNT_BOX ? 'account' : 'channel';
}
