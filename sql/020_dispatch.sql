-- What the dispatcher asks, several times a second, is found at once however long the queues are: who of an account was woken, and when it is next due.
DROP INDEX jobs_due;
DROP INDEX jobs_woken;
CREATE INDEX jobs_due ON jobs (account_id, due_at) WHERE urgent_at IS NOT NULL;
CREATE INDEX jobs_woken ON jobs (account_id, wake_after) WHERE wake_after IS NOT NULL;
