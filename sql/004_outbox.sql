-- What the world shall hear of, written in the transaction that made it true.
CREATE TABLE outbox (
  -- Order of writing, not of committing: a row with a lower id may become visible later.
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
  topic text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  -- Place in the stream of events, given to committed rows only, without holes; null until then.
  position bigint CONSTRAINT outbox_position UNIQUE
);

CREATE INDEX outbox_unplaced ON outbox (id) WHERE position IS NULL;
-- Rows come in the order of time, so a few blocks' bounds find the old ones; a tree would slow every event down.
CREATE INDEX outbox_created ON outbox USING brin (created_at);
