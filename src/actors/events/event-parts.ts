import type { Clock } from '../../clock.ts';
import { isToldState } from '../../event-topics.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import { Nudge } from '../jobs/dispatcher.actor.ts';
import type { AccountLine } from '../telegram/account-line.ts';
import { Announcements, announcerSpec } from './announcer.actor.ts';
import { EventHub } from './event-hub.ts';
import { eventReaderSpec } from './event-reader.actor.ts';
import { EventSource } from './event-subscription.ts';
import { withBell } from './outbox-bell.ts';
import { sequencerSpec } from './sequencer.actor.ts';
import { SequencerRight } from './sequencer-right.ts';

/**
 * All that has to do with events in a process, and who tells whom: a commit rings the sequencer, what the sequencer has placed rings the
 * reader, what the reader brings wakes the subscribers. Each of them also looks by itself, since others write to the same database.
 */
export class EventParts<S extends Store> {
  /** The store that all others are given: what they commit is heard of at once. */
  readonly store: S;
  readonly source: EventSource;
  readonly sequencer: ChildSpec;
  readonly announcer: ChildSpec;
  readonly reader: ChildSpec;
  /** The right under which this process gives events their places. */
  readonly right: SequencerRight;
  /** Has the stream looked at now: another process is known to have let it grow. */
  readonly ring: () => void;
  /** Whether anybody listens here. */
  readonly isWanted: () => boolean;
  readonly #followers: (() => void)[] = [];
  readonly #announcements = new Announcements();

  /** @param owner who this process is in the sequencer's lease */
  constructor(store: S, { clock, log, owner }: { readonly clock: Clock; readonly log: Log; readonly owner: string }) {
    const committed = new Nudge();
    const placed = new Nudge();
    const hub = new EventHub(placed.ring);
    this.store = withBell(store, committed.ring);
    this.source = new EventSource(hub, store);
    this.right = new SequencerRight(owner);
    this.ring = placed.ring;
    this.isWanted = () => hub.wanted;
    const onPlaced = (): void => {
      placed.ring();
      for (const follower of this.#followers) follower();
    };
    this.sequencer = sequencerSpec(committed, { clock, log, store, owner, onPlaced, right: this.right });
    this.announcer = announcerSpec(this.#announcements, { clock, log, store: this.store });
    this.reader = { ...eventReaderSpec(placed, { clock, log, store, hub }), queued: () => this.source.behind };
  }

  /** @param onMore told when the stream has grown here, and when the right to let it grow comes or goes */
  follow(onMore: () => void): void {
    this.#followers.push(onMore);
    this.right.onChange(onMore);
  }

  /** Has the world told of each state that an account's connection comes to, and of Telegram's limits. @returns the line */
  announce(line: AccountLine): AccountLine {
    const { accountId } = line;
    line.onState(({ state, since, error }) => {
      if (!isToldState(state)) return;
      const why = { code: error?.code ?? null, reason: error?.message ?? null };
      this.#announcements.say({
        topic: `account.${state}`,
        payload: { accountId, state, since: new Date(since).toISOString(), ...why },
      });
    });
    line.onLimited(({ method, error }) => {
      this.#announcements.say({
        topic: 'account.limited',
        payload: { accountId, method, code: error.code, reason: error.message },
      });
    });
    return line;
  }
}
