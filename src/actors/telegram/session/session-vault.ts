import type { Clock } from '../../../clock.ts';
import { VigiliaError } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { SealedGeneration, SessionShelf } from '../../../ports.ts';
import { sealEnvelope } from './envelope.ts';
import { describeGeneration, type FoundSession, GenerationOpener, type Unusable } from './generation-opener.ts';
import { KeyRing, type ScryptCost } from './key-derivation.ts';
import { type Rotation, rotateKeys } from './key-rotation.ts';
import type { VaultSecrets } from './session-secrets.ts';

/** How many sound generations of an account are kept. */
const KEPT_GENERATIONS = 3;
/** How often a write looks for a number that nobody else has taken. */
const ATTEMPTS = 5;

/** What is saved in place of a session that was ended, so that none before it is taken for one that works. */
export const LOGGED_OUT = '';

/** What a connection needs of the vault. */
export interface Sessions {
  /**
   * @returns the account's newest session that is as it was written, {@link LOGGED_OUT} when that one was ended, or undefined when none was
   *   ever saved
   * @throws SESSION_CORRUPT when there are some and none can be used: what and where, and what to do; nothing is changed.
   *   SESSION_UNREADABLE, STORE_UNAVAILABLE when that may pass
   */
  read(accountId: string): Promise<string | undefined>;
  /**
   * Saves a session as the account's newest. Once it resolves, it survives a crash and a power cut; those before it are kept.
   * @throws DATA_DIR_UNUSABLE, STORE_UNAVAILABLE: nothing is lost. SESSION_FENCED
   */
  write(accountId: string, session: string): Promise<void>;
}

/** What is known of one saved session, without the session. */
export interface GenerationReport {
  readonly generation: number;
  /** ms since the Unix epoch; null when it does not say. */
  readonly savedAt: number | null;
  readonly state: 'sound' | Unusable['state'];
  /** Why it cannot be used, or is not to be; null when it can. */
  readonly reason: string | null;
}

/** Every account's sessions: sealed, several generations of each, the newest sound one counts. */
export interface SessionVault extends Sessions {
  /** The keys that seal and open. */
  readonly ring: KeyRing;
  /** @returns ids of the accounts that have anything stored, sorted */
  accounts(): Promise<string[]>;
  /** As {@link Sessions.read}, and changes nothing whatever it finds. */
  find(accountId: string): Promise<FoundSession | undefined>;
  /** @returns what is stored of an account, newest first */
  inspect(accountId: string): Promise<GenerationReport[]>;
  /** Wraps every data key anew by the key that seals. After a crash, the next one goes on. @throws as `read` and `write` */
  rotate(): Promise<Rotation>;
}

export interface VaultParts {
  readonly shelf: SessionShelf;
  /** Where an account's sessions are, for people. */
  readonly place: (accountId: string) => string;
  readonly secrets: VaultSecrets;
  /** Which Telegram the sessions belong to. */
  readonly world: string;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * @returns the fencing token under which this process holds the account at this moment, undefined while it does not: then nothing is saved
   *   where there are tokens
   * @default the account's token as of the first look at it: whoever takes it after that fences this process off
   */
  readonly tokenOf?: (accountId: string) => number | undefined;
  /** @default 32 MiB and about a quarter of a second */
  readonly scryptCost?: ScryptCost;
}

