import type { Clock } from '../../clock.ts';
import type { ErrorRecord } from '../../errors.ts';
import type { JobMachineEvent } from '../../machines/job.machine.ts';
import { stepJob } from '../../machines/job-step.ts';
import type { Store } from '../../ports.ts';

/** Jobs that are looked for at a time. */
const MOST = 500;

/**
 * Cancels all jobs of an account that have not ended, those too that somebody has in hand.
 * @param token the account's fencing token, which is newer than any claim @param error what the jobs end with
 * @returns how many
 */
export async function cancelJobsOf(
  store: Pick<Store, 'findUnended' | 'stepJob'>,
  clock: Clock,
  accountId: string,
  token: number,
  error: ErrorRecord,
): Promise<number> {
  let cancelled = 0;
  for (;;) {
    const ids = await store.findUnended(accountId, MOST);
    for (const id of ids) {
      await store.stepJob(id, (job) => {
        const now = clock.now();
        // One that is in hand is taken away first: whoever has it cannot commit under its older token any more.
        const lost: JobMachineEvent[] = job.status === 'processing' ? [{ type: 'LOST', now, token, poison: error }] : [];
        return stepJob(job, [...lost, { type: 'CANCEL', now, error }]) ?? stepJob(job, lost);
      });
      cancelled += 1;
    }
    if (ids.length < MOST) return cancelled;
  }
}
