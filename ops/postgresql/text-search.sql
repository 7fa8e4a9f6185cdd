-- An index for `search`: parts of a text, upper or lower case, found without reading the whole channel. What is found is the same with and without it.
--
--   psql -X -v ON_ERROR_STOP=1 -f ops/postgresql/text-search.sql 'postgresql://telegram_owner@server:5432/telegram_gateway'
--
-- It is not made by itself, because it is dear: over 1,000,000 messages of 220 bytes in 20 channels (PostgreSQL 15, 2 cores) a search that finds nothing
-- in a channel of 50,000 takes 5 ms instead of 91 ms, but writing falls from 47,000 to 4,000 messages a second while the index is small and to 8,000
-- while it is large, and it takes 186 MB beside the table's 433 MB. Worth it where people search in large channels; make it after the history was read.
-- Parts of fewer than three letters gain nothing. It is built beside the running program; on a hypertable of TimescaleDB leave CONCURRENTLY out.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_text ON messages USING gin (text gin_trgm_ops) WHERE deleted_at IS NULL;
