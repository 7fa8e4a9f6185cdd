-- The stream of events is the outbox in the order of its positions. One row at most, as in `world`.
CREATE TABLE stream (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT stream_pkey PRIMARY KEY CONSTRAINT stream_has_one_row CHECK (only_row),
  -- Who gives positions, and until when by this database's clock. Whoever takes that over gets a higher token.
  owner text,
  fencing_token bigint NOT NULL DEFAULT 0 CONSTRAINT stream_fencing_token_counts CHECK (fencing_token >= 0),
  expires_at timestamptz,
  -- The last position that was given.
  head bigint NOT NULL DEFAULT 0,
  -- All rows up to this position were deleted because they were old.
  pruned bigint NOT NULL DEFAULT 0,
  CONSTRAINT stream_order CHECK (0 <= pruned AND pruned <= head),
  CONSTRAINT stream_lease CHECK ((owner IS NULL) = (expires_at IS NULL))
);
INSERT INTO stream (head) SELECT coalesce(max(position), 0) FROM outbox;

-- Gives the next positions to rows that are committed, in the order of their ids; one whose transaction commits late gets its place then.
-- Returns how many, or null when the caller does not hold the token any more.
CREATE FUNCTION place_outbox(holder text, token bigint, most bigint, lease interval) RETURNS bigint LANGUAGE plpgsql
-- A plan that was made while the table was small is kept for as long as the session. What has no other plan is made to look so dear by this
-- that it would be compiled, which takes a hundred times as long as running it.
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
  base bigint;
  placed bigint;
BEGIN
  -- Nearly always there is nothing: that shall cost no lock and write nothing.
  IF NOT EXISTS (SELECT FROM outbox WHERE position IS NULL) THEN
    RETURN 0;
  END IF;
  SELECT head INTO base FROM stream WHERE owner = holder AND fencing_token = token FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  -- A statement of its own sees all that was committed before it, and with it whatever the lock's holder before us has placed.
  WITH waiting AS (SELECT id FROM outbox WHERE position IS NULL ORDER BY id LIMIT most),
  numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM waiting)
  UPDATE outbox SET position = base + numbered.place FROM numbered WHERE outbox.id = numbered.id;
  GET DIAGNOSTICS placed = ROW_COUNT;
  UPDATE stream SET head = base + placed, expires_at = clock_timestamp() + lease WHERE placed > 0;
  RETURN placed;
END
$$;

-- Stored and given back, never looked into.
ALTER TABLE outbox ALTER COLUMN payload TYPE json;

-- Rows are deleted in the order of their positions now.
DROP INDEX outbox_created;
