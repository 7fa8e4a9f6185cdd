import { type Clock, pause, type Timer } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type {
  ActorDetail,
  ActorNode,
  KnownProcess,
  ProcessDesk,
  Processes,
  ProcessFigures,
  ProcessRow,
  ProcessViewRow,
  RemoteView,
} from '../../ports.ts';
import { answeredWithin } from './answered-within.ts';
import { BEAT_MS, type ProcessIdentity } from './presence.actor.ts';
import { type ToldView, unpackView } from './view-text.ts';

/** Older than this, in ms, and what is known of a process is of then: it has missed two beats. */
const STALE_MS = 2 * BEAT_MS;
/** For how long after a look a process goes on showing what was looked at, in ms: a page looks every second or two. */
const WANTED_MS = 8_000;
/** A view that is older than this, in ms, is waited for anew: somebody begins to look. */
const FRESH_MS = 3_000;
/** How long it is waited for, in ms, and how often it is looked for. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 150;
/** How long the database may take, in ms, before what is remembered is told. */
const ANSWER_MS = 2_000;
/** Views that are remembered, for while the database is away: those that were looked at last. */
const MOST_REMEMBERED = 32;
/** How many characters these may have as they are stored, which is a small part of what they take as objects. */
const MOST_CHARACTERS = 4 * 2 ** 20;
/** What nobody has looked at for so long is forgotten, in ms. */
const REMEMBERED_MS = 60_000;

/** What it works with. */
export interface DirectoryDeps {
  readonly clock: Clock;
  /** Undefined where the database is this process's alone. */
  readonly store: Pick<ProcessDesk, 'processes' | 'lookAt'> | undefined;
  readonly self: ProcessIdentity;
  readonly figures: () => ProcessFigures;
  /** Accounts whose lease this process holds. */
  readonly heldAccounts: () => readonly string[];
}

/** A view as it was read. */
interface Remembered {
  readonly version: number;
  readonly view: ToldView | undefined;
  /** How long it is as it is stored, in characters. */
  readonly length: number;
  /** How old it was, and by the monotonic clock when that was. */
  readonly ageMs: number;
  readonly readAt: number;
}

/**
 * The processes that share this database, and what they show of their actors. Ages are the database's, or counted on from there by this process's
 * monotonic clock: no two machines' clocks are compared.
 */
export class ProcessDirectory implements Processes {
  readonly #deps: DirectoryDeps;
  readonly #startedAt: number;
  #rows: { readonly rows: readonly ProcessRow[]; readonly readAt: number } = { rows: [], readAt: 0 };
  /** Those that were looked at last come last. */
  readonly #views = new Map<string, { readonly read: Remembered; readonly lookedAt: number }>();
  #forgetting: Timer | undefined;
  /** Looks under way: who asks for the same meanwhile shares them. */
  readonly #looking = new Map<string, Promise<Remembered>>();

  constructor(deps: DirectoryDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
  }

  async list(): Promise<KnownProcess[]> {
    const { store, clock, self } = this.#deps;
    if (store) {
      try {
        this.#rows = { rows: await answeredWithin(clock, ANSWER_MS, store.processes()), readAt: clock.monotonic() };
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
      }
    }
    const { rows, readAt } = this.#rows;
    const sinceMs = clock.monotonic() - readAt;
    const others = rows.filter(({ id }) => id !== self.id).map((row) => known(row, Math.round(row.seenAgeMs + sinceMs)));
    return [this.#own(rows.find(({ id }) => id === self.id)), ...others];
  }

  isSelf(id: string): boolean {
    return id === this.#deps.self.id;
  }

  tree(id: string): Promise<RemoteView<ActorNode>> {
    return this.#view<ActorNode>(id, '');
  }

  actor(id: string, path: string): Promise<RemoteView<ActorDetail>> {
    return this.#view<ActorDetail>(id, path);
  }

  #own(row: ProcessRow | undefined): KnownProcess {
    const { self, figures, heldAccounts } = this.#deps;
    return {
      ...self,
      figures: figures(),
      startedAt: row?.startedAt ?? this.#startedAt,
      accounts: [...heldAccounts()].sort(),
      seenAgoMs: 0,
      stale: false,
      self: true,
    };
  }

