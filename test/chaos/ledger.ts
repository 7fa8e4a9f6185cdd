import pg from 'pg';
import { openStore } from '../../src/actors/store/open-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Store } from '../../src/ports.ts';

/** A row of the stream of events. */
export interface StreamRow {
  readonly position: number;
  readonly topic: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** The end of a job. */
export interface JobRow {
  readonly id: string;
  readonly status: string;
  readonly error: string | null;
  readonly claims: number;
  readonly attempts: number;
  /** How often its history says that it ended. */
  readonly ends: number;
}

/** The database as the judge reads it, past the program and past the ways. */
export class Ledger {
  readonly store: Store;
  readonly #client: pg.Client;

  private constructor(store: Store, client: pg.Client) {
    this.store = store;
    this.#client = client;
  }

  static async open(url: string): Promise<Ledger> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new Ledger(await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog }), client);
  }

  /** How many jobs have not ended. */
  async jobsUnderWay(): Promise<number> {
    return this.#count(`SELECT count(*) FROM jobs WHERE status NOT IN ('completed', 'failed', 'cancelled')`);
  }

  /** How many events have no position yet. */
  async eventsUnplaced(): Promise<number> {
    return this.#count('SELECT count(*) FROM outbox WHERE position IS NULL');
  }

  async lastPosition(): Promise<number> {
    return this.#count('SELECT coalesce(max(position), 0) FROM outbox');
  }

  /** All of them, by id. */
  async jobs(): Promise<ReadonlyMap<string, JobRow>> {
    const { rows } = await this.#client.query(
      `SELECT j.id, j.status, j.error->>'code' AS error, j.claims, j.attempts,
         (SELECT count(*)::int FROM job_events e WHERE e.job_id = j.id
            AND e.to_status IN ('completed', 'failed', 'cancelled') AND e.from_status <> e.to_status) AS ends
       FROM jobs j`,
    );
    return new Map((rows as JobRow[]).map((row) => [row.id, row]));
  }

  /** What happened to a job, oldest first. */
  async history(jobId: string): Promise<readonly object[]> {
    const { rows } = await this.#client.query(
      `SELECT 'SUBMIT' AS event, created_at AS at, NULL AS from_status, 'queued' AS to_status, params AS detail FROM jobs WHERE id = $1
       UNION ALL (SELECT event, at, from_status, to_status, detail FROM job_events WHERE job_id = $1 ORDER BY id)`,
      [jobId],
    );
    return rows as object[];
  }

  /** All events that were told, in their order. */
  async *stream(): AsyncGenerator<StreamRow> {
    for (let after = 0; ; ) {
      const { rows } = await this.#client.query(
        'SELECT position, topic, payload FROM outbox WHERE position > $1 ORDER BY position LIMIT 5000',
        [after],
      );
      for (const { position, topic, payload } of rows) yield { position: Number(position), topic, payload };
      if (rows.length === 0) return;
      after = Number(rows.at(-1).position);
    }
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.#client.end();
  }

  async #count(sql: string): Promise<number> {
    const { rows } = await this.#client.query({ text: sql, rowMode: 'array' });
    return Number(rows[0]?.[0]);
  }
}
