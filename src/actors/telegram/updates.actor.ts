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
  return {
    id: 'updates',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        const waiting = new UpdateBacklog(MAX_WAITING);
        let wake: () => void = () => {};
        const unsubscribe = line.onUpdates((batch) => {
          if (waiting.push(batch)) line.noteGap('account');
          wake();
        });
        signal.addEventListener('abort', () => wake(), { once: true });
        try {
          life.ready();
          await new UpdateWriter(line, deps, signal).run(waiting, () => {
            if (!waiting.empty || signal.aborted) return Promise.resolve();
            return new Promise<void>((resolve) => {
              wake = resolve;
            });
          });
        } catch (thrown) {
          // What waited is lost with this life, and what comes before the next one begins is not heard.
          line.noteGap('account');
          throw thrown;
        } finally {
          unsubscribe();
        }
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
    await this.#untilStored(async () => {
      for (const { box, pts } of await this.#deps.store.positions(this.#line.accountId)) this.#pts.set(box, pts);
    });
    // What has arrived before the stop is still written.
    while (!this.#signal.aborted || !waiting.empty) {
      await more();
      const batch = waiting.take(MAX_BATCH);
      if (batch.updates.length + batch.channels.length > 0) await this.#untilStored(() => this.#store(batch));
      else if (this.#signal.aborted) return;
    }
  }

  /** The database may be away for long; a stop gives up then, and what is not stored is a gap by its pts. */
  async #untilStored(write: () => Promise<void>): Promise<void> {
    const { clock, random, log } = this.#deps;
    for (let attempt = 0; ; attempt++) {
      try {
        await write();
        return;
      } catch (thrown) {
        const error = toVigiliaError(thrown);
        if (error.code !== 'STORE_UNAVAILABLE') throw error;
        if (attempt === 0) log.warn({ account: this.#line.accountId, cause: error.message }, 'updates wait for the database');
        if (!(await pause(clock, backoffDelayMs(RETRY, attempt, random), this.#signal))) return;
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
    if (update.type === 'too-long') gaps.add(update.chatId === null ? 'account' : boxOf(update.chatId));
    if (update.type !== 'message' && update.type !== 'deleted') return;
    const box = boxOf(update.type === 'message' ? update.message.chatId : update.chatId);
    const local = positions.get(box)?.pts ?? this.#pts.get(box);
    const verdict = ptsVerdict(local, update.pts, update.ptsCount);
    if (verdict === 'gap') gaps.add(box);
    if (verdict === 'apply')
      positions.set(box, { box, pts: update.pts, qts: 0, date: Math.floor(this.#deps.clock.now() / 1000), seq: 0 });
  }
}

function boxOf(chatId: ChatId): string {
  return `channel:${chatId}`;
}
