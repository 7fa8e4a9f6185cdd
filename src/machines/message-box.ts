import type { ChannelDifference, ChatId, ContainerOrder, Difference, Position, TelegramUpdate } from '../ports.ts';
import { ACCOUNT_BOX, channelBox, channelOf } from './box-names.ts';
import type { DifferenceStep, Gap, GapReason, LedgerEntry } from './ledger.ts';
import { UpdateSequence } from './update-sequence.ts';

/** How long something that came too early waits for what is before it, in ms (Telegram's own advice). */
export const GAP_WAIT_MS = 500;
/** After this long without a word the account is asked whether something was missed, in ms (Telegram's own advice). */
export const SILENCE_MS = 900_000;
/** Updates that one box holds back at most; beyond them it is asked for them again. */
const MOST_HELD = 1_000;
/** How often in vain it is asked again what Telegram calls complete though it told of more, and the first pause before that, in ms. */
const TRIES_IN_VAIN = 5;
const PAUSE_IN_VAIN_MS = 500;
/** Where a channel stands before anything has happened in it; 0 is no place to ask from. */
const FIRST_PTS = 1;
const SEQUENCE = { waitMs: GAP_WAIT_MS, mostHeld: MOST_HELD };
/** Reasons that know of no hole, and only have a look. */
const SUSPICIONS: ReadonlySet<GapReason> = new Set<GapReason>(['connected', 'silence', 'poll']);
/** Ids that a healed gap names at most; the count is of all. */
const IDS_NAMED = 100;

interface Recovery {
  gap: Gap;
  /** The gap was told of. */
  told: boolean;
  count: number;
  readonly ids: number[];
  missing: number;
  triesInVain: number;
  /** Where the box's counters stood when it was asked the last time. */
  stoodAt: readonly (number | undefined)[];
}

/** A box: its counters (a channel has one, the account three), and what it asks for. */
interface Box {
  readonly name: string;
  /** Undefined for the account's. */
  readonly chatId?: ChatId;
  readonly counters: readonly UpdateSequence<never>[];
  recovery: Recovery | undefined;
}

interface ChannelBox extends Box {
  readonly chatId: ChatId;
  readonly pts: UpdateSequence<TelegramUpdate>;
}

/**
 * The ledger of one account: what Telegram tells, in the order in which it happened, each thing once, and what is missing. It knows neither
 * time nor network: the time is passed in (ms of a clock that only grows), and what it hands out is to be written in the order given.
 * A box that asks for what it misses holds back whatever comes (1,000 updates at most, the difference brings the others) until it was told.
 * @see https://core.telegram.org/api/updates
 */
export class MessageBox {
  readonly #pts: UpdateSequence<TelegramUpdate>;
  readonly #qts: UpdateSequence<TelegramUpdate>;
  readonly #seq: UpdateSequence<ContainerOrder>;
  readonly #account: Box;
  readonly #channels = new Map<ChatId, ChannelBox>();
  /** Those of them where something is held back or asked for. */
  readonly #unsettled = new Map<ChatId, ChannelBox>();
  readonly #ignored = new Set<ChatId>();
  #date: number;
  #silentAt: number;
  #out: LedgerEntry[] = [];

