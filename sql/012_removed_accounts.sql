-- An account that is not served any more. What is stored of it stays, so that it can be taken up again.
ALTER TABLE accounts ADD COLUMN removed_at timestamptz;
