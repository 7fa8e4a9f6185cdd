-- How many messages each chat has of each hour (UTC), deleted ones left out: `message_hours (scope, chat_id, hour, messages)`, with TimescaleDB a
-- continuous aggregate over a hypertable, without it a table that triggers keep in the transaction of every change, whoever makes it. Readers
-- need not know which, except that a continuous aggregate learns of what changes in hours past within a quarter of an hour.
DO $migration$
DECLARE
  extension text;
  statement text;
BEGIN
  SELECT extversion INTO extension FROM pg_extension WHERE extname = 'timescaledb';
  -- What is loaded is told to few; an owner that is not among them finds the extension made by ops/postgresql/roles.sql.
  IF extension IS NULL
    AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
    AND EXISTS (SELECT FROM pg_settings WHERE name = 'shared_preload_libraries' AND setting ~ '\mtimescaledb\M')
  THEN
    EXECUTE 'CREATE EXTENSION timescaledb';
    SELECT extversion INTO extension FROM pg_extension WHERE extname = 'timescaledb';
  END IF;

  -- Chunks that are compressed can be written since 2.11. The Apache edition has neither compression nor aggregates.
  IF string_to_array(substring(extension FROM '^\d+\.\d+'), '.')::int[] >= ARRAY[2, 11]
    AND current_setting('timescaledb.license', true) = 'timescale'
  THEN
    FOREACH statement IN ARRAY ARRAY[
      $$SELECT create_hypertable('messages', 'date', chunk_time_interval => interval '7 days', create_default_indexes => false, migrate_data => true)$$,
      $$CREATE MATERIALIZED VIEW message_hours WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT scope, chat_id, time_bucket(interval '1 hour', date) AS hour, count(*) FILTER (WHERE deleted_at IS NULL) AS messages
        FROM messages GROUP BY scope, chat_id, time_bucket(interval '1 hour', date) WITH NO DATA$$,
      -- From the beginning: what did not change since the last time is not counted again.
      $$SELECT add_continuous_aggregate_policy('message_hours', start_offset => NULL, end_offset => interval '1 hour', schedule_interval => interval '15 minutes')$$,
      $$ALTER TABLE messages SET (timescaledb.compress, timescaledb.compress_segmentby = 'scope, chat_id', timescaledb.compress_orderby = 'id DESC, date DESC')$$,
      -- Deletions and edits come late, but seldom so late.
      $$SELECT add_compression_policy('messages', compress_after => interval '90 days')$$
    ] LOOP
      EXECUTE statement;
    END LOOP;
    RETURN;
  END IF;

  CREATE TABLE message_hours (
    scope integer NOT NULL,
    chat_id bigint NOT NULL,
    hour timestamptz NOT NULL,
    -- No lower bound: a count that is wrong, because somebody switched the triggers off, shall refuse nobody's messages.
    messages bigint NOT NULL,
    CONSTRAINT message_hours_pkey PRIMARY KEY (scope, chat_id, hour)
  -- The present hour's row is written with every message.
  ) WITH (fillfactor = 70);

  -- In the order of the key, so that two who count the same hours never wait for each other in a circle.
  CREATE FUNCTION count_message_hours() RETURNS trigger LANGUAGE plpgsql AS $function$
  BEGIN
    IF TG_OP = 'TRUNCATE' THEN
      DELETE FROM message_hours;
    ELSIF TG_OP = 'INSERT' THEN
      INSERT INTO message_hours AS held (scope, chat_id, hour, messages)
      SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z'), count(*)
      FROM fresh WHERE deleted_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ON CONFLICT (scope, chat_id, hour) DO UPDATE SET messages = held.messages + excluded.messages;
    ELSIF TG_OP = 'DELETE' THEN
      UPDATE message_hours AS held SET messages = held.messages - gone.messages
      FROM (
        SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z') AS hour, count(*) AS messages
        FROM past WHERE deleted_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ) AS gone
      WHERE (held.scope, held.chat_id, held.hour) = (gone.scope, gone.chat_id, gone.hour);
    -- An edit counts for nothing; neither does a deleted message that stays deleted.
    ELSIF EXISTS (SELECT FROM fresh WHERE deleted_at IS NOT NULL) OR EXISTS (SELECT FROM past WHERE deleted_at IS NOT NULL) THEN
      UPDATE message_hours AS held SET messages = held.messages + changed.messages
      FROM (
        SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z') AS hour, sum(step) AS messages
        FROM (
          SELECT scope, chat_id, date, 1 AS step FROM fresh WHERE deleted_at IS NULL
          UNION ALL SELECT scope, chat_id, date, -1 FROM past WHERE deleted_at IS NULL
        ) AS steps
        GROUP BY 1, 2, 3 HAVING sum(step) <> 0 ORDER BY 1, 2, 3
      ) AS changed
      WHERE (held.scope, held.chat_id, held.hour) = (changed.scope, changed.chat_id, changed.hour);
    END IF;
    RETURN NULL;
  END
  $function$;
  CREATE TRIGGER messages_inserted AFTER INSERT ON messages REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours();
  CREATE TRIGGER messages_updated AFTER UPDATE ON messages REFERENCING OLD TABLE AS past NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours();
  CREATE TRIGGER messages_deleted AFTER DELETE ON messages REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours();
  CREATE TRIGGER messages_truncated AFTER TRUNCATE ON messages FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours();

  INSERT INTO message_hours (scope, chat_id, hour, messages)
  SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z'), count(*)
  FROM messages WHERE deleted_at IS NULL GROUP BY 1, 2, 3;
END
$migration$;

CREATE VIEW message_days AS
SELECT scope, chat_id, date_bin('1 day', hour, timestamptz '2000-01-01 00:00:00Z') AS day, sum(messages)::bigint AS messages
FROM message_hours GROUP BY 1, 2, 3;
