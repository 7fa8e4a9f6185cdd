-- Messages of channels whose deletion was told before they were stored. A page of history that was read before the deletion and is written
-- after it does not bring them back. Kept for a day, which no page waits to be written.
CREATE TABLE unseen_deletions (
  chat_id bigint NOT NULL,
  id integer NOT NULL,
  told_at timestamptz NOT NULL,
  CONSTRAINT unseen_deletions_pkey PRIMARY KEY (chat_id, id)
);
CREATE INDEX unseen_deletions_told_at ON unseen_deletions (told_at);
