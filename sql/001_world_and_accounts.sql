-- Every database says which Telegram its rows are from, so that simulated messages can never be taken for real ones.
-- One row at most: the primary key is a constant.
CREATE TABLE world (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT world_pkey PRIMARY KEY CONSTRAINT world_has_one_row CHECK (only_row),
  kind text NOT NULL CONSTRAINT world_kind CHECK (kind IN ('telegram', 'simulator', 'server')),
  id text NOT NULL,
  stamped_at timestamptz NOT NULL DEFAULT now()
);

-- Telegram user accounts, as they are named in the configuration.
CREATE TABLE accounts (
  id text NOT NULL CONSTRAINT accounts_pkey PRIMARY KEY CONSTRAINT accounts_id_not_empty CHECK (id <> ''),
  -- The scope of the account's private and basic-group chats in `messages`: such chats' message ids count per account.
  -- Starts at 1, because scope 0 holds the channels, which all accounts share.
  number integer NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT accounts_number UNIQUE CONSTRAINT accounts_number_positive CHECK (number > 0),
  -- Grows whenever somebody takes the account; what was claimed under an older token is lost.
  fencing_token bigint NOT NULL DEFAULT 0 CONSTRAINT accounts_fencing_token_counts CHECK (fencing_token >= 0),
  owner text,
  taken_at timestamptz,
  user_id bigint,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Access hashes, which each account has its own of (https://core.telegram.org/api/peers#access-hash).
CREATE TABLE entities (
  account_id text NOT NULL CONSTRAINT entities_account REFERENCES accounts (id) ON DELETE CASCADE,
  peer_id bigint NOT NULL,
  access_hash bigint NOT NULL,
  username text,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT entities_pkey PRIMARY KEY (account_id, peer_id)
);

-- How far each account has followed Telegram's stream of updates (https://core.telegram.org/api/updates).
CREATE TABLE positions (
  account_id text NOT NULL CONSTRAINT positions_account REFERENCES accounts (id) ON DELETE CASCADE,
  -- `account`, or `channel:<chat id>`.
  box text NOT NULL,
  pts bigint NOT NULL,
  qts bigint NOT NULL,
  date timestamptz NOT NULL,
  seq bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT positions_pkey PRIMARY KEY (account_id, box)
);
