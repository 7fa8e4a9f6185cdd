import { ACCOUNT_BOX, channelBox } from '../../src/machines/box-names.ts';
import type { LedgerEntry } from '../../src/machines/ledger.ts';
import { MessageBox } from '../../src/machines/message-box.ts';
import {
  type ChannelDifference,
  type ChatId,
  type ContainerOrder,
  type Difference,
  type Message,
  type Position,
  type TelegramUpdate,
  UNORDERED,
} from '../../src/ports.ts';

/** One thing that happened, with the place it took in its box. */
interface Happening {
  readonly serial: number;
  readonly update: TelegramUpdate;
  readonly end: number;
}

interface Container {
  readonly updates: readonly TelegramUpdate[];
  readonly order: ContainerOrder;
}

export interface WorldLimits {
  /** Happenings of a slice. */
  readonly slice: number;
  /** A box that is further behind than this is told that it is too long. */
  readonly tellsAtMost: number;
}

/** Who asked, and what he was told at that moment. */
interface Answer {
  give(nowMs: number): void;
}

const START = 10;

/**
 * A Telegram of one account that keeps everything in plain lists, a network that spoils what is pushed, and the ledger behind it. Whatever the ledger
 * lets out is checked at once: order, once, no position over a hole.
 */
export class LedgerWorld {
  readonly channels: readonly ChatId[];
  readonly ledger: MessageBox;
  readonly limits: WorldLimits;
  readonly counts = { happened: 0, applied: 0, gaps: 0, healed: 0, missing: 0, backfilled: 0, asked: 0 };
  nowMs = 0;
  readonly #log = new Map<string, Happening[]>();
  readonly #secrets: Happening[] = [];
  #seq = 1;
  readonly #applied = new Map<string, number[]>();
  /** Serials that came by a backfill, or that Telegram does not tell any more. */
  readonly #excused = new Set<number>();
  readonly #open = new Map<string, boolean>();
  #undelivered: Container[] = [];
  readonly #answers: Answer[] = [];
  readonly #asking = new Set<string>();

  constructor(channels: number, limits: WorldLimits) {
    this.channels = Array.from({ length: channels }, (_, index) => -1_000_000_000_001 - index);
    this.limits = limits;
    const positions: Position[] = [{ box: ACCOUNT_BOX, pts: START, qts: START, date: 1, seq: 1 }];
    for (const chatId of this.channels) positions.push({ box: channelBox(chatId), pts: START, qts: 0, date: 0, seq: 0 });
    for (const { box } of positions) this.#log.set(box, []);
    this.ledger = new MessageBox(positions, 0);
  }

  /** Something happens. @param where a number that says in which box @param count how many messages it touches */
  happen(where: number, count: number, ordered: boolean): void {
    const serial = this.counts.happened++;
    const at = where % (this.channels.length + 2);
    if (at === this.channels.length + 1) {
      const qts = START + this.#secrets.length + 1;
      this.#push(this.#secrets, { serial, update: { type: 'secret', qts }, end: qts }, ordered);
      return;
    }
    const chatId = this.channels[at] ?? -7;
    const box = at === this.channels.length ? ACCOUNT_BOX : channelBox(chatId);
    const log = this.#log.get(box) as Happening[];
    const pts = endOf(log) + count;
    const update: TelegramUpdate =
      count === 1
        ? { type: 'message', message: messageOf(chatId, serial, pts), edited: false, pts, ptsCount: 1 }
        : { type: 'deleted', chatId: box === ACCOUNT_BOX ? null : chatId, ids: [serial], pts, ptsCount: count };
    this.#push(log, { serial, update, end: pts }, ordered && box === ACCOUNT_BOX);
  }

