-- Every process that works on this database says every few seconds that it is there. Its id is its installation's, which one process has at a time.
CREATE TABLE processes (
  id text NOT NULL CONSTRAINT processes_pkey PRIMARY KEY,
  role text NOT NULL,
  host text NOT NULL,
  pid bigint NOT NULL,
  version text NOT NULL,
  -- By this database's clock, as `seen_at`: clocks of other machines are compared with nobody's.
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  -- How its event loop and its memory are.
  figures jsonb NOT NULL
-- Nothing of what changes is indexed: with room on the page, a heartbeat leaves no work for vacuum.
) WITH (fillfactor = 50);

-- Which trees and actors of which process somebody looks at, and what the process says of them. While nobody looks, nothing is written.
-- It is worth nothing after a crash of the database, so it costs no log.
CREATE UNLOGGED TABLE process_views (
  process_id text NOT NULL CONSTRAINT process_views_process REFERENCES processes (id) ON DELETE CASCADE,
  -- Of an actor; empty for the whole tree.
  path text NOT NULL,
  wanted_until timestamptz NOT NULL,
  -- JSON, compressed (gzip, base64) by its process; null where there is no such actor.
  view text,
  -- Null while the process has said nothing. Who has read what was written then need not read it again.
  written_at timestamptz,
  CONSTRAINT process_views_pkey PRIMARY KEY (process_id, path),
  CONSTRAINT process_views_written CHECK (view IS NULL OR written_at IS NOT NULL)
) WITH (fillfactor = 50);

-- It is compressed already.
ALTER TABLE process_views ALTER COLUMN view SET STORAGE EXTERNAL;
