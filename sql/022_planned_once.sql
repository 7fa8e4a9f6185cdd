-- What each job costs several times, accepting, waking and stepping it, is planned once a session here: as statements of their own they would be planned
-- anew each time, which takes longer than running them, and a pooler that lends its connections by transaction allows no prepared ones.
-- The settings: a plan is made while the tables are small and kept, so that it has to be the one for large tables; and of rows that come and go, a plain
-- index scan alone remembers which entries are dead, where a bitmap reads all of them again with each look until somebody vacuums.

-- What `Store.pickDue` says. Each account's queue is read off the index as far as there is room for it. `urgent_at` follows the due time by ten minutes at
-- most (ten priorities), which keeps the far future out of the scan. What is locked then is being stepped or picked by somebody else at this moment.
CREATE FUNCTION pick_due(account_ids text[], moment timestamptz, most bigint, per_account bigint)
RETURNS TABLE (due_id text, due_account text) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_sort = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH room AS (
    SELECT account.of_account, CASE WHEN per_account IS NULL THEN most ELSE least(most, greatest(0, per_account - (
      SELECT count(*) FROM jobs WHERE account_id = account.of_account AND status = 'processing'
    ) - (
      SELECT count(*) FROM jobs WHERE account_id = account.of_account AND wake_after > moment AND wakes < 4
    ))) END AS places FROM unnest(account_ids) AS account (of_account)
  ), first AS (
    SELECT queue.id AS first_id FROM room CROSS JOIN LATERAL (
      SELECT id, urgent_at, due_at FROM jobs
      WHERE account_id = room.of_account AND urgent_at <= moment + interval '10 minutes'
        AND coalesce(due_at, '-infinity') <= moment AND coalesce(wake_after, '-infinity') <= moment
      ORDER BY urgent_at, due_at, id LIMIT room.places
    ) AS queue
    ORDER BY queue.urgent_at, queue.due_at, queue.id
    LIMIT most
  ), due AS (
    -- Written so that only the primary key can find the row: planned for a table without rows, the queue's whole index would be read for each.
    SELECT id, account_id, urgent_at, due_at FROM jobs JOIN first ON id = first_id
    WHERE coalesce(urgent_at, 'infinity') <= moment + interval '10 minutes'
      AND coalesce(due_at, '-infinity') <= moment AND coalesce(wake_after, '-infinity') <= moment
    FOR UPDATE OF jobs SKIP LOCKED
  ), woken AS (
    UPDATE jobs SET wakes = wakes + 1, wake_after = moment + least(60, power(2, least(wakes, 6))) * interval '1 second'
    FROM due WHERE jobs.id = due.id
  )
  SELECT due.id, due.account_id FROM due ORDER BY due.urgent_at, due.due_at, due.id;
END
$$;

-- What `Store.insertJobs` says: the ids of those that were stored. Keys are taken in one order everywhere, so that two batches with the same ones wait for
-- each other and never in a circle. A key that another transaction has just taken is waited for; one whose day is over is taken over.
-- Jobs are rows of JSON, their times in ms since the Unix epoch: a single parameter, which costs a client a tenth of a dozen arrays.
CREATE FUNCTION insert_jobs(given_jobs json) RETURNS SETOF text LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS (
    SELECT job.*, to_timestamp(job.created / 1000.0) AS created_at, to_timestamp(job.urgent / 1000.0) AS urgent_at
    FROM ROWS FROM (json_to_recordset(given_jobs) AS (
      id text, action text, params jsonb, account_id text, priority smallint, machine_version integer, created bigint, urgent bigint, slot text, digest text
    )) WITH ORDINALITY AS job (id, action, params, account_id, priority, machine_version, created, urgent, slot, digest, place)
    WHERE NOT EXISTS (SELECT FROM accounts WHERE accounts.id = job.account_id AND removed_at IS NOT NULL)
  ), keyed AS (
    INSERT INTO request_keys AS known (slot, digest, job_id, used_at)
    SELECT DISTINCT ON (slot) slot, digest, id, created_at FROM given WHERE slot IS NOT NULL ORDER BY slot, place
    ON CONFLICT (slot) DO UPDATE SET digest = excluded.digest, job_id = excluded.job_id, used_at = excluded.used_at
      WHERE known.used_at <= excluded.used_at - interval '24 hours'
    RETURNING job_id
  ), fresh AS (
    INSERT INTO jobs (id, action, params, account_id, status, priority, due_at, urgent_at, machine_version, created_at, updated_at)
    SELECT id, action, params, account_id, 'queued', priority, created_at, urgent_at, machine_version, created_at, created_at FROM given
    WHERE slot IS NULL OR id IN (SELECT job_id FROM keyed) ORDER BY place
    RETURNING id
  )
  SELECT id FROM fresh;
