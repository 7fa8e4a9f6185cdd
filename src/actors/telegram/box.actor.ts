import type { Timer } from '../../clock.ts';
import { toVigiliaError } from '../../errors.ts';
import { ACCOUNT_BOX, channelOf } from '../../machines/box-names.ts';
import { MessageBox } from '../../machines/message-box.ts';
import { type ChatId, type Position, type ResolvedChannel, UNORDERED } from '../../ports.ts';
import { type ChildSpec, type Life, task } from '../actor.ts';
import type { Registry } from '../registry.ts';
import type { AccountLine } from './account-line.ts';
import { AccountRecovery } from './account-recovery.ts';
import { BoxDesk } from './box-desk.ts';
import type { BoxEntry, BoxOrder } from './box-order.ts';
import { type BoxDeps, BoxWriter, untilStored } from './box-writer.ts';
import { Feeds } from './feeds.ts';
import { Poller } from './poller.ts';
import { Turns } from './turns.ts';

/** Entries of one transaction, about. */
const BATCH = 200;
/** Channels that are asked for what they missed at one time. */
const FEEDS_AT_ONCE = 4;
/** How often the dialogs are asked where each channel stands, in ms: an account that is pushed much is never silent, one of its channels may be. */
const LOOK_AROUND_MS = 900_000;
/** How often it is looked up which channels are followed, in ms: another process may have changed it. */
const FOLLOWED_MS = 15_000;
/** Before a look around that failed is tried again, in ms. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Keeps an account's ledger and writes what it hands out: what Telegram pushes and what differences bring, in one order, each batch in one
 * transaction with the places it moves. What is missing is asked for: the account's own by the box itself, a channel's by its feed.
 */
export function boxSpec(line: AccountLine, deps: BoxDeps & { readonly registry: Registry }): ChildSpec {
  // Of the account, not of one life: what waits when a life ends is taken by the next one.
  const desk = new BoxDesk();
  line.onUpdates((batch) => desk.push(batch));
  return {
    id: 'box',
    kind: 'task',
    staysUp: 'without it the account would be connected, and nothing that it hears be kept; stop the account',
    queued: () => desk.queue.size,
    start: (life) => ({
      logic: task(async (signal) => {
        life.ready();
        await new Box(line, desk, deps, life, signal).run();
      }),
    }),
  };
}

/** What goes into one transaction, and who waits for it. */
interface Work {
  readonly entries: readonly BoxEntry[];
  readonly channels: readonly ResolvedChannel[];
  readonly orders: readonly { readonly order: BoxOrder; readonly result: unknown }[];
}

/** One life of it. */
class Box {
  readonly #line: AccountLine;
  readonly #desk: BoxDesk;
  readonly #deps: BoxDeps;
  readonly #life: Life;
  readonly #signal: AbortSignal;
  readonly #recovery: AccountRecovery;
  readonly #feeds: Feeds;
  readonly #poller: Poller;
  #lookAroundAt = Number.POSITIVE_INFINITY;
  #followedAt = 0;
  #unfollowed: readonly ChatId[] = [];

  constructor(
    line: AccountLine,
    desk: BoxDesk,
    deps: BoxDeps & { readonly registry: Registry },
    life: Life,
    signal: AbortSignal,
  ) {
    this.#line = line;
    this.#desk = desk;
    this.#deps = deps;
    this.#life = life;
    this.#signal = signal;
    this.#recovery = new AccountRecovery(line, desk, deps, signal);
    this.#poller = new Poller(deps.clock);
    const asked = (chatId: ChatId, timeoutS: number | null): void => this.#poller.asked(chatId, timeoutS);
    const house = { line, desk, turns: new Turns(FEEDS_AT_ONCE), asked };
    this.#feeds = new Feeds(life.path, deps.registry, house, deps);
  }

