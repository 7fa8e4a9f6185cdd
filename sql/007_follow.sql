-- Channels that an account is in and does not follow: all others are followed.
CREATE TABLE unfollowed (
  account_id text NOT NULL CONSTRAINT unfollowed_account REFERENCES accounts (id) ON DELETE CASCADE,
  chat_id bigint NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT unfollowed_pkey PRIMARY KEY (account_id, chat_id)
);

-- Deletions in private chats and basic groups name ids only, which count per account.
CREATE INDEX messages_private ON messages (scope, id) WHERE scope > 0;
