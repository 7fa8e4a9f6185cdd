-- What one who looks at the database wants to know, by names that stay. They hold no text of a message, no parameter of a job, no secret.

-- Jobs by status: how many, and how old the oldest is.
CREATE VIEW monitor_jobs AS
SELECT status, account_id, count(*) AS jobs, min(created_at) AS oldest_created_at, min(updated_at) AS longest_untouched_at
FROM jobs GROUP BY status, account_id;

-- Jobs that are due and that nobody has taken yet, by account.
CREATE VIEW monitor_queue AS
SELECT account_id, count(*) AS due, min(due_at) AS due_since, now() - min(due_at) AS lag,
  count(*) FILTER (WHERE wakes > 0) AS woken, count(*) FILTER (WHERE wakes >= 4) AS woken_in_vain
FROM jobs WHERE urgent_at IS NOT NULL AND due_at <= now() GROUP BY account_id;

-- Jobs that failed for good, by what they failed of.
CREATE VIEW monitor_dead_letters AS
SELECT action, account_id, error->>'code' AS code, count(*) AS jobs, min(ended_at) AS first_at, max(ended_at) AS last_at
FROM jobs WHERE status = 'failed' GROUP BY 1, 2, 3;

-- Channels with the number of their messages that are not deleted.
CREATE VIEW monitor_channels AS
SELECT channels.chat_id, username, title, kind, revision, synced_at, synced_depth, complete,
  coalesce(counted.messages, 0) AS messages, counted.first_hour, counted.last_hour
FROM channels LEFT JOIN (
  SELECT chat_id, sum(messages)::bigint AS messages, min(hour) AS first_hour, max(hour) AS last_hour
  FROM message_hours WHERE scope = 0 AND messages > 0 GROUP BY chat_id
) AS counted USING (chat_id);

-- The stream of events: how far it is, what waits for a place in it, and how far publishing it to other programs is behind.
CREATE VIEW monitor_stream AS
SELECT stream.head, stream.pruned, stream.owner, stream.fencing_token, stream.expires_at,
  waiting.events AS waiting, waiting.since AS waiting_since, now() - waiting.since AS lag,
  publishing.position AS published, CASE WHEN publishing.position IS NOT NULL THEN greatest(0, stream.head - publishing.position) END AS unpublished
FROM stream
CROSS JOIN (SELECT count(*) AS events, min(created_at) AS since FROM outbox WHERE position IS NULL) AS waiting
LEFT JOIN publishing ON true;

-- Who serves which account, and until when by this database's clock.
CREATE VIEW monitor_leases AS
SELECT accounts.id AS account_id, leases.owner, leases.token, leases.expires_at, leases.expires_at > now() AS held, leases.home,
  leases.evidence_at, now() - leases.evidence_at AS evidence_age, accounts.removed_at
FROM accounts LEFT JOIN leases ON leases.account_id = accounts.id;

-- What takes the room. Of a hypertable only its own part, which is empty: ask `hypertable_size` there.
CREATE VIEW monitor_tables AS
SELECT relname AS table_name, n_live_tup AS rows, n_dead_tup AS dead_rows, pg_total_relation_size(relid) AS bytes,
  greatest(last_vacuum, last_autovacuum) AS vacuumed_at, greatest(last_analyze, last_autoanalyze) AS analyzed_at
FROM pg_stat_user_tables WHERE schemaname = 'public';
