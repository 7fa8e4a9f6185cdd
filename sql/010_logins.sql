-- Where a gateway asks the worker that serves an account to do a step of a login. Question and answer are sealed boxes: what opens them is
-- only in the memory of the two processes.
CREATE TABLE login_desks (
  -- The installation, as in `leases`.
  worker text NOT NULL CONSTRAINT login_desks_pkey PRIMARY KEY,
  -- Of its present life.
  public_key text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE login_errands (
  id uuid NOT NULL CONSTRAINT login_errands_pkey PRIMARY KEY,
  account_id text NOT NULL CONSTRAINT login_errands_account REFERENCES accounts (id) ON DELETE CASCADE,
  worker text NOT NULL,
  -- Null once the worker has taken it.
  question text,
  answer text,
  -- It lives for a minute, whatever becomes of it.
  asked_at timestamptz NOT NULL DEFAULT now()
);
