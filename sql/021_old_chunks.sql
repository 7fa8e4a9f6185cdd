-- With TimescaleDB too, whoever holds a window of a channel learns that old messages are gone: by the channels' revisions, as where rows are deleted.
DO $migration$
BEGIN
  IF EXISTS (SELECT FROM pg_matviews WHERE matviewname = 'message_hours')
    OR EXISTS (SELECT FROM pg_views WHERE viewname = 'message_hours')
  THEN
    EXECUTE $statement$
      CREATE OR REPLACE FUNCTION delete_old_messages(before timestamptz, most bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = public, pg_temp
      AS $function$
      DECLARE
        dropped bigint;
      BEGIN
        SELECT count(*) INTO dropped FROM drop_chunks('messages', older_than => before);
        -- A chunk is of all channels. In the order in which everybody holds them.
        IF dropped > 0 THEN
          PERFORM FROM channels ORDER BY chat_id FOR NO KEY UPDATE;
          UPDATE channels SET revision = revision + 1;
        END IF;
        RETURN dropped;
      END
      $function$
    $statement$;
  END IF;
END
$migration$;
