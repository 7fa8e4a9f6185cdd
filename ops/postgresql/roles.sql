-- Three roles instead of one, each with what it needs and no more. Run it with psql, as superuser, in the database of Vigilia; again changes nothing
-- but the passwords:
--
--   psql -X -v ON_ERROR_STOP=1 -v owner_password=… -v service_password=… -v report_password=… -v pgbouncer_password=… \
--     -f ops/postgresql/roles.sql 'postgresql://postgres@host:5432/telegram_gateway'
--
-- (Passwords given so are seen in the list of processes while it runs; `\set owner_password …` in a file of mode 0600 that \i's this one is not.)
--
--   telegram_owner   owns the tables; for migrations:          DATABASE_DIRECT_URL=postgresql://telegram_owner:…@server:5432/telegram_gateway
--   telegram         the program, through PgBouncer:           DATABASE_URL=postgresql://telegram:…@pgbouncer:6432/telegram_gateway
--   telegram_report  reads, but no session, login or access hash
--   pgbouncer        asks for the password of whoever logs in through it (ops/pgbouncer/pgbouncer.ini)
--
-- Time limits stand here, not in the program's addresses: a session of a pooler may set nothing (`options`, `statement_timeout`: 08P01).

\set QUIET on
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['telegram_owner', 'telegram', 'telegram_report', 'pgbouncer']) AS role (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE telegram_owner NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE telegram NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'service_password';
ALTER ROLE telegram_report NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'report_password';
ALTER ROLE pgbouncer NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'pgbouncer_password';

-- A migration takes as long as it takes, but does not stand in everybody's way while it waits for a lock: it is tried again.
ALTER ROLE telegram_owner SET statement_timeout = 0;
ALTER ROLE telegram_owner SET lock_timeout = '60s';
ALTER ROLE telegram_owner SET idle_in_transaction_session_timeout = '10min';

-- The program gives a statement up after 5 to 60 s by itself, and cancels it; these are for when it cannot any more.
ALTER ROLE telegram SET statement_timeout = '90s';
ALTER ROLE telegram SET lock_timeout = '30s';
ALTER ROLE telegram SET idle_in_transaction_session_timeout = '60s';
-- What nobody waits for is noticed while it runs.
ALTER ROLE telegram SET client_connection_check_interval = '5s';

ALTER ROLE telegram_report SET default_transaction_read_only = on;
ALTER ROLE telegram_report SET statement_timeout = '60s';
ALTER ROLE telegram_report SET lock_timeout = '5s';
ALTER ROLE telegram_report SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE telegram_report SET client_connection_check_interval = '5s';
ALTER ROLE telegram_report CONNECTION LIMIT 5;

ALTER ROLE pgbouncer SET statement_timeout = '5s';
ALTER ROLE pgbouncer SET default_transaction_read_only = on;

SELECT current_database() AS database \gset
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO telegram_owner, telegram, telegram_report, pgbouncer;
GRANT CREATE ON DATABASE :"database" TO telegram_owner;
GRANT USAGE, CREATE ON SCHEMA public TO telegram_owner;
GRANT USAGE ON SCHEMA public TO telegram, telegram_report;

-- What the program made while it was its own owner.
REASSIGN OWNED BY telegram TO telegram_owner;

-- What is there, and whatever later migrations make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO telegram;
ALTER DEFAULT PRIVILEGES FOR ROLE telegram_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO telegram;

-- A reader is told the tables one by one: what a later version adds may be a secret. Run this again after an update to grant what is listed and new.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM telegram_report;
SELECT format('GRANT SELECT ON public.%I TO telegram_report', relname)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND (
  relname ~ '^monitor_' AND relkind = 'v'
  OR relname IN ('world', 'schema_migrations', 'channels', 'messages', 'message_hours', 'message_days', 'jobs', 'job_events', 'stream', 'outbox', 'publishing')
) \gexec

-- TimescaleDB, where the server has loaded it: only a superuser sees that before the extension is there. The next start of the program uses it,
-- but only in a database that it has not migrated yet.
SELECT 'CREATE EXTENSION IF NOT EXISTS timescaledb'
WHERE current_setting('shared_preload_libraries') ~ '\mtimescaledb\M'
  AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') \gexec
-- A deletion within old, compressed messages may have to open many of them.
SELECT format('ALTER ROLE telegram SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0')
WHERE EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') \gexec

CREATE SCHEMA IF NOT EXISTS pgbouncer;
REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;
-- Of the roles above only, and of no superuser.
CREATE OR REPLACE FUNCTION pgbouncer.secret_of(asked text) RETURNS TABLE (name text, secret text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT rolname::text, rolpassword::text FROM pg_authid
  WHERE rolname = asked AND rolname IN ('telegram', 'telegram_report') AND rolcanlogin AND NOT rolsuper
    AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
$$;
REVOKE ALL ON FUNCTION pgbouncer.secret_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.secret_of(text) TO pgbouncer;
