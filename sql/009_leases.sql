-- Who owns an account's session. Telegram burns a key that is used from two places, so only the holder of the lease connects.
-- A table of its own, not columns of `accounts`: renewals come every few seconds and shall wait for no job's transaction.
CREATE TABLE leases (
  account_id text NOT NULL CONSTRAINT leases_pkey PRIMARY KEY CONSTRAINT leases_account REFERENCES accounts (id) ON DELETE CASCADE,
  -- The installation that holds it; null where it was given back, and whoever comes first may have it at once.
  owner text,
  -- The account's fencing token as of when the lease was taken. The account's own may be higher: lives of its consumer count on from there.
  token bigint NOT NULL DEFAULT 0 CONSTRAINT leases_token_counts CHECK (token >= 0),
  -- By this database's clock.
  expires_at timestamptz,
  -- The installation in whose files the account's session lies; null where nobody has one, or the sessions are in this database.
  home text,
  -- What its owner said of the account's health when it renewed the lease, and when that was.
  evidence jsonb,
  evidence_at timestamptz,
  CONSTRAINT leases_owned CHECK ((owner IS NULL) = (expires_at IS NULL)),
  CONSTRAINT leases_told CHECK ((evidence IS NULL) = (evidence_at IS NULL))
-- Nothing of what changes is indexed: with room on the page, a renewal leaves no work for vacuum.
) WITH (fillfactor = 50);

-- Installations that serve accounts, so that each knows how many share them.
CREATE TABLE workers (
  id text NOT NULL CONSTRAINT workers_pkey PRIMARY KEY,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
