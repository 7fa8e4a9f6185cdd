-- What sql/ makes of an empty database; UPDATE_GOLDEN=1 npx vitest run test/store/schema writes it anew.

TABLE 
  CREATE OR REPLACE FUNCTION public.count_message_hours()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
  BEGIN
    IF TG_OP = 'TRUNCATE' THEN
      DELETE FROM message_hours;
    ELSIF TG_OP = 'INSERT' THEN
      INSERT INTO message_hours AS held (scope, chat_id, hour, messages)
      SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z'), count(*)
      FROM fresh WHERE deleted_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ON CONFLICT (scope, chat_id, hour) DO UPDATE SET messages = held.messages + excluded.messages;
    ELSIF TG_OP = 'DELETE' THEN
      UPDATE message_hours AS held SET messages = held.messages - gone.messages
      FROM (
        SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z') AS hour, count(*) AS messages
        FROM past WHERE deleted_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ) AS gone
      WHERE (held.scope, held.chat_id, held.hour) = (gone.scope, gone.chat_id, gone.hour);
    -- An edit counts for nothing; neither does a deleted message that stays deleted.
    ELSIF EXISTS (SELECT FROM fresh WHERE deleted_at IS NOT NULL) OR EXISTS (SELECT FROM past WHERE deleted_at IS NOT NULL) THEN
      UPDATE message_hours AS held SET messages = held.messages + changed.messages
      FROM (
        SELECT scope, chat_id, date_bin('1 hour', date, timestamptz '2000-01-01 00:00:00Z') AS hour, sum(step) AS messages
        FROM (
          SELECT scope, chat_id, date, 1 AS step FROM fresh WHERE deleted_at IS NULL
          UNION ALL SELECT scope, chat_id, date, -1 FROM past WHERE deleted_at IS NULL
        ) AS steps
        GROUP BY 1, 2, 3 HAVING sum(step) <> 0 ORDER BY 1, 2, 3
      ) AS changed
      WHERE (held.scope, held.chat_id, held.hour) = (changed.scope, changed.chat_id, changed.hour);
    END IF;
    RETURN NULL;
  END
  $function$

  CREATE OR REPLACE FUNCTION public.delete_old_messages(before timestamp with time zone, most bigint)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
  DECLARE
    chat record;
    gone bigint;
    deleted bigint := 0;
  BEGIN
    -- From one chat to the next by the key: there is no index by date, and none is needed where ids follow it.
    SELECT scope, chat_id INTO chat FROM messages ORDER BY scope, chat_id LIMIT 1;
    WHILE FOUND AND deleted < most LOOP
      IF EXISTS (
        SELECT FROM (
          SELECT date FROM messages WHERE scope = chat.scope AND chat_id = chat.chat_id ORDER BY id, date LIMIT 1
        ) AS first WHERE date < before
      ) THEN
        -- As whoever writes a channel's messages does.
        PERFORM FROM channels WHERE chat.scope = 0 AND channels.chat_id = chat.chat_id FOR NO KEY UPDATE;
        DELETE FROM messages USING (
          SELECT id, date FROM (
            SELECT id, date FROM messages WHERE scope = chat.scope AND chat_id = chat.chat_id ORDER BY id, date LIMIT most - deleted
          ) AS first WHERE date < before
        ) AS old
        WHERE scope = chat.scope AND chat_id = chat.chat_id AND messages.id = old.id AND messages.date = old.date;
        GET DIAGNOSTICS gone = ROW_COUNT;
        UPDATE channels SET revision = revision + 1 WHERE gone > 0 AND chat.scope = 0 AND channels.chat_id = chat.chat_id;
        deleted := deleted + gone;
      END IF;
      SELECT scope, chat_id INTO chat FROM messages WHERE (scope, chat_id) > (chat.scope, chat.chat_id) ORDER BY scope, chat_id LIMIT 1;
    END LOOP;
    RETURN deleted;
  END
  $function$

  CREATE OR REPLACE FUNCTION public.insert_jobs(given_jobs json)
 RETURNS SETOF text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

  CREATE OR REPLACE FUNCTION public.pick_due(account_ids text[], moment timestamp with time zone, most bigint, per_account bigint)
 RETURNS TABLE(due_id text, due_account text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$

  CREATE OR REPLACE FUNCTION public.place_outbox(holder text, token bigint, most bigint, lease interval)
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
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
$function$

  CREATE OR REPLACE FUNCTION public.step_jobs(moment timestamp with time zone, given_steps json)
 RETURNS SETOF text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
$function$


TABLE accounts
  id text NOT NULL
  number integer NOT NULL GENERATED ALWAYS AS IDENTITY
  fencing_token bigint NOT NULL DEFAULT 0
  owner text
  taken_at timestamp with time zone
  user_id bigint
  created_at timestamp with time zone NOT NULL DEFAULT now()
  removed_at timestamp with time zone
  CONSTRAINT accounts_fencing_token_counts CHECK ((fencing_token >= 0))
  CONSTRAINT accounts_id_not_empty CHECK ((id <> ''::text))
  CONSTRAINT accounts_number UNIQUE (number)
  CONSTRAINT accounts_number_positive CHECK ((number > 0))
  CONSTRAINT accounts_pkey PRIMARY KEY (id)

TABLE acts
  id uuid NOT NULL
  asked_at timestamp with time zone NOT NULL
  caller text NOT NULL
  caller_by text NOT NULL
  address text
  request_id text
  process text NOT NULL
  actor text
  act text NOT NULL
  event text
  reason text
  detail json
  outcome text NOT NULL
  code text
  why text
  expires_at timestamp with time zone
  finished_at timestamp with time zone
  CONSTRAINT acts_finished CHECK (((finished_at IS NULL) = (outcome = ANY (ARRAY['wanted'::text, 'under-way'::text]))))
  CONSTRAINT acts_outcome CHECK ((outcome = ANY (ARRAY['wanted'::text, 'under-way'::text, 'done'::text, 'refused'::text, 'failed'::text, 'expired'::text, 'unknown'::text])))
  CONSTRAINT acts_pkey PRIMARY KEY (id)
  CREATE INDEX acts_by_time ON public.acts USING btree (asked_at DESC, id DESC)
  CREATE INDEX acts_open ON public.acts USING btree (process) WHERE (finished_at IS NULL)

TABLE channels
  chat_id bigint NOT NULL
  username text
  title text NOT NULL
  kind text NOT NULL
  about text
  participants integer
  revision bigint NOT NULL DEFAULT 0
  synced_at timestamp with time zone
  synced_depth integer NOT NULL DEFAULT 0
  complete boolean NOT NULL DEFAULT false
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT channels_kind CHECK ((kind = ANY (ARRAY['channel'::text, 'supergroup'::text])))
  CONSTRAINT channels_participants_count CHECK ((participants >= 0))
  CONSTRAINT channels_pkey PRIMARY KEY (chat_id)
  CONSTRAINT channels_revision_counts CHECK ((revision >= 0))
  CONSTRAINT channels_synced_depth_counts CHECK ((synced_depth >= 0))
  CREATE INDEX channels_title ON public.channels USING btree (title COLLATE "C", chat_id)
  CREATE UNIQUE INDEX channels_username ON public.channels USING btree (lower((username COLLATE "C")))

TABLE entities
  account_id text NOT NULL
  peer_id bigint NOT NULL
  access_hash bigint NOT NULL
  username text
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT entities_account FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE
  CONSTRAINT entities_pkey PRIMARY KEY (account_id, peer_id)

TABLE foreign_jobs
  job_id text NOT NULL
  digest text NOT NULL
  correlation_id text
  ended_at timestamp with time zone
  answered_at timestamp with time zone
  CONSTRAINT foreign_jobs_answered CHECK (((answered_at IS NULL) OR (ended_at IS NOT NULL)))
  CONSTRAINT foreign_jobs_job FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
  CONSTRAINT foreign_jobs_pkey PRIMARY KEY (job_id)
  CREATE INDEX foreign_jobs_owed ON public.foreign_jobs USING btree (ended_at, job_id) WHERE ((ended_at IS NOT NULL) AND (answered_at IS NULL))

TABLE job_events
  job_id text NOT NULL
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY
  at timestamp with time zone NOT NULL
  event text NOT NULL
  from_status text NOT NULL
  to_status text NOT NULL
  detail jsonb NOT NULL
  CONSTRAINT job_events_job FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
  CONSTRAINT job_events_pkey PRIMARY KEY (job_id, id)

TABLE jobs
  id text NOT NULL
  action text NOT NULL
  params jsonb NOT NULL
  account_id text NOT NULL
  status text NOT NULL
  priority smallint NOT NULL
  attempts integer NOT NULL DEFAULT 0
  claims integer NOT NULL DEFAULT 0
  lost_in_a_row integer NOT NULL DEFAULT 0
  claim_token bigint
  claim_number integer
  due_at timestamp with time zone
  urgent_at timestamp with time zone
  wakes integer NOT NULL DEFAULT 0
  wake_after timestamp with time zone
  progress jsonb
  checkpoint jsonb
  result jsonb
  error jsonb
  reason text
  cancel_requested boolean NOT NULL DEFAULT false
  machine_version integer NOT NULL
  version integer NOT NULL DEFAULT 0
  created_at timestamp with time zone NOT NULL
  updated_at timestamp with time zone NOT NULL
  ended_at timestamp with time zone
  CONSTRAINT jobs_claim_whole CHECK (((claim_token IS NULL) = (claim_number IS NULL)))
  CONSTRAINT jobs_claimed CHECK (((status = 'processing'::text) = (claim_token IS NOT NULL)))
  CONSTRAINT jobs_ended CHECK (((status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])) = (ended_at IS NOT NULL)))
  CONSTRAINT jobs_id_not_empty CHECK ((id <> ''::text))
  CONSTRAINT jobs_pkey PRIMARY KEY (id)
  CONSTRAINT jobs_priority CHECK (((priority >= 1) AND (priority <= 10)))
  CONSTRAINT jobs_status CHECK ((status = ANY (ARRAY['queued'::text, 'processing'::text, 'delayed'::text, 'parked'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
  CONSTRAINT jobs_waiting CHECK (((status = ANY (ARRAY['queued'::text, 'delayed'::text])) = (urgent_at IS NOT NULL)))
  CREATE INDEX jobs_by_status ON public.jobs USING btree (status)
  CREATE INDEX jobs_dead ON public.jobs USING btree (ended_at DESC, id DESC) WHERE (status = 'failed'::text)
  CREATE INDEX jobs_due ON public.jobs USING btree (account_id, due_at) WHERE (urgent_at IS NOT NULL)
  CREATE INDEX jobs_held ON public.jobs USING btree (account_id, status) WHERE (status = ANY (ARRAY['processing'::text, 'parked'::text]))
  CREATE INDEX jobs_newest ON public.jobs USING btree (created_at DESC, id DESC)
  CREATE INDEX jobs_past ON public.jobs USING btree (ended_at) WHERE (ended_at IS NOT NULL)
  CREATE INDEX jobs_queue ON public.jobs USING btree (account_id, urgent_at, due_at, id) WHERE (urgent_at IS NOT NULL)
  CREATE INDEX jobs_woken ON public.jobs USING btree (account_id, wake_after) WHERE (wake_after IS NOT NULL)

TABLE leases
  account_id text NOT NULL
  owner text
  token bigint NOT NULL DEFAULT 0
  expires_at timestamp with time zone
  home text
  evidence jsonb
  evidence_at timestamp with time zone
  CONSTRAINT leases_account FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE
  CONSTRAINT leases_owned CHECK (((owner IS NULL) = (expires_at IS NULL)))
  CONSTRAINT leases_pkey PRIMARY KEY (account_id)
  CONSTRAINT leases_token_counts CHECK ((token >= 0))
  CONSTRAINT leases_told CHECK (((evidence IS NULL) = (evidence_at IS NULL)))

TABLE login_desks
  worker text NOT NULL
  public_key text NOT NULL
  opened_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT login_desks_pkey PRIMARY KEY (worker)

TABLE login_errands
  id uuid NOT NULL
  account_id text NOT NULL
  worker text NOT NULL
  question text
  answer text
  asked_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT login_errands_account FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE
  CONSTRAINT login_errands_pkey PRIMARY KEY (id)

TABLE message_days
  scope integer
  chat_id bigint
  day timestamp with time zone
  messages bigint
  VIEW

TABLE message_hours
  scope integer NOT NULL
  chat_id bigint NOT NULL
  hour timestamp with time zone NOT NULL
  messages bigint NOT NULL
  CONSTRAINT message_hours_pkey PRIMARY KEY (scope, chat_id, hour)

TABLE messages
  scope integer NOT NULL
  chat_id bigint NOT NULL
  id integer NOT NULL
  date timestamp with time zone NOT NULL
  edit_date timestamp with time zone
  pts bigint NOT NULL
  kind text NOT NULL
  text text NOT NULL
  entities json NOT NULL
  from_id bigint
  reply_to_id integer
  views integer
  media text
  raw json NOT NULL
  deleted_at timestamp with time zone
  CONSTRAINT messages_kind CHECK ((kind = ANY (ARRAY['message'::text, 'service'::text])))
  CONSTRAINT messages_pkey PRIMARY KEY (scope, chat_id, id, date)
  CONSTRAINT messages_scope_counts CHECK ((scope >= 0))
  CREATE INDEX messages_newest ON public.messages USING btree (scope, chat_id, id DESC) WHERE (deleted_at IS NULL)
  CREATE INDEX messages_private ON public.messages USING btree (scope, id) WHERE (scope > 0)
  CREATE TRIGGER messages_deleted AFTER DELETE ON public.messages REFERENCING OLD TABLE AS past FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours()
  CREATE TRIGGER messages_inserted AFTER INSERT ON public.messages REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours()
  CREATE TRIGGER messages_truncated AFTER TRUNCATE ON public.messages FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours()
  CREATE TRIGGER messages_updated AFTER UPDATE ON public.messages REFERENCING OLD TABLE AS past NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION count_message_hours()

TABLE monitor_channels
  chat_id bigint
  username text
  title text
  kind text
  revision bigint
  synced_at timestamp with time zone
  synced_depth integer
  complete boolean
  messages bigint
  first_hour timestamp with time zone
  last_hour timestamp with time zone
  VIEW

TABLE monitor_dead_letters
  action text
  account_id text
  code text
  jobs bigint
  first_at timestamp with time zone
  last_at timestamp with time zone
  VIEW

TABLE monitor_jobs
  status text
  account_id text
  jobs bigint
  oldest_created_at timestamp with time zone
  longest_untouched_at timestamp with time zone
  VIEW

TABLE monitor_leases
  account_id text
  owner text
  token bigint
  expires_at timestamp with time zone
  held boolean
  home text
  evidence_at timestamp with time zone
  evidence_age interval
  removed_at timestamp with time zone
  VIEW

TABLE monitor_queue
  account_id text
  due bigint
  due_since timestamp with time zone
  lag interval
  woken bigint
  woken_in_vain bigint
  VIEW

TABLE monitor_stream
  head bigint
  pruned bigint
  owner text
  fencing_token bigint
  expires_at timestamp with time zone
  waiting bigint
  waiting_since timestamp with time zone
  lag interval
  published bigint
  unpublished bigint
  VIEW

TABLE monitor_tables
  table_name name
  rows bigint
  dead_rows bigint
  bytes bigint
  vacuumed_at timestamp with time zone
  analyzed_at timestamp with time zone
  VIEW

TABLE outbox
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY
  topic text NOT NULL
  payload json NOT NULL
  created_at timestamp with time zone NOT NULL
  position bigint
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
  CONSTRAINT outbox_position UNIQUE ("position")
  CREATE INDEX outbox_unplaced ON public.outbox USING btree (id) WHERE ("position" IS NULL)

TABLE positions
  account_id text NOT NULL
  box text NOT NULL
  pts bigint NOT NULL
  qts bigint NOT NULL
  date timestamp with time zone NOT NULL
  seq bigint NOT NULL
  updated_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT positions_account FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE
  CONSTRAINT positions_pkey PRIMARY KEY (account_id, box)

TABLE process_views
  process_id text NOT NULL
  path text NOT NULL
  wanted_until timestamp with time zone NOT NULL
  view text
  written_at timestamp with time zone
  CONSTRAINT process_views_pkey PRIMARY KEY (process_id, path)
  CONSTRAINT process_views_process FOREIGN KEY (process_id) REFERENCES processes(id) ON DELETE CASCADE
  CONSTRAINT process_views_written CHECK (((view IS NULL) OR (written_at IS NOT NULL)))

TABLE processes
  id text NOT NULL
  role text NOT NULL
  host text NOT NULL
  pid bigint NOT NULL
  version text NOT NULL
  started_at timestamp with time zone NOT NULL
  seen_at timestamp with time zone NOT NULL
  figures jsonb NOT NULL
  CONSTRAINT processes_pkey PRIMARY KEY (id)

TABLE publishing
  only_row boolean NOT NULL DEFAULT true
  position bigint NOT NULL
  CONSTRAINT publishing_has_one_row CHECK (only_row)
  CONSTRAINT publishing_pkey PRIMARY KEY (only_row)
  CONSTRAINT publishing_position CHECK (("position" >= 0))

TABLE request_keys
  slot text NOT NULL
  digest text NOT NULL
  job_id text NOT NULL
  used_at timestamp with time zone NOT NULL
  CONSTRAINT request_keys_pkey PRIMARY KEY (slot)
  CREATE INDEX request_keys_used_at ON public.request_keys USING btree (used_at)

TABLE schema_migrations
  version integer NOT NULL
  name text NOT NULL
  checksum text NOT NULL
  applied_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)

TABLE sessions
  account_id text NOT NULL
  generation bigint NOT NULL
  envelope text NOT NULL
  fencing_token bigint NOT NULL
  saved_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT sessions_account FOREIGN KEY (account_id) REFERENCES accounts(id)
  CONSTRAINT sessions_generation_counts CHECK ((generation > 0))
  CONSTRAINT sessions_pkey PRIMARY KEY (account_id, generation)

TABLE stream
  only_row boolean NOT NULL DEFAULT true
  owner text
  fencing_token bigint NOT NULL DEFAULT 0
  expires_at timestamp with time zone
  head bigint NOT NULL DEFAULT 0
  pruned bigint NOT NULL DEFAULT 0
  CONSTRAINT stream_fencing_token_counts CHECK ((fencing_token >= 0))
  CONSTRAINT stream_has_one_row CHECK (only_row)
  CONSTRAINT stream_lease CHECK (((owner IS NULL) = (expires_at IS NULL)))
  CONSTRAINT stream_order CHECK (((0 <= pruned) AND (pruned <= head)))
  CONSTRAINT stream_pkey PRIMARY KEY (only_row)

TABLE unfollowed
  account_id text NOT NULL
  chat_id bigint NOT NULL
  since timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT unfollowed_account FOREIGN KEY (account_id) REFERENCES accounts(id) ON DELETE CASCADE
  CONSTRAINT unfollowed_pkey PRIMARY KEY (account_id, chat_id)

TABLE unseen_deletions
  chat_id bigint NOT NULL
  id integer NOT NULL
  told_at timestamp with time zone NOT NULL
  CONSTRAINT unseen_deletions_pkey PRIMARY KEY (chat_id, id)
  CREATE INDEX unseen_deletions_told_at ON public.unseen_deletions USING btree (told_at)

TABLE workers
  id text NOT NULL
  expires_at timestamp with time zone NOT NULL
  CONSTRAINT workers_pkey PRIMARY KEY (id)

TABLE world
  only_row boolean NOT NULL DEFAULT true
  kind text NOT NULL
  id text NOT NULL
  stamped_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT world_has_one_row CHECK (only_row)
  CONSTRAINT world_kind CHECK ((kind = ANY (ARRAY['telegram'::text, 'simulator'::text, 'server'::text])))
  CONSTRAINT world_pkey PRIMARY KEY (only_row)
