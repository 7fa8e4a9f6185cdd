-- Sealed sessions, where SESSION_STORE=database: what opens them is never here.
CREATE TABLE sessions (
  -- No cascade: an account's row shall not take its session with it.
  account_id text NOT NULL CONSTRAINT sessions_account REFERENCES accounts (id),
  generation bigint NOT NULL CONSTRAINT sessions_generation_counts CHECK (generation > 0),
  envelope text NOT NULL,
  -- Under which token it was written.
  fencing_token bigint NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sessions_pkey PRIMARY KEY (account_id, generation)
);
