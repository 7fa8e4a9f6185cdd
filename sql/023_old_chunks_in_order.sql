-- With TimescaleDB, dropping a chunk waits for whoever works with it and keeps out all others, and every statement that writes messages of channels takes the table
-- `channels`, then the chunks, then its channels' rows. So that nobody waits in a circle, all who write are waited for before anything is dropped, and by the
-- table: whoever had the rows alone would wait for the chunks of a statement that waits for a row.
DO $migration$
BEGIN
  IF EXISTS (SELECT FROM pg_matviews WHERE matviewname = 'message_hours')
    OR EXISTS (SELECT FROM pg_views WHERE viewname = 'message_hours')
  THEN
    -- While it waits, others wait behind it: it rather fails, and is asked again.
    EXECUTE $statement$
      CREATE OR REPLACE FUNCTION delete_old_messages(before timestamptz, most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = public, pg_temp SET lock_timeout = '500ms'
      AS $function$
      DECLARE
        dropped bigint;
      BEGIN
        IF NOT EXISTS (SELECT FROM show_chunks('messages', older_than => before)) THEN
          RETURN 0;
        END IF;
        LOCK TABLE channels IN EXCLUSIVE MODE;
        SELECT count(*) INTO dropped FROM drop_chunks('messages', older_than => before);
        -- A chunk is of all channels.
        UPDATE channels SET revision = revision + 1 WHERE dropped > 0;
        RETURN dropped;
      END
      $function$
    $statement$;
  END IF;
END
$migration$;
