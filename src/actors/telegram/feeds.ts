import { causeChain } from '../../errors.ts';
import type { ChatId } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import type { Registry } from '../registry.ts';
import { type SupervisionDeps, supervisorSpec } from '../supervisor.ts';
import type { FeedDeps, FeedHouse } from './feed.actor.ts';
import { feedSpec } from './feed.actor.ts';

/** A feed that failed and still misses something is started again after this long, in ms; doubled each time, up to the second. */
const AGAIN_MS = 1_000;
const AGAIN_AT_MOST_MS = 60_000;

/** The name of the supervisor, beside the box. */
const FEEDS = 'feeds';

/** A feed has nothing to do with the others. */
const ALONE = { quarantine: { baseMs: 60_000, capMs: 900_000 } } as const;

/** The child specification of an account's supervisor of feeds: empty until a channel misses something. */
export function feedsSpec(deps: SupervisionDeps): ChildSpec {
  return supervisorSpec(FEEDS, { ...ALONE, children: [] }, deps);
}

/** Sees to it that each channel that misses something has a feed below the account's `feeds` supervisor. */
export class Feeds {
  readonly #path: string;
  readonly #registry: Registry;
  readonly #house: FeedHouse;
  readonly #deps: FeedDeps;
  /** By channel: when its feed was started last, and how often in a row in vain. */
  readonly #started = new Map<ChatId, { readonly at: number; readonly tries: number }>();
  readonly #starting = new Set<ChatId>();

  /** @param beside the path of a sibling of the supervisor */
  constructor(beside: string, registry: Registry, house: FeedHouse, deps: FeedDeps) {
    this.#path = beside.replace(/[^/]+$/, FEEDS);
    this.#registry = registry;
    this.#house = house;
    this.#deps = deps;
  }

  /** Starts what is not there. @returns when to look again, in ms of the monotonic clock; undefined when all are there */
  sync(missing: ReadonlyMap<ChatId, unknown>): number | undefined {
    for (const chatId of this.#started.keys()) if (!missing.has(chatId)) this.#started.delete(chatId);
    const now = this.#deps.clock.monotonic();
    let next: number | undefined;
    for (const chatId of missing.keys()) {
      if (this.#starting.has(chatId) || this.#isAlive(chatId)) continue;
      const before = this.#started.get(chatId);
      const due = before ? before.at + Math.min(AGAIN_AT_MOST_MS, AGAIN_MS * 2 ** before.tries) : now;
      if (due > now) next = Math.min(next ?? due, due);
      else this.#start(chatId, now, (before?.tries ?? -1) + 1);
    }
    return next;
  }

  /** How a channel's feed is told something; nothing happens where it has none. */
  tell(chatId: ChatId, type: 'RESUME' | 'UNFOLLOW'): void {
    if (this.#isAlive(chatId)) this.#registry.ref(`${this.#path}/${chatId}`)?.send({ type });
  }

  #isAlive(chatId: ChatId): boolean {
    return this.#registry.ref(`${this.#path}/${chatId}`)?.getSnapshot().status === 'active';
  }

  #start(chatId: ChatId, now: number, tries: number): void {
    this.#started.set(chatId, { at: now, tries });
    const supervisor = this.#registry.supervisor(this.#path);
    // It is still being started, after the box.
    if (!supervisor) return;
    this.#starting.add(chatId);
    supervisor
      .add(feedSpec(chatId, this.#house, this.#deps))
      .catch((error: unknown) => this.#deps.log.debug({ chatId, causes: causeChain(error) }, 'a feed could not be started yet'))
      .finally(() => this.#starting.delete(chatId));
  }
}
