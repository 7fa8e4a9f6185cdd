import { type Clock, pause, type Random } from '../../clock.ts';
import { toVigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { ptsVerdict } from '../../machines/pts.ts';
import type { Cache, ChatId, Message, Position, Store, TelegramUpdate } from '../../ports.ts';
import { type ChildSpec, task } from '../actor.ts';
import { forgetWindow } from '../cache/forget-window.ts';
import type { AccountLine, UpdateBatch } from './account-line.ts';
import { UpdateBacklog } from './update-backlog.ts';

/** Updates that may wait for the database, in updates; beyond them the oldest give way, and the gap is told. */
const MAX_WAITING = 20_000;
/** Updates of one transaction. */
const MAX_BATCH = 200;
const RETRY: BackoffPolicy = { baseMs: 500, capMs: 10_000 };

export interface UpdatesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: Store;
  readonly cache: Cache;
}

/**
 * Stores what Telegram pushes: messages, edits and deletions of channels, each batch in one transaction with the positions it moves.
 * A position moves only over updates that follow without a hole, so that whoever heals gaps later knows where each begins.
 */
export function updatesSpec(line: AccountLine, deps: UpdatesDeps): ChildSpec {
  // Of the account, not of one life: what waits when a life ends is written by the next one.
  const waiting = new UpdateBacklog(MAX_WAITING);
  let wake: () => void = () => {};
  line.onUpdates((batch) => {
    if (waiting.push(batch)) line.noteGap('account');
    wake();
  });
  return {
    id: 'updates',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        signal.addEventListener('abort', () => wake(), { once: true });
        life.ready();
        await new UpdateWriter(line, deps, signal).run(waiting, () => {
          if (!waiting.empty || signal.aborted) return Promise.resolve();
          return new Promise<void>((resolve) => {
            wake = resolve;
          });
        });
      }),
    }),
  };
}

class UpdateWriter {
  readonly #line: AccountLine;
  readonly #deps: UpdatesDeps;
  readonly #signal: AbortSignal;
  /** pts by box, as stored. */
  readonly #pts = new Map<string, number>();

  constructor(line: AccountLine, deps: UpdatesDeps, signal: AbortSignal) {
    this.#line = line;
    this.#deps = deps;
    this.#signal = signal;
  }

  async run(waiting: UpdateBacklog, more: () => Promise<void>): Promise<void> {
    const { store } = this.#deps;
    await this.#untilStored(async () => {
      await store.ensureAccount(this.#line.accountId);
      for (const { box, pts } of await store.positions(this.#line.accountId)) this.#pts.set(box, pts);
    });
    // What has arrived before the stop is still written.
    while (!this.#signal.aborted || !waiting.empty) {
      await more();
      const batch = waiting.take(MAX_BATCH);
      if (batch.updates.length + batch.channels.length === 0) continue;
      if (await this.#write(batch)) continue;
      waiting.putBack(batch);
      return;
    }
  }

  /**
   * Writes a batch. One that the database refuses is halved until the update at fault stands alone: that one is left out, and counted as a gap.
   * @returns false when the stop came first
   */
  async #write(batch: UpdateBatch): Promise<boolean> {
    try {
      return await this.#untilStored(() => this.#store(batch));
    } catch (thrown) {
      const { updates, channels } = batch;
      if (updates.length > 1 || (updates.length === 1 && channels.length > 0)) {
        const half = channels.length > 0 ? 0 : Math.ceil(updates.length / 2);
        const first = await this.#write({ updates: updates.slice(0, half), channels });
        return first && this.#write({ updates: updates.slice(half), channels: [] });
      }
      const [update] = updates;
      this.#line.noteGap((update && boxOfUpdate(update)) ?? 'account');
      this.#deps.log.error(
        { account: this.#line.accountId, update: update?.type, err: thrown },
        'an update could not be stored; left out',
      );
      return true;
    }
  }

  /**
   * The database may be away for long.
   * @returns false when the stop came first
   */
  async #untilStored(write: () => Promise<void>): Promise<boolean> {
    const { clock, random, log } = this.#deps;
    for (let attempt = 0; ; attempt++) {
      try {
        await write();
        return true;
      } catch (thrown) {
        const error = toVigiliaError(thrown);
        if (error.code !== 'STORE_UNAVAILABLE') throw error;
        if (attempt === 0) log.warn({ account: this.#line.accountId, cause: error.message }, 'updates wait for the database');
        if (!(await pause(clock, backoffDelayMs(RETRY, attempt, random), this.#signal))) return false;
      }
    }
  }

  async #store({ updates, channels }: UpdateBatch): Promise<void> {
    const { store, cache, clock } = this.#deps;
    const { accountId } = this.#line;
    const positions = new Map<string, Position>();
    const gaps = new Set<string>();
    const touched = new Set<ChatId>();
    await store.transaction(async (tx) => {
      if (channels.length > 0) {
        for (const { chatId } of await tx.upsertChannels(channels.map(({ channel }) => channel))) touched.add(chatId);
        await tx.upsertEntities(
          accountId,
          channels.map(({ entity }) => entity),
        );
      }
      const messages: Message[] = [];
      const flush = async (): Promise<void> => {
        if (messages.length > 0) await tx.upsertMessages(0, messages.splice(0));
      };
      for (const update of updates) {
        this.#follow(update, positions, gaps);
        if (update.type === 'message') {
          messages.push(update.message);
          touched.add(update.message.chatId);
        }
        if (update.type === 'deleted') {
          await flush();
          await tx.deleteMessages(0, update.chatId, update.ids, clock.now());
          touched.add(update.chatId);
        }
      }
      await flush();
      for (const position of positions.values()) await tx.savePosition(accountId, position);
    });
    for (const [box, { pts }] of positions) this.#pts.set(box, pts);
    for (const box of gaps) this.#line.noteGap(box);
    for (const chatId of touched) await forgetWindow(cache, store, chatId);
  }

  /** Moves the box's position where the update follows on it, and notes the hole where it does not. */
  #follow(update: TelegramUpdate, positions: Map<string, Position>, gaps: Set<string>): void {
    const box = boxOfUpdate(update);
    if (update.type === 'too-long') gaps.add(box ?? 'account');
    if (box === undefined || !('pts' in update)) return;
    const local = positions.get(box)?.pts ?? this.#pts.get(box);
    // A dialog's word stands for nothing that happened: it begins a box, or tells that something was missed.
    const verdict =
      update.type === 'position' && local !== undefined && update.pts <= local
        ? 'duplicate'
        : ptsVerdict(local, update.pts, countOf(update));
    if (verdict === 'gap') gaps.add(box);
    if (verdict === 'apply') {
      positions.set(box, { box, pts: update.pts, qts: 0, date: Math.floor(this.#deps.clock.now() / 1000), seq: 0 });
    }
  }
}

function countOf(update: TelegramUpdate): number {
  return 'ptsCount' in update ? update.ptsCount : 0;
}

/** The box whose order an update keeps; undefined for one that belongs to none, or to the account's. */
function boxOfUpdate(update: TelegramUpdate): string | undefined {
  switch (update.type) {
    case 'message':
      return `channel:${update.message.chatId}`;
    case 'deleted':
    case 'position':
      return `channel:${update.chatId}`;
    case 'too-long':
      return update.chatId === null ? undefined : `channel:${update.chatId}`;
    case 'other':
      return undefined;
  }
}
