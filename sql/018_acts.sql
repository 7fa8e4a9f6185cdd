-- What people did to the actors of processes, and to dead letters: who, when, what, and what came of it. Where a process is asked to do something, its
-- row is how it hears of it. Nothing here is a secret: callers are known by ids that give nothing of their tokens away.
CREATE TABLE acts (
  id uuid NOT NULL CONSTRAINT acts_pkey PRIMARY KEY,
  asked_at timestamptz NOT NULL,
  -- As the gateway knows whoever asked, and by what: `token`, `jwt`, or `local` where no token is needed.
  caller text NOT NULL,
  caller_by text NOT NULL,
  address text,
  request_id text,
  -- The installation that does it.
  process text NOT NULL,
  -- Null where it was not done to an actor.
  actor text,
  act text NOT NULL,
  -- Of a `send`.
  event text,
  -- Why, in the words of whoever asked.
  reason text,
  detail json,
  outcome text NOT NULL CONSTRAINT acts_outcome
    CHECK (outcome IN ('wanted', 'under-way', 'done', 'refused', 'failed', 'expired', 'unknown')),
  -- Of the error that it was refused with or failed of.
  code text,
  why text,
  -- Of one that another process is asked for: a wanted act is not taken after this, by this database's clock.
  expires_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT acts_finished CHECK ((finished_at IS NULL) = (outcome IN ('wanted', 'under-way')))
);

CREATE INDEX acts_by_time ON acts (asked_at DESC, id DESC);
CREATE INDEX acts_open ON acts (process) WHERE finished_at IS NULL;
