-- Jobs that other programs have asked for over RabbitMQ: each is owed one answer.
CREATE TABLE foreign_jobs (
  job_id text NOT NULL CONSTRAINT foreign_jobs_pkey PRIMARY KEY
    CONSTRAINT foreign_jobs_job REFERENCES jobs (id) ON DELETE CASCADE,
  -- Tells the same request, when it comes again, from another one of the same id.
  digest text NOT NULL,
  -- By what the program that asked knows the answer; null where it said nothing.
  correlation_id text,
  -- When the job came to its end, written in the transaction of that: from then on the answer is owed.
  ended_at timestamptz,
  -- When RabbitMQ had confirmed the answer.
  answered_at timestamptz,
  CONSTRAINT foreign_jobs_answered CHECK (answered_at IS NULL OR ended_at IS NOT NULL)
);

CREATE INDEX foreign_jobs_owed ON foreign_jobs (ended_at, job_id) WHERE ended_at IS NOT NULL AND answered_at IS NULL;

-- How far the stream of events has been published to other programs. One row at most; none before the first that publishes.
CREATE TABLE publishing (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT publishing_pkey PRIMARY KEY CONSTRAINT publishing_has_one_row CHECK (only_row),
  -- Everything up to here was confirmed, or was not kept any more.
  position bigint NOT NULL CONSTRAINT publishing_position CHECK (position >= 0)
);