  async run(): Promise<void> {
    const { store, clock } = this.#deps;
    const { accountId } = this.#line;
    // Before the database has told where the account stands: a link that is up by then waits for that, and is not taken for live.
    this.#line.catchUpWith(async () => void (await this.#catchUp()));
    let ledger = new MessageBox([], clock.monotonic());
    let scope = 0;
    const begin = async (): Promise<void> => {
      // Whoever wrote for the account before may have gone between a commit and what was to be dropped after it.
      await this.#deps.cache.forgetAll();
      scope = await store.ensureAccount(accountId);
      ledger = new MessageBox(await store.positions(accountId), clock.monotonic());
    };
    if (!(await untilStored(begin, accountId, this.#deps, this.#signal))) return;
    await this.#readFollowed(ledger);
    const writer = new BoxWriter(this.#line, this.#deps, this.#signal, scope);
    // A life before this one may have taken with it what it had not written yet, and what it knew to be missing.
    if (this.#life.incarnation > 1) this.#lookAroundAt = clock.monotonic();
    await writer.write(this.#findGaps(ledger), []);
    // What has arrived before the stop is still written.
    while (!this.#signal.aborted || !this.#desk.queue.empty) {
      const startedAt = clock.monotonic();
      const work = this.#takeWork(ledger);
      if (!(await this.#writeAndAnswer(writer, work))) return;
      if (work.entries.length + work.orders.length > 0) this.#life.handled('batch', clock.monotonic() - startedAt);
      if (this.#signal.aborted) continue;
      if (this.#line.serving && ledger.recovering) void this.#recovery.keepTrying();
      const feedsAt = this.#feeds.sync(ledger.recoveringChannels);
      if (clock.monotonic() >= this.#followedAt) await this.#readFollowed(ledger);
      this.#lookAround();
      const wakeAt = [ledger.nextDeadline, feedsAt, this.#poller.nextAt, this.#lookAroundAt, this.#followedAt];
      await this.#more(Math.min(...wakeAt.map((at) => at ?? Number.POSITIVE_INFINITY)));
    }
  }

  /** The gaps that a life before this one knew of are asked for again. */
  #findGaps(ledger: MessageBox): BoxEntry[] {
    return this.#line.openGaps.flatMap((box) => {
      const chatId = box === ACCOUNT_BOX ? null : chatIdOf(box);
      if (chatId === null || ledger.channelPts(chatId) !== undefined) {
        return ledger.suspect(chatId, 'hole', this.#deps.clock.monotonic());
      }
      this.#line.healGap({ gap: { box }, missing: 0 });
      return [];
    });
  }

  /** What waits, as far as it goes into one transaction, put through the ledger. */
  #takeWork(ledger: MessageBox): Work {
    const now = this.#deps.clock.monotonic();
    const entries: BoxEntry[] = [];
    const channels = new Map<ChatId, ResolvedChannel>();
    const orders: { readonly order: BoxOrder; readonly result: unknown }[] = [];
    const take = (more: readonly BoxEntry[], named: readonly ResolvedChannel[] = []): void => {
      entries.push(...more);
      for (const channel of named) channels.set(channel.channel.chatId, channel);
    };
    for (const chatId of this.#desk.queue.takeLost()) take(ledger.suspect(chatId, 'overflow', now));
    while (entries.length < BATCH) {
      const item = this.#desk.queue.take();
      if (!item) break;
      if ('batch' in item) {
        const { updates, order, channels: named } = item.batch;
        take(ledger.process(updates, order, now), named);
        continue;
      }
      try {
        const step = item.order.run(ledger, now);
        take(step.entries, step.channels);
        orders.push({ order: item.order, result: step.result });
      } catch (thrown) {
        item.order.reject(thrown);
      }
    }
    if (ledger.nextDeadline <= now) take(ledger.expire(now));
    if (this.#line.serving) for (const chatId of this.#poller.takeDue()) take(ledger.suspect(chatId, 'poll', now));
    return { entries, channels: [...channels.values()], orders };
  }

  /** @returns false when the stop came first: what is not written is asked for by the next life, since no place moved */
  async #writeAndAnswer(writer: BoxWriter, { entries, channels, orders }: Work): Promise<boolean> {
    const written = await writer.write(entries, channels).catch((thrown: unknown) => {
      // This life ends with it; whoever gave an order shall not wait for the next one.
      for (const { order } of orders) order.reject(thrown);
      throw thrown;
    });
    if (!written) {
      for (const { order } of orders) order.reject(toVigiliaError(new Error('the box was stopped')));
      return false;
    }
    for (const entry of entries) this.#noteActivity(entry);
    for (const { order, result } of orders) order.resolve(result);
    return true;
  }

  #noteActivity(entry: BoxEntry): void {
    if (entry.kind === 'healed') this.#desk.settle(chatIdOf(entry.gap.box));
    if (entry.kind !== 'update') return;
    const chatId = channelOf(entry.update);
    if (chatId !== null) this.#poller.active(chatId);
  }

  /** Waits until something comes, something is due, or the stop. */
  async #more(wakeAt: number): Promise<void> {
    const { clock } = this.#deps;
    if (!this.#desk.queue.empty || this.#signal.aborted) return;
    const delayMs = wakeAt - clock.monotonic();
    if (delayMs <= 0) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clock.clearTimeout(timer);
        this.#signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer: Timer = Number.isFinite(delayMs) ? clock.setTimeout(wake, delayMs) : undefined;
      this.#desk.onMore(wake);
      this.#signal.addEventListener('abort', wake, { once: true });
    });
  }

  /**
   * Learns what was missed while nobody listened: first of the account's own box, then of each channel whose dialog says that it stands further.
   * Resolves when they miss nothing any more, but does not wait for channels that take long: those are known gaps.
   * @returns the channels that had missed something
   */
  async #catchUp(): Promise<readonly ChatId[]> {
    const known = await this.#desk.ask((ledger) => ({ entries: [], result: ledger.position }));
    if (!known) {
      const state = await this.#line.state();
      await this.#desk.ask((ledger, nowMs) => ({ entries: ledger.adopt(state, nowMs), result: undefined }));
    } else await this.#checkCount(known);
    await this.#desk.ask((ledger, nowMs) => ({ entries: ledger.suspect(null, 'connected', nowMs), result: undefined }));
    await this.#recovery.run();
    const behind = await this.#askDialogs();
    await Promise.all(behind.map((chatId) => this.#desk.settled(chatId)));
    return behind;
  }

  /** Somebody else may have logged in as this account: everything that comes would count as known until Telegram's count has caught up with ours. */
  async #checkCount(known: Position): Promise<void> {
    const { standing } = this.#line;
    if (standing === undefined || standing.pts >= known.pts) return;
    // What was pushed since that was told moves the place too: asked again, it cannot be behind what was known before.
    const state = await this.#line.state();
    if (state.pts >= known.pts) return;
    const { accountId: account } = this.#line;
    this.#deps.log.error(
      { account, stored: known.pts, pts: state.pts },
      'Telegram counts less than is stored, as after a login of another person: beginning anew where it stands',
    );
    await this.#desk.ask((ledger, nowMs) => ({ entries: ledger.restart(standing, nowMs), result: undefined }));
  }

  /** @returns the channels that miss something */
  async #askDialogs(): Promise<ChatId[]> {
    const dialogs = await this.#line.dialogs();
    this.#lookAroundAt = this.#deps.clock.monotonic() + LOOK_AROUND_MS;
    this.#poller.know(dialogs);
    const words = dialogs.flatMap(({ channel, pts }) =>
      pts === null ? [] : [{ type: 'position' as const, chatId: channel.chatId, pts }],
    );
    const channels = dialogs.map(({ channel, entity }) => ({ channel, entity }));
    const behind = await this.#desk.ask((ledger, nowMs) => {
      const before = new Set(ledger.recoveringChannels.keys());
      const entries = [...ledger.process(words, UNORDERED, nowMs)];
      const missing = [...ledger.recoveringChannels.keys()];
      // Pushed meanwhile, or a place that Telegram does not know: asked from there, it says which.
      const ahead = words.filter(({ chatId, pts }) => !before.has(chatId) && (ledger.channelPts(chatId) ?? 0) > pts);
      for (const { chatId } of ahead) entries.push(...ledger.suspect(chatId, 'poll', nowMs));
      return { entries, channels, result: missing };
    });
    // A channel that could not be seen and has a dialog again can.
    for (const { channel } of dialogs) this.#feeds.tell(channel.chatId, 'RESUME');
    return behind;
  }

  #lookAround(): void {
    const { clock, log } = this.#deps;
    if (clock.monotonic() < this.#lookAroundAt) return;
    this.#lookAroundAt = clock.monotonic() + LOOK_AGAIN_MS;
    if (!this.#line.serving) return;
    this.#catchUp().then(
      // What moved on while there was a link and was not told of is not pushed: from now on it is asked.
      (behind) => {
        for (const chatId of behind) this.#poller.add(chatId);
      },
      (error: unknown) => log.debug({ cause: toVigiliaError(error).message }, 'the channels could not be asked for'),
    );
  }

  async #readFollowed(ledger: MessageBox): Promise<void> {
    const { store, clock } = this.#deps;
    this.#followedAt = clock.monotonic() + FOLLOWED_MS;
    try {
      const unfollowed = await store.unfollowed(this.#line.accountId);
      const fresh = unfollowed.filter((chatId) => !this.#unfollowed.includes(chatId));
      const again = this.#unfollowed.filter((chatId) => !unfollowed.includes(chatId));
      if (fresh.length + again.length === 0) return;
      this.#unfollowed = unfollowed;
      for (const entry of ledger.ignore(unfollowed)) if (entry.kind === 'healed') this.#line.healGap(entry);
      for (const chatId of fresh) {
        this.#feeds.tell(chatId, 'UNFOLLOW');
        this.#desk.settle(chatId);
      }
      // Where it stands now tells what was missed of it.
      if (again.length > 0) this.#lookAroundAt = clock.monotonic();
    } catch (thrown) {
      const error = toVigiliaError(thrown);
      if (error.code !== 'STORE_UNAVAILABLE') throw error;
    }
  }
}

function chatIdOf(box: string): ChatId {
  return Number(box.slice(box.indexOf(':') + 1));
}