END
$$;

-- A history's first line is always the same, and its time is the job's own: it is told without being stored, which was a third of what accepting a job
-- cost. Its number is 1, which no line gets that is stored from now on. Lines of before stay where they are.
SELECT nextval(pg_get_serial_sequence('job_events', 'id'));

-- Steps of different jobs, each as it was decided on a row of that version and, where it is given, under that fencing token of the account; whatever is
-- otherwise by now, or held by somebody, the account too, is left out: nobody is waited for, since the other steps would wait as well. A wake-up changes
-- no version. A token is compared once nobody can change it until the end. Returns the ids of those that were written: whoever decided them knows the
-- rest, and giving whole rows back was a tenth of what an empty job costs.
CREATE FUNCTION step_jobs(moment timestamptz, given_steps json) RETURNS SETOF text LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH step AS (
    SELECT * FROM ROWS FROM (json_to_recordset(given_steps) AS (
      id text, version integer, token bigint, account_id text, lines json, news json,
      status text, priority smallint, attempts integer, claims integer, lost_in_a_row integer, claim_token bigint, claim_number integer, due bigint, urgent bigint,
      progress jsonb, checkpoint jsonb, result jsonb, error jsonb, reason text, cancel_requested boolean, machine_version integer, ended bigint
    )) WITH ORDINALITY AS step (of_job, from_version, from_token, of_account, lines, news,
      to_status, to_priority, to_attempts, to_claims, to_lost, to_token, to_number, due, urgent,
      to_progress, to_checkpoint, to_result, to_error, to_reason, to_cancel, to_machine, ended, step_place)
  ), account AS (
    SELECT id AS held_account, fencing_token AS held_token FROM accounts
    WHERE id IN (SELECT of_account FROM step WHERE from_token IS NOT NULL) ORDER BY id FOR SHARE SKIP LOCKED
  ), held AS (
    SELECT of_job AS held_id FROM jobs JOIN step ON id = of_job AND version = from_version FOR UPDATE OF jobs SKIP LOCKED
  ), mine AS (
    SELECT step.* FROM held JOIN step ON of_job = held_id LEFT JOIN account ON held_account = of_account
    WHERE from_token IS NULL OR from_token = held_token
      OR (from_token = 0 AND NOT EXISTS (SELECT FROM accounts WHERE id = of_account))
  ), told AS (
    INSERT INTO job_events (job_id, at, event, from_status, to_status, detail)
    SELECT of_job, moment, line.event, line.from_status, line.to_status, line.detail FROM mine, ROWS FROM (
      json_to_recordset(lines) AS (event text, "from" text, "to" text, detail jsonb)
    ) WITH ORDINALITY AS line (event, from_status, to_status, detail, place) ORDER BY step_place, place
  ), heard AS (
    INSERT INTO outbox (topic, payload, created_at)
    SELECT entry.topic, entry.payload, moment FROM mine, ROWS FROM (
      json_to_recordset(news) AS (topic text, payload json)
    ) WITH ORDINALITY AS entry (topic, payload, place) ORDER BY step_place, place
  ), owed AS (
    -- From its end on, a job of another program is owed its answer: one only, should it be taken up again and end again.
    UPDATE foreign_jobs SET ended_at = to_timestamp(ended / 1000.0) FROM mine WHERE job_id = of_job AND ended_at IS NULL AND ended IS NOT NULL
  )
  UPDATE jobs SET
    updated_at = moment, version = version + 1, wakes = 0, wake_after = NULL,
    status = to_status, priority = to_priority, attempts = to_attempts, claims = to_claims, lost_in_a_row = to_lost, claim_token = to_token,
    claim_number = to_number, due_at = to_timestamp(due / 1000.0), urgent_at = to_timestamp(urgent / 1000.0), progress = to_progress,
    checkpoint = to_checkpoint, result = to_result, error = to_error, reason = to_reason, cancel_requested = to_cancel,
    machine_version = to_machine, ended_at = to_timestamp(ended / 1000.0)
  FROM mine WHERE id = of_job
  RETURNING id;
END
$$;
