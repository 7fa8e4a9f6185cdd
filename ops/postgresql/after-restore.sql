-- To be run after a database was restored from a backup, before the program is started on it:
--
--   psql -X -v ON_ERROR_STOP=1 -f ops/postgresql/after-restore.sql 'postgresql://telegram_owner@server:5432/telegram_gateway'
--
-- The backup is of a moment; what came after it is forgotten here and remembered elsewhere. Positions of the stream of events would be given a second
-- time, for other events: whoever had got further would never hear of them. And tokens under which accounts were served would be given to others.
-- All are raised so far that nobody has seen the new ones: the stream by a step (subscribers who were ahead get `reset`), tokens by a step.
-- Other steps: -v position_step=… -v token_step=…

\if :{?position_step}
\else
  \set position_step 1000000000
\endif
\if :{?token_step}
\else
  \set token_step 1000000
\endif

BEGIN;
-- Nobody is served while this runs, and nobody goes on afterwards.
SELECT count(*) AS "leases that are held (stop the program first where it still runs on this database)" FROM leases WHERE expires_at > now();
UPDATE leases SET owner = NULL, expires_at = NULL, evidence = NULL, evidence_at = NULL WHERE owner IS NOT NULL;
UPDATE accounts SET fencing_token = fencing_token + :token_step, owner = NULL;

-- What was not published yet as of the backup gets a new position, and is published after all. The rest of the stream is given up: between its end and
-- the new beginning there would be positions without events.
UPDATE outbox SET position = NULL WHERE position > (SELECT position FROM publishing);
DELETE FROM outbox WHERE position IS NOT NULL;
UPDATE stream SET head = head + :position_step, pruned = head + :position_step, owner = NULL, expires_at = NULL,
  fencing_token = fencing_token + :token_step;
-- Other programs go on with the first event after the restore.
UPDATE publishing SET position = (SELECT head FROM stream);
SELECT head AS "the stream goes on after position" FROM stream;
COMMIT;