  async #view<T>(id: string, path: string): Promise<RemoteView<T>> {
    const key = JSON.stringify([id, path]);
    let looking = this.#looking.get(key);
    if (!looking) {
      looking = this.#look(id, path, key).finally(() => this.#looking.delete(key));
      this.#looking.set(key, looking);
    }
    const { view, ageMs, readAt } = await looking;
    const seenAgoMs = Math.round(ageMs + this.#deps.clock.monotonic() - readAt);
    return { at: view?.at ?? 0, seenAgoMs, stale: seenAgoMs > STALE_MS, value: view?.value as T | undefined };
  }

  /** @returns the newest view there is, once it is as new as can be had */
  async #look(id: string, path: string, key: string): Promise<Remembered> {
    const { store, clock } = this.#deps;
    if (!store) throw unknown(id);
    const until = clock.monotonic() + PATIENCE_MS;
    const never = new AbortController().signal;
    for (;;) {
      const before = this.#views.get(key)?.read;
      if (before) this.#remember(key, before);
      let row: ProcessViewRow | undefined;
      try {
        row = await answeredWithin(clock, ANSWER_MS, store.lookAt(id, path, before?.version ?? 0, WANTED_MS));
      } catch (thrown) {
        // While the database is away, what is remembered is told with its age.
        if (isAway(thrown) && before) return before;
        throw thrown;
      }
      if (row === undefined) throw unknown(id);
      if (row.ageMs !== null) {
        const isKnown = before?.version === row.version;
        const view = isKnown ? before.view : row.text === null ? undefined : await unpackView(row.text);
        const length = isKnown ? before.length : (row.text?.length ?? 0);
        const read = { version: row.version, view, length, ageMs: row.ageMs, readAt: clock.monotonic() };
        this.#remember(key, read);
        // One that is gone writes nothing more, however long one waits.
        if (row.ageMs <= FRESH_MS || row.seenAgeMs > STALE_MS || clock.monotonic() >= until) return read;
      } else if (row.seenAgeMs > STALE_MS || clock.monotonic() >= until) throw silent(id, row.seenAgeMs);
      await pause(clock, LOOK_MS, never);
    }
  }

  #remember(key: string, read: Remembered): void {
    this.#views.delete(key);
    this.#views.set(key, { read, lookedAt: this.#deps.clock.monotonic() });
    let length = 0;
    for (const one of this.#views.values()) length += one.read.length;
    for (const [oldest, one] of this.#views) {
      if (this.#views.size === 1 || (this.#views.size <= MOST_REMEMBERED && length <= MOST_CHARACTERS)) break;
      this.#views.delete(oldest);
      length -= one.read.length;
    }
    this.#forgetting ??= this.#forgetLater();
  }

  #forgetLater(): Timer {
    const { clock } = this.#deps;
    const timer = clock.setTimeout(() => {
      const now = clock.monotonic();
      for (const [key, { lookedAt }] of this.#views) if (now - lookedAt >= REMEMBERED_MS) this.#views.delete(key);
      this.#forgetting = this.#views.size > 0 ? this.#forgetLater() : undefined;
    }, REMEMBERED_MS);
    // Nothing that a process that ends has to wait for.
    (timer as { unref?(): void }).unref?.();
    return timer;
  }
}

function known({ seenAgeMs, ...row }: ProcessRow, seenAgoMs: number): KnownProcess {
  return { ...row, seenAgoMs, stale: seenAgoMs > STALE_MS, self: false };
}

function isAway(thrown: unknown): boolean {
  return thrown instanceof VigiliaError && thrown.code === 'STORE_UNAVAILABLE';
}

function unknown(id: string): VigiliaError {
  return new VigiliaError('NOT_FOUND', `There is no process ${id}; GET /api/processes lists those that there are.`, {
    field: 'process',
  });
}

function silent(id: string, seenAgeMs: number): VigiliaError {
  const age = `${Math.round(seenAgeMs / 1000)} s ago`;
  return seenAgeMs > STALE_MS
    ? new VigiliaError(
        'NOT_FOUND',
        `Process ${id} was last heard of ${age}, and nobody had looked at this of it before. Look whether it runs on its host; GET /api/processes names it.`,
        { field: 'process' },
      )
    : new VigiliaError('PROCESS_SILENT', `Process ${id}, last heard of ${age}, does not show its actors yet; ask again.`, {
        field: 'process',
        retryAfterMs: 2_000,
      });
}
