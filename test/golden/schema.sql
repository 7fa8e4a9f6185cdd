-- What sql/ makes of an empty database; UPDATE_GOLDEN=1 npx vitest run test/store/schema writes it anew.

TABLE accounts
  id text NOT NULL
  number integer NOT NULL GENERATED ALWAYS AS IDENTITY
  fencing_token bigint NOT NULL DEFAULT 0
  owner text
  taken_at timestamp with time zone
  user_id bigint
  created_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT accounts_fencing_token_counts CHECK ((fencing_token >= 0))
  CONSTRAINT accounts_id_not_empty CHECK ((id <> ''::text))
  CONSTRAINT accounts_number UNIQUE (number)
  CONSTRAINT accounts_number_positive CHECK ((number > 0))
  CONSTRAINT accounts_pkey PRIMARY KEY (id)

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
  CREATE INDEX jobs_due ON public.jobs USING btree (due_at) WHERE (urgent_at IS NOT NULL)
  CREATE INDEX jobs_held ON public.jobs USING btree (account_id, status) WHERE (status = ANY (ARRAY['processing'::text, 'parked'::text]))
  CREATE INDEX jobs_past ON public.jobs USING btree (ended_at) WHERE (ended_at IS NOT NULL)
  CREATE INDEX jobs_urgent ON public.jobs USING btree (urgent_at, due_at, id) WHERE (urgent_at IS NOT NULL)
  CREATE INDEX jobs_woken ON public.jobs USING btree (wake_after) WHERE (wake_after IS NOT NULL)

TABLE messages
  scope integer NOT NULL
  chat_id bigint NOT NULL
  id integer NOT NULL
  date timestamp with time zone NOT NULL
  edit_date timestamp with time zone
  pts bigint NOT NULL
  kind text NOT NULL
  text text NOT NULL
  entities jsonb NOT NULL
  from_id bigint
  reply_to_id integer
  views integer
  media text
  raw jsonb NOT NULL
  deleted_at timestamp with time zone
  CONSTRAINT messages_kind CHECK ((kind = ANY (ARRAY['message'::text, 'service'::text])))
  CONSTRAINT messages_pkey PRIMARY KEY (scope, chat_id, id, date)
  CONSTRAINT messages_scope_counts CHECK ((scope >= 0))
  CREATE INDEX messages_newest ON public.messages USING btree (scope, chat_id, id DESC) WHERE (deleted_at IS NULL)

TABLE outbox
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY
  topic text NOT NULL
  payload jsonb NOT NULL
  created_at timestamp with time zone NOT NULL
  position bigint
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
  CONSTRAINT outbox_position UNIQUE ("position")
  CREATE INDEX outbox_created ON public.outbox USING brin (created_at)
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

TABLE schema_migrations
  version integer NOT NULL
  name text NOT NULL
  checksum text NOT NULL
  applied_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)

TABLE world
  only_row boolean NOT NULL DEFAULT true
  kind text NOT NULL
  id text NOT NULL
  stamped_at timestamp with time zone NOT NULL DEFAULT now()
  CONSTRAINT world_has_one_row CHECK (only_row)
  CONSTRAINT world_kind CHECK ((kind = ANY (ARRAY['telegram'::text, 'simulator'::text, 'server'::text])))
  CONSTRAINT world_pkey PRIMARY KEY (only_row)
