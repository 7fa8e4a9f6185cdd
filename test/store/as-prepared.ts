import type { SqlSession } from '../../src/actors/store/sql-driver.ts';

/** Which objects the schema consists of: the same text for as long as nobody made, changed or dropped one. */
const SIGNATURE = `
  SELECT md5(coalesce(string_agg(thing, ' ' ORDER BY thing), '')) AS signature FROM (
    SELECT c.oid || '.' || c.relnatts || c.relhastriggers || a.xmins AS thing
    FROM pg_class c
    CROSS JOIN LATERAL (SELECT coalesce(sum(xmin::text::int8), 0) AS xmins FROM pg_attribute WHERE attrelid = c.oid) AS a
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'S')
    UNION ALL SELECT oid || '.' || xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT oid || '.' || xmin FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT oid || '.' || xmin FROM pg_trigger WHERE NOT tgisinternal
  ) AS things`;

/** Keeps what a prepared database holds before anybody has used it. */
const KEEP = `
  DROP SCHEMA IF EXISTS as_prepared CASCADE;
  CREATE SCHEMA as_prepared;
  DO $$
  DECLARE one regclass;
  BEGIN
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
      EXECUTE format('CREATE TABLE as_prepared.%I AS TABLE %s', (SELECT relname FROM pg_class WHERE oid = one), one);
    END LOOP;
    FOR one IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
      EXECUTE format('CREATE TABLE as_prepared.%I AS SELECT last_value, is_called FROM %s', (SELECT relname FROM pg_class WHERE oid = one), one);
    END LOOP;
  END $$`;

/** Deletes what is not empty, whatever refers to it, puts back what was kept, and lets sequences go on from where they were. */
const PUT_BACK = `
  DO $$
  DECLARE
    one record;
    used boolean;
  BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
      EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', one.name) INTO used;
      CONTINUE WHEN NOT used;
      EXECUTE format('DELETE FROM public.%I', one.name);
      EXECUTE format('INSERT INTO public.%1$I OVERRIDING SYSTEM VALUE TABLE as_prepared.%1$I', one.name);
    END LOOP;
    FOR one IN SELECT oid::regclass AS sequence, relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
      EXECUTE format('SELECT setval(%L, last_value, is_called) FROM as_prepared.%I', one.sequence, one.name);
    END LOOP;
  END $$`;

/**
 * A prepared database that can be used again and again. That takes a few ms, next to hundreds for a new database or its migrations, most of
 * which is writing.
 */
export class PreparedDatabase {
  readonly #session: SqlSession;
  #signature: unknown;

  /** @param session past any pooler, as superuser */
  constructor(session: SqlSession) {
    this.#session = session;
  }

  /** To be called when it has just been prepared. */
  async keep(): Promise<void> {
    await this.#session.script(KEEP);
    this.#signature = await this.#readSignature();
  }

  /** Makes it hold again what it held then. @returns false when that cannot be done: its schema is not what it was */
  async putBack(): Promise<boolean> {
    if (this.#signature === undefined || this.#signature !== (await this.#readSignature())) return false;
    await this.#session.script(PUT_BACK);
    return true;
  }

  async #readSignature(): Promise<unknown> {
    return (await this.#session.query(SIGNATURE))[0]?.signature;
  }
}