/** @returns the vault over a shelf (decision 12) */
export function createSessionVault(parts: VaultParts): SessionVault {
  const { shelf, place, secrets, world, clock, log } = parts;
  const ring = new KeyRing(secrets, parts.scryptCost);
  const opener = new GenerationOpener(world, ring);
  /** Tokens as they were when an account was read first: whoever took it since then made ours stale. */
  const seenTokens = new Map<string, number | null>();
  let lastWrite: Promise<unknown> = Promise.resolve();

  /** One after the other: the first one makes the key, and each counts on from the one before. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = lastWrite.then(work);
    lastWrite = result.catch(() => {});
    return result;
  }

  async function stored(accountId: string): Promise<readonly SealedGeneration[]> {
    const { generations, fencingToken } = await shelf.sessionGenerations(accountId);
    if (!seenTokens.has(accountId)) seenTokens.set(accountId, fencingToken);
    return generations;
  }

  /** The newest sound session, with what was passed over on the way to it. */
  async function newest(accountId: string): Promise<{ found: FoundSession; passedOver: Unusable[] } | undefined> {
    const passedOver: Unusable[] = [];
    for (const sealed of await stored(accountId)) {
      const opened = await opener.open(accountId, sealed);
      if (opened.state === 'open') return { found: opened.found, passedOver };
      passedOver.push(opened);
      // It is whole, and only the key is missing: an older session in its place would be a guess.
      if (opened.state === 'other-key') break;
    }
    if (passedOver.length === 0) return undefined;
    throw new VigiliaError('SESSION_CORRUPT', refusal(accountId, passedOver));
  }

  function refusal(accountId: string, passedOver: readonly Unusable[]): string {
    const where = place(accountId);
    const what = passedOver.map(describeGeneration).join('; ');
    return (
      `${where}: no stored session of account ${accountId} can be used: ${what}; ${secrets.advice}, ` +
      `restore a backup (vigilia session restore), or move ${where} away and restart: the account then has to log in anew`
    );
  }

  async function readSession(accountId: string): Promise<string | undefined> {
    const outcome = await newest(accountId);
    if (outcome === undefined) return undefined;
    const { found, passedOver } = outcome;
    if (passedOver.length > 0) {
      log.warn(
        {
          account: accountId,
          generation: found.generation,
          savedAt: found.savedAt === null ? null : new Date(found.savedAt).toISOString(),
          damaged: passedOver.map(describeGeneration),
        },
        'the newest stored session is damaged; going on with the one before it',
      );
    }
    if (found.generation === 0) await migrate(accountId, found.session);
    return found.session;
  }

  /** Asked before the save waits for its turn: by then the account may have been lost and taken again, and the session be an older one. */
  function tokenFor(accountId: string): number | null | undefined {
    return parts.tokenOf === undefined ? undefined : (parts.tokenOf(accountId) ?? null);
  }

  /** The old file goes once the new one is known to open. That a disk is full is no reason not to connect. */
  async function migrate(accountId: string, session: string): Promise<void> {
    try {
      const token = tokenFor(accountId);
      const generation = await inTurn(() => append(accountId, session, token));
      const again = (await newest(accountId))?.found;
      if (again?.generation !== generation || again.session !== session) return;
      await shelf.dropSessions(accountId, [0]);
      log.info({ account: accountId, generation }, 'the session was brought into the present format');
    } catch (error) {
      log.warn({ account: accountId, cause: (error as Error).message }, 'the session stays in its earlier format');
    }
  }

  /** @param held as `tokenFor` says @returns the number of the new generation */
  async function append(accountId: string, session: string, held = tokenFor(accountId)): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = await stored(accountId);
      const generation = Math.max(0, ...before.map((kept) => kept.generation)) + 1;
      const subject = { kind: 'session', world, account: accountId, generation } as const;
      const envelope = sealEnvelope(subject, clock.now(), session, await ring.sealing());
      const token = held === undefined ? (seenTokens.get(accountId) ?? null) : held;
      if (!(await shelf.addSession(accountId, { generation, envelope }, token))) continue;
      await dropOld(accountId, before);
      return generation;
    }
    throw new VigiliaError('SESSION_UNREADABLE', `the session of account ${accountId} was not saved: others keep saving theirs`);
  }

  /** Keeps the newest sound ones and whatever lies between them. */
  async function dropOld(accountId: string, before: readonly SealedGeneration[]): Promise<void> {
    let sound = 1;
    const old: number[] = [];
    for (const sealed of before) {
      if (sound >= KEPT_GENERATIONS) old.push(sealed.generation);
      else if (!('reason' in opener.look(accountId, sealed))) sound += 1;
    }
    if (old.length === 0) return;
    try {
      await shelf.dropSessions(accountId, old);
    } catch (error) {
      log.warn({ account: accountId, cause: (error as Error).message }, 'old sessions could not be deleted');
    }
  }

  return {
    ring,
    accounts: () => shelf.sessionAccounts(),
    read: readSession,
    async write(accountId, session) {
      const token = tokenFor(accountId);
      await inTurn(() => append(accountId, session, token));
    },
    find: async (accountId) => (await newest(accountId))?.found,
    async inspect(accountId) {
      const reports: GenerationReport[] = [];
      for (const sealed of await stored(accountId)) {
        const { generation } = sealed;
        const found = opener.look(accountId, sealed);
        const savedAt = found.state === 'sealed' ? found.envelope.savedAt : null;
        const opened = await opener.open(accountId, sealed);
        if (opened.state === 'open') {
          const reason = opened.found.session === LOGGED_OUT ? 'logged out' : null;
          reports.push({ generation, savedAt, state: 'sound', reason });
        } else reports.push({ generation, savedAt, state: opened.state, reason: opened.reason });
      }
      return reports;
    },
    rotate: () => inTurn(() => rotateKeys({ shelf, place, secrets, ring, opener, append })),
  };
}
