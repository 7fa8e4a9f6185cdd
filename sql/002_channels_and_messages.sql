-- Channels and supergroups. Their ids are Telegram-wide, so one row serves all accounts.
CREATE TABLE channels (
  chat_id bigint NOT NULL CONSTRAINT channels_pkey PRIMARY KEY,
  username text,
  title text NOT NULL,
  kind text NOT NULL CONSTRAINT channels_kind CHECK (kind IN ('channel', 'supergroup')),
  about text,
  participants integer CONSTRAINT channels_participants_count CHECK (participants >= 0),
  -- Grows in the transaction of every change of the channel's messages: caches compare it.
  revision bigint NOT NULL DEFAULT 0 CONSTRAINT channels_revision_counts CHECK (revision >= 0),
  synced_at timestamptz,
  synced_depth integer NOT NULL DEFAULT 0 CONSTRAINT channels_synced_depth_counts CHECK (synced_depth >= 0),
  complete boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- A username belongs to one channel at a time, whatever its spelling. Usernames are ASCII, so the "C" collation folds them
-- alike on every server.
CREATE UNIQUE INDEX channels_username ON channels (lower(username COLLATE "C"));

-- Pages of the list of channels; "C" so that every server pages in the same order.
CREATE INDEX channels_title ON channels (title COLLATE "C", chat_id);

-- Messages, for ever. The key holds the date so that the table can become a hypertable, whose unique indexes need its time.
CREATE TABLE messages (
  -- 0 for channels; else the account's number, since ids in private chats and basic groups count per account.
  scope integer NOT NULL CONSTRAINT messages_scope_counts CHECK (scope >= 0),
  chat_id bigint NOT NULL,
  id integer NOT NULL,
  date timestamptz NOT NULL,
  -- Versions of a message are ordered by (edit date, pts); 0 is the pts of what came from history.
  edit_date timestamptz,
  pts bigint NOT NULL,
  kind text NOT NULL CONSTRAINT messages_kind CHECK (kind IN ('message', 'service')),
  text text NOT NULL,
  entities jsonb NOT NULL,
  from_id bigint,
  reply_to_id integer,
  views integer,
  media text,
  raw jsonb NOT NULL,
  -- Terminal: a deleted message is never written again.
  deleted_at timestamptz,
  CONSTRAINT messages_pkey PRIMARY KEY (scope, chat_id, id, date)
);

-- What readers see, newest first; it also counts a channel's messages without touching the table.
CREATE INDEX messages_newest ON messages (scope, chat_id, id DESC) WHERE deleted_at IS NULL;