  /** @param positions as they were stored; without the account's, {@link MessageBox.adopt} says where it begins */
  constructor(positions: readonly Position[], nowMs: number) {
    const account = positions.find(({ box }) => box === ACCOUNT_BOX);
    const releaseUpdate = (update: TelegramUpdate): void => {
      this.#out.push({ kind: 'update', update, position: this.position as Position });
    };
    this.#pts = new UpdateSequence(account?.pts, SEQUENCE, releaseUpdate);
    this.#qts = new UpdateSequence(account?.qts, SEQUENCE, releaseUpdate);
    this.#seq = new UpdateSequence<ContainerOrder>(account?.seq, SEQUENCE, ({ date }) => {
      this.#date = Math.max(this.#date, date);
      this.#out.push({ kind: 'position', position: this.position as Position });
    });
    this.#account = { name: ACCOUNT_BOX, counters: [this.#pts, this.#qts, this.#seq] as never, recovery: undefined };
    this.#date = account?.date ?? 0;
    this.#silentAt = nowMs + SILENCE_MS;
    for (const { box, pts } of positions) {
      const chatId = /^channel:(-\d+)$/.exec(box)?.[1];
      if (chatId !== undefined) this.#addChannel(Number(chatId), pts);
    }
  }

  /** Where the account stands; undefined before anybody knows. */
  get position(): Position | undefined {
    const pts = this.#pts.value;
    if (pts === undefined) return undefined;
    return { box: ACCOUNT_BOX, pts, qts: this.#qts.value ?? 0, date: this.#date, seq: this.#seq.value ?? 0 };
  }

  /** @returns where a channel stands; undefined for one that nothing is known of */
  channelPts(chatId: ChatId): number | undefined {
    return this.#channels.get(chatId)?.pts.value;
  }

  /** What the account asks for now; undefined when it asks for nothing. */
  get recovering(): Gap | undefined {
    return this.#account.recovery?.gap;
  }

  /** What the channels ask for now. */
  get recoveringChannels(): ReadonlyMap<ChatId, Gap> {
    const found = new Map<ChatId, Gap>();
    for (const [chatId, { recovery }] of this.#unsettled) if (recovery) found.set(chatId, recovery.gap);
    return found;
  }

  /** When {@link MessageBox.expire} has something to do next. */
  get nextDeadline(): number {
    let next = this.#silentAt;
    for (const box of [this.#account, ...this.#unsettled.values()]) {
      for (const { deadline } of box.counters) next = Math.min(next, deadline ?? next);
    }
    return next;
  }

  /** Channels whose updates are not wanted; those of all others are. What one missed is found by its dialog when it is wanted again. */
  ignore(chatIds: Iterable<ChatId>): LedgerEntry[] {
    this.#ignored.clear();
    for (const chatId of chatIds) {
      this.#ignored.add(chatId);
      const channel = this.#channels.get(chatId);
      if (!channel) continue;
      if (channel.recovery) this.#heal(channel, channel.recovery);
      this.#addChannel(chatId, channel.pts.value ?? 0);
      this.#unsettled.delete(chatId);
    }
    return this.#take();
  }

  /** Begins where the account stands, when nothing was known of it before. */
  adopt(position: Position, nowMs: number): LedgerEntry[] {
    if (this.#pts.value === undefined) this.#settle(position, nowMs);
    this.#checkOverflow(nowMs);
    return this.#take();
  }

  /**
   * Telegram's count is behind ours, which it never is of one account: ours was another's, and whatever comes would be taken for known. It begins
   * anew where Telegram stands, with a gap that is told of: what was before is not known.
   */
  restart(position: Position, nowMs: number): LedgerEntry[] {
    if (this.#pts.value === undefined) return [];
    this.#pts.restart(position.pts);
    this.#qts.restart(position.qts);
    this.#seq.restart(position.seq);
    this.#date = position.date;
    this.#out.push({ kind: 'position', position: this.position as Position, anew: true });
    this.#ask(this.#account, 'hole', null, nowMs);
    return this.#take();
  }

  /**
   * Telegram does not know the place at which a channel is taken to stand: it begins anew before all that it can tell, so that whatever it has is
   * looked at again.
   */
  restartChannel(chatId: ChatId): LedgerEntry[] {
    const channel = this.#channels.get(chatId);
    if (!channel?.recovery) return [];
    const { recovery } = channel;
    this.#tell(recovery);
    // Counted from a place that there is not.
    recovery.gap = { ...recovery.gap, to: null };
    recovery.stoodAt = [FIRST_PTS];
    channel.pts.restart(FIRST_PTS);
    this.#out.push({ kind: 'position', position: channelPosition(channel.name, FIRST_PTS), anew: true });
    return this.#take();
  }

  /** Takes a container in. */
  process(updates: readonly TelegramUpdate[], order: ContainerOrder, nowMs: number): LedgerEntry[] {
    if (updates.some(({ type }) => type !== 'position')) this.#silentAt = nowMs + SILENCE_MS;
    const known = this.#seq.value;
    if (order.seq > 0 && known !== undefined && order.seqStart <= known) return [];
    for (const update of inOrder(updates)) this.#route(update, nowMs);
    if (order.seq > 0) this.#seq.offer(order.seq, order.seq - order.seqStart + 1, order, nowMs);
    this.#checkOverflow(nowMs);
    return this.#take();
  }

  /** Something held back has waited long enough, or nobody has said anything for long. */
  expire(nowMs: number): LedgerEntry[] {
    if (this.#silentAt <= nowMs) {
      this.#silentAt = nowMs + SILENCE_MS;
      if (this.#pts.value !== undefined) this.#ask(this.#account, 'silence', null, nowMs);
    }
    for (const box of [this.#account, ...this.#unsettled.values()]) {
      const due = box.counters.some(({ deadline }) => deadline !== undefined && deadline <= nowMs);
      if (due) this.#ask(box, 'hole', box.counters[0]?.furthest ?? null, nowMs);
    }
    return this.#take();
  }

  /**
   * Has a box ask whether it missed something. One of which nothing is known, or that is not wanted, has nothing to ask.
   * @param chatId null for the account's box
   */
  suspect(chatId: ChatId | null, reason: GapReason, nowMs: number): LedgerEntry[] {
    if (chatId === null) {
      if (this.#pts.value !== undefined) this.#ask(this.#account, reason, null, nowMs);
    } else {
      const channel = this.#channels.get(chatId);
      if (channel && !this.#ignored.has(chatId)) this.#ask(channel, reason, null, nowMs);
    }
    return this.#take();
  }

  /** What the account had missed, as asked for from `since`. */
  applyDifference(since: Position, difference: Difference, nowMs: number): DifferenceStep {
    const { recovery } = this.#account;
    const at = this.position;
    if (!recovery || !at) return { entries: [], next: { kind: 'live' } };
    if (since.pts !== at.pts || since.qts !== at.qts) return { entries: [], next: { kind: 'again', afterMs: 0 } };
    this.#silentAt = nowMs + SILENCE_MS;
    if (difference.kind === 'too-long') {
      this.#tell(recovery);
      recovery.missing += Math.max(0, difference.pts - at.pts);
      this.#settle({ ...at, pts: difference.pts }, nowMs);
      return { entries: this.#take(), next: { kind: 'again', afterMs: 0 } };
    }
    if (difference.kind === 'empty') {
      this.#settle({ ...at, date: difference.date, seq: difference.seq }, nowMs);
      return this.#finish(this.#account, recovery, nowMs);
    }
    for (const update of difference.updates) {
      // Channels have their own counters, and their own differences.
      if (channelOf(update) === null) this.#bring(recovery, update);
      else this.#route(update, nowMs);
    }
    this.#settle(difference.state, nowMs);
    if (!difference.final) return { entries: this.#take(), next: { kind: 'again', afterMs: 0 } };
    return this.#finish(this.#account, recovery, nowMs);
  }

  /** What a channel had missed, as asked for from the pts `since`. */
  applyChannelDifference(chatId: ChatId, since: number, difference: ChannelDifference, nowMs: number): DifferenceStep {
    const channel = this.#channels.get(chatId);
    if (!channel?.recovery) return { entries: [], next: { kind: 'live' } };
    const { pts, recovery } = channel;
    if (since !== pts.value) return { entries: [], next: { kind: 'again', afterMs: 0 } };
    if (difference.kind === 'too-long') {
      this.#tell(recovery);
      return { entries: this.#take(), next: { kind: 'backfill', pts: difference.pts } };
    }
    if (difference.kind === 'difference') for (const update of difference.updates) this.#bring(recovery, update);
    this.#moveChannel(channel, difference.pts, nowMs);
    if (!difference.final) return { entries: this.#take(), next: { kind: 'again', afterMs: 0 } };
    const step = this.#finish(channel, recovery, nowMs);
    this.#noteUnsettled(channel);
    return step;
  }

  /**
   * A channel's history was read and written as it was at this pts, or later: what happened since is asked for from there.
   * @param count how many messages that changed
   * @param missing what may have changed and could not be looked at
   */
  backfilled(chatId: ChatId, pts: number, count: number, missing: number, nowMs: number): LedgerEntry[] {
    const channel = this.#channels.get(chatId);
    if (!channel?.recovery) return [];
    channel.recovery.count += count;
    channel.recovery.missing += missing;
    this.#moveChannel(channel, pts, nowMs);
    return this.#take();
  }

  #addChannel(chatId: ChatId, value: number): ChannelBox {
    const name = channelBox(chatId);
    const pts = new UpdateSequence<TelegramUpdate>(value, SEQUENCE, (update, after) => {
      this.#out.push({ kind: 'update', update, position: channelPosition(name, after) });
    });
    const channel: ChannelBox = { name, chatId, pts, counters: [pts] as never, recovery: undefined };
    this.#channels.set(chatId, channel);
    return channel;
  }

  #route(update: TelegramUpdate, nowMs: number): void {
    const chatId = channelOf(update);
    if (chatId !== null) {
      if (!this.#ignored.has(chatId)) this.#routeToChannel(chatId, update, nowMs);
    } else if (update.type === 'too-long') {
      if (this.#pts.value !== undefined) this.#ask(this.#account, 'too-long', null, nowMs);
    } else if (update.type === 'secret') this.#offer(this.#qts, update.qts, 1, update, nowMs);
    else if ('ptsCount' in update) this.#offer(this.#pts, update.pts, update.ptsCount, update, nowMs);
  }

  #routeToChannel(chatId: ChatId, update: TelegramUpdate, nowMs: number): void {
    if (update.type === 'views') this.#out.push({ kind: 'update', update });
    if (!('pts' in update) || update.pts === null) {
      const channel = this.#channels.get(chatId);
      if (update.type === 'too-long' && channel) this.#ask(channel, 'too-long', null, nowMs);
      return;
    }
    const channel =
      this.#channels.get(chatId) ?? this.#beginAt(chatId, update.pts - ('ptsCount' in update ? update.ptsCount : 0));
    if ('ptsCount' in update) this.#offer(channel.pts, update.pts, update.ptsCount, update, nowMs);
    else if (update.pts > (channel.pts.value ?? 0)) {
      this.#ask(channel, update.type === 'too-long' ? 'too-long' : 'hole', update.pts, nowMs);
    }
    this.#noteUnsettled(channel);
  }

  /** Nothing is known of the channel: it begins here. What was before is its history. */
  #beginAt(chatId: ChatId, pts: number): ChannelBox {
    const channel = this.#addChannel(chatId, pts);
    this.#out.push({ kind: 'position', position: channelPosition(channel.name, pts) });
    return channel;
  }

  /** Telegram leaves some counters at 0: such updates come in no order. */
  #offer(to: UpdateSequence<TelegramUpdate>, end: number, count: number, update: TelegramUpdate, nowMs: number): void {
    if (end === 0) this.#out.push({ kind: 'update', update });
    else to.offer(end, count, update, nowMs);
  }

  #noteUnsettled({ chatId }: Box): void {
    const channel = chatId === undefined ? undefined : this.#channels.get(chatId);
    if (!channel) return;
    if (channel.recovery || channel.pts.holds) this.#unsettled.set(channel.chatId, channel);
    else this.#unsettled.delete(channel.chatId);
  }

  #moveChannel({ name, pts: counter }: ChannelBox, pts: number, nowMs: number): void {
    this.#out.push({ kind: 'position', position: channelPosition(name, Math.max(pts, counter.value ?? 0)) });
    counter.moveTo(pts, nowMs);
  }

  /** The account stands here: what is held back and follows is let out, unless it still asks. */
  #settle({ pts, qts, date, seq }: Position, nowMs: number): void {
    this.#date = Math.max(this.#date, date);
    const position = {
      box: ACCOUNT_BOX,
      pts: Math.max(pts, this.#pts.value ?? 0),
      qts: Math.max(qts, this.#qts.value ?? 0),
      date: this.#date,
      seq: Math.max(seq, this.#seq.value ?? 0),
    };
    this.#out.push({ kind: 'position', position });
    this.#seq.moveTo(seq, nowMs);
    this.#qts.moveTo(qts, nowMs);
    this.#pts.moveTo(pts, nowMs);
  }

  #bring(recovery: Recovery, update: TelegramUpdate): void {
    if (update.type === 'other') return;
    this.#tell(recovery);
    recovery.count++;
    const ids = update.type === 'message' ? [update.message.id] : 'ids' in update ? update.ids : [];
    for (const id of ids) {
      if (recovery.ids.length < IDS_NAMED && !recovery.ids.includes(id)) recovery.ids.push(id);
    }
    this.#out.push({ kind: 'update', update });
  }

  /** A hole is told of once; what was only looked for is none until something was found, and a poll is there to find something. */
  #tell(recovery: Recovery): void {
    if (recovery.told || recovery.gap.reason === 'poll') return;
    recovery.told = true;
    this.#out.push({ kind: 'gap', gap: recovery.gap });
  }

  #ask(box: Box, reason: GapReason, to: number | null, nowMs: number): void {
    const isKnown = !SUSPICIONS.has(reason);
    const before = box.recovery;
    if (before) {
      const { gap } = before;
      const worse = isKnown && SUSPICIONS.has(gap.reason);
      before.gap = { ...gap, to: to === null ? gap.to : Math.max(to, gap.to ?? 0), reason: worse ? reason : gap.reason };
      if (worse) this.#tell(before);
      return;
    }
    const gap: Gap = { box: box.name, reason, since: nowMs, from: box.counters[0]?.value ?? 0, to };
    const stoodAt = box.counters.map(({ value }) => value);
    box.recovery = { gap, told: false, count: 0, ids: [], missing: 0, triesInVain: 0, stoodAt };
    for (const counter of box.counters) counter.freeze();
    this.#noteUnsettled(box);
    if (isKnown) this.#tell(box.recovery);
  }

  /**
   * Telegram says that this was all. It may be wrong: not each of its servers knows at once of what another one pushed. So it is asked again where
   * it told of more before, and believed in the end.
   */
  #finish(box: Box, recovery: Recovery, nowMs: number): DifferenceStep {
    const stoodAt = box.counters.map(({ value }) => value);
    const movedOn = stoodAt.some((value, at) => value !== recovery.stoodAt[at]);
    const reached = stoodAt[0] ?? 0;
    const short = (recovery.gap.to ?? 0) > reached;
    const stuck = box.counters.some(({ blocked, value }, at) => blocked && value === recovery.stoodAt[at]);
    if (short || stuck || box.counters.some(({ overflowed }) => overflowed)) {
      if (movedOn) recovery.triesInVain = 0;
      recovery.stoodAt = stoodAt;
      const tried = recovery.triesInVain;
      if (movedOn) return { entries: this.#take(), next: { kind: 'again', afterMs: 0 } };
      if (tried < TRIES_IN_VAIN) {
        recovery.triesInVain++;
        return { entries: this.#take(), next: { kind: 'again', afterMs: PAUSE_IN_VAIN_MS * 2 ** tried } };
      }
      for (const counter of box.counters) if (counter.blocked) recovery.missing += counter.skip();
    }
    this.#heal(box, recovery);
    for (const counter of box.counters) counter.thaw(nowMs);
    return { entries: this.#take(), next: { kind: 'live' } };
  }

  #heal(box: Box, recovery: Recovery): void {
    box.recovery = undefined;
    if (!recovery.told) return;
    const { gap, count, ids, missing } = recovery;
    this.#out.push({ kind: 'healed', gap, to: box.counters[0]?.value ?? gap.from, count, ids, missing });
  }

  #checkOverflow(nowMs: number): void {
    if (this.#pts.value !== undefined && this.#account.counters.some(({ overflowed }) => overflowed)) {
      this.#ask(this.#account, 'overflow', this.#pts.furthest ?? null, nowMs);
    }
    for (const channel of this.#unsettled.values()) {
      if (channel.pts.overflowed) this.#ask(channel, 'overflow', channel.pts.furthest ?? null, nowMs);
    }
  }

  #take(): LedgerEntry[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

/** A channel's position has no date and no other counters; whoever writes it may say when. */
function channelPosition(box: string, pts: number): Position {
  return { box, pts, qts: 0, date: 0, seq: 0 };
}

/** A container's updates come in no order, but a box that begins with one of them has to begin with the first. */
function inOrder(updates: readonly TelegramUpdate[]): TelegramUpdate[] {
  if (updates.length < 2) return [...updates];
  const start = (update: TelegramUpdate): number =>
    'ptsCount' in update ? update.pts - update.ptsCount : update.type === 'secret' ? update.qts - 1 : 0;
  return [...updates].sort((a, b) => start(a) - start(b));
}
