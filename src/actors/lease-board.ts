import type { Clock } from '../clock.ts';
import { EVIDENCE_COUNTS_MS, freeInMs } from '../machines/lease-rule.ts';
import type { AccountHealth, LeaseHealth, LeaseRow } from '../ports.ts';

/** What the workers say of their accounts, as the database last had it. */
export class LeaseBoard {
  readonly #clock: Clock;
  #rows: readonly LeaseRow[] = [];
  #readAt = 0;
  /** When each account was first seen as it is here, ms since the Unix epoch. */
  readonly #since = new Map<string, { readonly state: string; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param askedAt by the monotonic clock, before the database was asked */
  note(rows: readonly LeaseRow[], askedAt: number): void {
    this.#rows = rows.filter(({ removed }) => !removed);
    this.#readAt = askedAt;
  }

  /** @returns all accounts there are, with the evidence that their workers gave, as old as it is by now */
  accounts(): AccountHealth[] {
    const readAgoMs = Math.round(this.#clock.monotonic() - this.#readAt);
    // Whose the account is does not depend on anybody's serving it.
    return this.#rows.map((row) => ({
      ...this.#accountOf(row, readAgoMs),
      ...(row.userId === null ? {} : { userId: row.userId }),
    }));
  }

  #accountOf(row: LeaseRow, readAgoMs: number): AccountHealth {
    const { accountId: id, evidence, evidenceAgeMs, owner, expiresInMs } = row;
    if (owner === null || expiresInMs === null) return this.#own(id, 'unserved', whyUnserved(row));
    const ageMs = evidenceAgeMs === null ? null : Math.round(evidenceAgeMs) + readAgoMs;
    const lease = { worker: owner, token: row.token, expiresInMs: Math.round(expiresInMs) - readAgoMs, evidenceAgeMs: ageMs };
    const told = evidence === null || ageMs === null ? undefined : agedBy(id, evidence, ageMs);
    if (readAgoMs > EVIDENCE_COUNTS_MS) {
      return this.#silent(id, 'unknown', `the database has not been read for ${seconds(readAgoMs)}`, told, lease);
    }
    // As it was when it was read: a database that does not answer here may have been told of a renewal since.
    if (expiresInMs <= 0) return this.#silent(id, 'lease-lost', whyLost(row), told, lease);
    if (told === undefined || ageMs === null) {
      return this.#silent(id, 'unknown', `worker ${owner} has taken it and has not told of it yet`, told, lease);
    }
    if (ageMs > EVIDENCE_COUNTS_MS) {
      const heard = `its worker ${owner} has not been heard of for ${seconds(ageMs)}; then it was ${told.state}`;
      return this.#silent(id, 'unknown', heard, told, lease);
    }
    this.#since.delete(id);
    return { ...told, lease };
  }

  /** An account of which nothing is known that still counts, with what was known last. */
  #silent(id: string, state: string, reason: string, told: AccountHealth | undefined, lease: LeaseHealth): AccountHealth {
    const own = this.#own(id, state, reason);
    return { ...own, ...told, state, since: own.since, reason, lease };
  }

  #own(id: string, state: string, reason: string): AccountHealth {
    const before = this.#since.get(id);
    const since = before?.state === state ? before.at : this.#clock.now();
    this.#since.set(id, { state, at: since });
    return { id, state, since, lastPongAgeMs: null, lastRpcAgeMs: null, lastUpdateAgeMs: null, gaps: 0, reason };
  }
}

/** Evidence as it is when that much time has passed since it was given. */
function agedBy(id: string, evidence: AccountHealth, ageMs: number): AccountHealth {
  const older = (age: number | null): number | null => (age === null ? null : age + ageMs);
  return {
    ...evidence,
    id,
    lastPongAgeMs: older(evidence.lastPongAgeMs),
    lastRpcAgeMs: older(evidence.lastRpcAgeMs),
    lastUpdateAgeMs: older(evidence.lastUpdateAgeMs),
    ...(evidence.openGaps && { openGaps: evidence.openGaps.map((gap) => ({ ...gap, ageMs: gap.ageMs + ageMs })) }),
  };
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

function whyLost({ owner, expiresInMs, evidence }: LeaseRow): string {
  const last = evidence === null ? '' : `; it last said ${evidence.state}`;
  const freeIn = freeInMs({ owner, expiresInMs }, '');
  const next = freeIn > 0 ? `another may take it in ${seconds(freeIn)}` : 'any other may take it';
  return `worker ${owner} lost its lease ${seconds(-(expiresInMs ?? 0))} ago${last}; ${next}`;
}

function whyUnserved({ home }: LeaseRow): string {
  return home === null
    ? 'no worker serves it'
    : `no worker serves it: its session lies in the files of installation ${home}, which is not there`;
}