  /** What was pushed and has not arrived meets its fate: it arrives, is lost, comes twice, or after all others. */
  deliver(fates: readonly ('pass' | 'drop' | 'twice' | 'late')[], joined: boolean): void {
    const arriving: Container[] = [];
    const late: Container[] = [];
    this.#undelivered.forEach((container, index) => {
      const fate = fates.length === 0 ? 'pass' : fates[index % fates.length];
      if (fate === 'drop') return;
      (fate === 'late' ? late : arriving).push(container);
      if (fate === 'twice') arriving.push(container);
    });
    this.#undelivered = [];
    for (const { updates, order } of joined ? join([...arriving, ...late.reverse()]) : [...arriving, ...late.reverse()]) {
      this.#take(this.ledger.process(updates, order, this.nowMs));
    }
  }

  /** The connection is cut, and made again: what was on its way is lost, what was asked for is never answered. */
  cut(): void {
    this.#undelivered = [];
    this.#answers.length = 0;
    this.#asking.clear();
    this.#take(this.ledger.suspect(null, 'connected', this.nowMs));
    const dialogs = this.channels.map((chatId) => ({ type: 'position' as const, chatId, pts: this.#endOf(channelBox(chatId)) }));
    this.#take(this.ledger.process(dialogs, UNORDERED, this.nowMs));
  }

  tooLong(where: number): void {
    const chatId = this.channels[where % (this.channels.length + 1)] ?? null;
    const pts = chatId === null || where % 2 === 0 ? null : this.#endOf(channelBox(chatId));
    this.#take(this.ledger.process([{ type: 'too-long', chatId, pts }], UNORDERED, this.nowMs));
  }

  poll(where: number): void {
    const chatId = this.channels[where % this.channels.length];
    if (chatId !== undefined) this.#take(this.ledger.suspect(chatId, 'poll', this.nowMs));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.#take(this.ledger.expire(this.nowMs));
  }

  /** Every box that misses something asks; the answers are on their way, as things are at this moment. */
  ask(): void {
    const since = this.ledger.position;
    if (this.ledger.recovering && since && !this.#asking.has(ACCOUNT_BOX)) {
      this.#asking.add(ACCOUNT_BOX);
      const difference = this.#difference(since);
      this.#answers.push({
        give: (now) => {
          this.#asking.delete(ACCOUNT_BOX);
          this.#take(this.ledger.applyDifference(since, difference, now).entries);
        },
      });
    }
    for (const chatId of this.ledger.recoveringChannels.keys()) this.#askChannel(chatId);
  }

  /** Answers arrive. */
  answer(count: number): void {
    for (const answer of this.#answers.splice(0, count)) answer.give(this.nowMs);
  }

  /** Everything that is on its way arrives, every box asks until it misses nothing. */
  settle(): void {
    this.deliver([], false);
    this.cut();
    for (let round = 0; this.ledger.recovering || this.ledger.recoveringChannels.size > 0; round++) {
      if (round === 200) throw new Error('it never settles');
      this.ask();
      this.answer(1_000);
      this.pass(600);
    }
  }

  /** @throws when what was let out is not what happened */
  check(): void {
    for (const [box, log] of this.#log) {
      const expected = log.map(({ serial }) => serial).filter((serial) => !this.#excused.has(serial));
      same(`${box}: what was applied`, this.#applied.get(box) ?? [], expected);
    }
    same(
      'secrets',
      this.#applied.get('secrets') ?? [],
      this.#secrets.map(({ serial }) => serial),
    );
    for (const [box, isOpen] of this.#open) if (isOpen) throw new Error(`the gap of ${box} was never healed`);
    for (const chatId of this.channels)
      same(`pts of ${chatId}`, [this.ledger.channelPts(chatId)], [this.#endOf(channelBox(chatId))]);
    const { pts, qts, seq } = this.ledger.position as Position;
    same('the account', [pts, qts, seq], [this.#endOf(ACCOUNT_BOX), START + this.#secrets.length, this.#seq]);
  }

  #endOf(box: string): number {
    return endOf(this.#log.get(box) ?? []);
  }

  #push(log: Happening[], happening: Happening, ordered: boolean): void {
    log.push(happening);
    if (ordered) this.#seq++;
    const order = ordered ? { seqStart: this.#seq, seq: this.#seq, date: this.#seq } : UNORDERED;
    this.#undelivered.push({ updates: [happening.update], order });
  }

  #difference(since: Position): Difference {
    this.counts.asked++;
    const log = (this.#log.get(ACCOUNT_BOX) as Happening[]).filter(({ end }) => end > since.pts);
    const secrets = this.#secrets.filter(({ end }) => end > since.qts);
    if (log.length > this.limits.tellsAtMost) {
      const skipped = log.slice(0, log.length - 2);
      for (const { serial } of skipped) this.#excused.add(serial);
      return { kind: 'too-long', pts: endOf(skipped) };
    }
    if (log.length + secrets.length === 0) return { kind: 'empty', date: this.#seq, seq: this.#seq };
    const told = log.slice(0, this.limits.slice);
    const final = told.length === log.length;
    const pts = told.at(-1)?.end ?? since.pts;
    const state = final
      ? { box: ACCOUNT_BOX, pts, qts: START + this.#secrets.length, date: this.#seq, seq: this.#seq }
      : { ...since, pts };
    const updates = [...told, ...(final ? secrets : [])].map(({ update }) => update);
    return { kind: 'difference', updates, channels: [], state, final };
  }

  #askChannel(chatId: ChatId): void {
    const box = channelBox(chatId);
    const since = this.ledger.channelPts(chatId) ?? 0;
    if (this.#asking.has(box)) return;
    this.#asking.add(box);
    const difference = this.#channelDifference(box, since);
    this.#answers.push({
      give: (now) => {
        this.#asking.delete(box);
        const { entries, next } = this.ledger.applyChannelDifference(chatId, since, difference, now);
        this.#take(entries);
        if (next.kind !== 'backfill') return;
        // The history is as it is now, which is later than the pts that it is taken for.
        for (const { serial, end } of this.#log.get(box) ?? []) if (end > since && end <= next.pts) this.#excused.add(serial);
        this.counts.backfilled++;
        this.#take(this.ledger.backfilled(chatId, next.pts, 1, 0, now));
      },
    });
  }

  #channelDifference(box: string, since: number): ChannelDifference {
    this.counts.asked++;
    const log = (this.#log.get(box) ?? []).filter(({ end }) => end > since);
    const timeoutS = null;
    if (log.length === 0) return { kind: 'empty', pts: since, final: true, timeoutS };
    if (log.length > this.limits.tellsAtMost) return { kind: 'too-long', pts: endOf(log), timeoutS };
    const told = log.slice(0, this.limits.slice);
    const updates = told.map(({ update }) => update);
    return { kind: 'difference', updates, channels: [], pts: endOf(told), final: told.length === log.length, timeoutS };
  }

  #take(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'update') this.#apply(entry.update);
      if (entry.kind === 'gap') this.#noteGap(entry.gap.box, true);
      if (entry.kind === 'healed') {
        this.#noteGap(entry.gap.box, false);
        this.counts.missing += entry.missing;
      }
      if ('position' in entry && entry.position) this.#checkPosition(entry.position);
    }
  }

  #noteGap(box: string, isOpen: boolean): void {
    if ((this.#open.get(box) ?? false) === isOpen) throw new Error(`the gap of ${box} is ${isOpen ? 'told of' : 'healed'} twice`);
    this.#open.set(box, isOpen);
    this.counts[isOpen ? 'gaps' : 'healed']++;
  }

  #apply(update: TelegramUpdate): void {
    this.counts.applied++;
    const [log, name] =
      update.type === 'secret' ? [this.#secrets, 'secrets'] : [this.#log.get(boxOf(update)) ?? [], boxOf(update)];
    const happening = log.find((one) => one.update === update);
    if (!happening) throw new Error(`${JSON.stringify(update)} never happened`);
    const applied = this.#applied.get(name) ?? [];
    const last = applied.at(-1);
    if (last !== undefined && last >= happening.serial) throw new Error(`${name}: ${happening.serial} comes after ${last}`);
    applied.push(happening.serial);
    this.#applied.set(name, applied);
  }

  /** All that a position stands for was let out before it. */
  #checkPosition({ box, pts, qts }: Position): void {
    this.#checkUpTo(box, this.#log.get(box) ?? [], pts);
    if (box === ACCOUNT_BOX) this.#checkUpTo('secrets', this.#secrets, qts);
  }

  #checkUpTo(name: string, log: readonly Happening[], end: number): void {
    const applied = new Set(this.#applied.get(name));
    for (const one of log) {
      if (one.end <= end && !applied.has(one.serial) && !this.#excused.has(one.serial)) {
        throw new Error(`${name} stands at ${end}, over ${one.serial}, which was never let out`);
      }
    }
  }
}

function endOf(log: readonly Happening[]): number {
  return log.at(-1)?.end ?? START;
}

function boxOf(update: TelegramUpdate): string {
  const chatId = update.type === 'message' ? update.message.chatId : 'chatId' in update ? update.chatId : null;
  return chatId === null || chatId === -7 ? ACCOUNT_BOX : channelBox(chatId);
}

function messageOf(chatId: ChatId, id: number, pts: number): Message {
  const rest = { editDate: null, kind: 'message', text: '', entities: [], fromId: null, replyToId: null } as const;
  return { chatId, id, date: 1, pts, views: null, media: null, raw: {}, ...rest };
}

/** Neighbours without a place in the sequence in one container, in the wrong order. */
function join(containers: readonly Container[]): Container[] {
  const out: Container[] = [];
  for (const container of containers) {
    const last = out.at(-1);
    if (last?.order === UNORDERED && container.order === UNORDERED) {
      out[out.length - 1] = { updates: [...container.updates, ...last.updates], order: UNORDERED };
    } else out.push(container);
  }
  return out;
}

function same(what: string, found: readonly unknown[], expected: readonly unknown[]): void {
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  throw new Error(`${what}: ${JSON.stringify(found)} in place of ${JSON.stringify(expected)}`);
}
