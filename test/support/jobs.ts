import type { Job } from '../../src/ports.ts';

/** A queued job's row, due at 1_000, with these fields changed. */
export function jobRow(changes: Partial<Job> = {}): Job {
  return {
    id: 'sync-1',
    action: 'sync-messages',
    params: { channelId: 'habr_com', limit: 50 },
    accountId: 'main',
    status: 'queued',
    priority: 5,
    attempts: 0,
    claims: 0,
    lostInARow: 0,
    claim: null,
    dueAt: 1_000,
    progress: null,
    checkpoint: null,
    result: null,
    error: null,
    reason: null,
    cancelRequested: false,
    machineVersion: 1,
    version: 0,
    createdAt: 1_000,
    updatedAt: 1_000,
    endedAt: null,
    ...changes,
  };
}
