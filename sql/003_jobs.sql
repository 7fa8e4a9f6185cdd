-- Jobs: the row is the truth, deliveries are only wake-ups. It is written by steps of `job.machine` and nothing else.
CREATE TABLE jobs (
  id text NOT NULL CONSTRAINT jobs_pkey PRIMARY KEY CONSTRAINT jobs_id_not_empty CHECK (id <> ''),
  action text NOT NULL,
  params jsonb NOT NULL,
  -- No foreign key: each accepted job would lock its account's row, and all accepting meets on that one row.
  account_id text NOT NULL,
  status text NOT NULL
    CONSTRAINT jobs_status CHECK (status IN ('queued', 'processing', 'delayed', 'parked', 'completed', 'failed', 'cancelled')),
  priority smallint NOT NULL CONSTRAINT jobs_priority CHECK (priority BETWEEN 1 AND 10),
  attempts integer NOT NULL DEFAULT 0,
  claims integer NOT NULL DEFAULT 0,
  lost_in_a_row integer NOT NULL DEFAULT 0,
  claim_token bigint,
  claim_number integer,
  due_at timestamptz,
  -- The due time plus a minute for each step of priority: sorting by it lets a job gain one step a minute, so none starves,
  -- and the order can be read off an index because it does not change with the time of asking.
  urgent_at timestamptz,
  -- How often the job was woken since its last step, and not before when it is woken again.
  wakes integer NOT NULL DEFAULT 0,
  wake_after timestamptz,
  progress jsonb,
  checkpoint jsonb,
  result jsonb,
  error jsonb,
  reason text,
  cancel_requested boolean NOT NULL DEFAULT false,
  machine_version integer NOT NULL,
  version integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  ended_at timestamptz,
  -- A running job without a claim could never be found lost.
  CONSTRAINT jobs_claimed CHECK ((status = 'processing') = (claim_token IS NOT NULL)),
  CONSTRAINT jobs_claim_whole CHECK ((claim_token IS NULL) = (claim_number IS NULL)),
  -- A waiting job that is not in the queue would never be woken.
  CONSTRAINT jobs_waiting CHECK ((status IN ('queued', 'delayed')) = (urgent_at IS NOT NULL)),
  -- An ended job without its time would never be pruned.
  CONSTRAINT jobs_ended CHECK ((status IN ('completed', 'failed', 'cancelled')) = (ended_at IS NOT NULL))
);

CREATE INDEX jobs_urgent ON jobs (urgent_at, due_at, id) WHERE urgent_at IS NOT NULL;
CREATE INDEX jobs_due ON jobs (due_at) WHERE urgent_at IS NOT NULL;
CREATE INDEX jobs_woken ON jobs (wake_after) WHERE wake_after IS NOT NULL;
CREATE INDEX jobs_held ON jobs (account_id, status) WHERE status IN ('processing', 'parked');
CREATE INDEX jobs_past ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_by_status ON jobs (status);

-- A job's history, one line a step, written in the step's transaction.
CREATE TABLE job_events (
  job_id text NOT NULL CONSTRAINT job_events_job REFERENCES jobs (id) ON DELETE CASCADE,
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  event text NOT NULL,
  from_status text NOT NULL,
  to_status text NOT NULL,
  detail jsonb NOT NULL,
  CONSTRAINT job_events_pkey PRIMARY KEY (job_id, id)
);
