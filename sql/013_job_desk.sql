-- What clients call their requests (the header Idempotency-Key): one that is sent again is the same job, and not another one.
CREATE TABLE request_keys (
  -- SHA-256 over who asked, for what, and the key: none of the three can be read from it.
  slot text NOT NULL CONSTRAINT request_keys_pkey PRIMARY KEY,
  -- SHA-256 of what was asked for.
  digest text NOT NULL,
  -- No foreign key: a job that somebody deleted is not run again under its key.
  job_id text NOT NULL,
  used_at timestamptz NOT NULL
);
CREATE INDEX request_keys_used_at ON request_keys (used_at);

-- Lists of jobs, newest first, and of dead letters, the last one first.
CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_dead ON jobs (ended_at DESC, id DESC) WHERE status = 'failed';

-- The queue of each account by itself: an account whose jobs nobody takes does not stand before the others' any more.
CREATE INDEX jobs_queue ON jobs (account_id, urgent_at, due_at, id) WHERE urgent_at IS NOT NULL;
DROP INDEX jobs_urgent;
