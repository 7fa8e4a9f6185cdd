-- Deletes messages older than a time, for good, from the oldest chunk or the lowest ids of each chat on. Returns how many rows (of a hypertable: chunks)
-- are gone; where it is `most`, there may be more. With TimescaleDB only what is of a chunk that is old as a whole goes: up to 7 days later.
DO $migration$
BEGIN
  IF EXISTS (SELECT FROM pg_matviews WHERE matviewname = 'message_hours')
    OR EXISTS (SELECT FROM pg_views WHERE viewname = 'message_hours')
  THEN
    -- Chunks belong to the owner of the table, who may be another role than the one that runs the service.
    EXECUTE $statement$
      CREATE FUNCTION delete_old_messages(before timestamptz, most bigint) RETURNS bigint LANGUAGE sql SECURITY DEFINER
      SET search_path = public, pg_temp
      AS $function$ SELECT count(*) FROM drop_chunks('messages', older_than => before) $function$
    $statement$;
    RETURN;
  END IF;

  CREATE FUNCTION delete_old_messages(before timestamptz, most bigint) RETURNS bigint LANGUAGE plpgsql AS $function$
  DECLARE
    chat record;
    gone bigint;
    deleted bigint := 0;
  BEGIN
    -- From one chat to the next by the key: there is no index by date, and none is needed where ids follow it.
    SELECT scope, chat_id INTO chat FROM messages ORDER BY scope, chat_id LIMIT 1;
    WHILE FOUND AND deleted < most LOOP
      IF EXISTS (
        SELECT FROM (
          SELECT date FROM messages WHERE scope = chat.scope AND chat_id = chat.chat_id ORDER BY id, date LIMIT 1
        ) AS first WHERE date < before
      ) THEN
        -- As whoever writes a channel's messages does.
        PERFORM FROM channels WHERE chat.scope = 0 AND channels.chat_id = chat.chat_id FOR NO KEY UPDATE;
        DELETE FROM messages USING (
          SELECT id, date FROM (
            SELECT id, date FROM messages WHERE scope = chat.scope AND chat_id = chat.chat_id ORDER BY id, date LIMIT most - deleted
          ) AS first WHERE date < before
        ) AS old
        WHERE scope = chat.scope AND chat_id = chat.chat_id AND messages.id = old.id AND messages.date = old.date;
        GET DIAGNOSTICS gone = ROW_COUNT;
        UPDATE channels SET revision = revision + 1 WHERE gone > 0 AND chat.scope = 0 AND channels.chat_id = chat.chat_id;
        deleted := deleted + gone;
      END IF;
      SELECT scope, chat_id INTO chat FROM messages WHERE (scope, chat_id) > (chat.scope, chat.chat_id) ORDER BY scope, chat_id LIMIT 1;
    END LOOP;
    RETURN deleted;
  END
  $function$;
END
$migration$;
