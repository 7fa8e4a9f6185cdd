import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ErrorRecord } from '../../src/errors.ts';
import { type JobMachineEvent, MAX_ATTEMPTS, MAX_LOST_IN_A_ROW } from '../../src/machines/job.machine.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import type { Job, OutboxEntry } from '../../src/ports.ts';
import { jobRow } from '../support/jobs.ts';

const error: ErrorRecord = { code: 'TELEGRAM_TRANSIENT', fault: 'transient', message: 'x' };
const TERMINAL = ['completed', 'failed', 'cancelled'];

const now = fc.integer({ min: 0, max: 5_000 });
const token = fc.integer({ min: 1, max: 4 });
/** Undefined stands for the claim that the row has at that moment. */
const claim = fc.option(fc.record({ token, number: fc.integer({ min: 1, max: 6 }) }), { nil: undefined, freq: 4 });
const retryAt = fc.integer({ min: 0, max: 10_000 });

const anyEvent = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('CLAIM'), now, token }) },
  fc.record({
    type: fc.constant('PROGRESS'),
    now,
    claim,
    progress: fc.record({ done: fc.nat(), total: fc.option(fc.nat()) }),
    checkpoint: fc.constant({ at: 1 }),
  }),
  fc.record({ type: fc.constant('COMPLETE'), now, claim, result: fc.constant({}) }),
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('FAIL'), now, claim, error: fc.constant(error), retryable: fc.boolean(), retryAt }),
  },
  fc.record({ type: fc.constant('THROTTLE'), now, claim, error: fc.constant(error), retryAt }),
  fc.record({ type: fc.constant('PARK'), now, claim, error: fc.constant(error) }),
  fc.record({ type: fc.constant('RELEASE'), now, claim, retryAt: now }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('LOST'), now, token, poison: fc.constant(error) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('DUE'), now }) },
  fc.record({ type: fc.constant('UNPARK'), now }),
  fc.record({ type: fc.constant('CANCEL'), now, error: fc.constant(error) }),
  fc.record({ type: fc.constant('RETRY'), now }),
);

/** Steps a row as the store would: what is refused changes nothing. */
function step(job: Job, drawn: Record<string, unknown>, outbox: OutboxEntry[]): Job {
  const event = 'claim' in drawn && drawn.claim === undefined ? { ...drawn, claim: job.claim ?? { token: 0, number: 0 } } : drawn;
  try {
    const change = stepJob(job, [event as unknown as JobMachineEvent]);
    if (!change) return job;
    outbox.push(...change.outbox);
    expect(change.events.at(-1)?.to).toBe(change.set.status);
    return { ...job, ...change.set };
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'JOB_NOT_CLAIMED' });
    return job;
  }
}

describe('whatever happens to a job, in any order', () => {
  test('it keeps to its rules', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const outbox: OutboxEntry[] = [];
        let job = jobRow({ dueAt: 0 });
        /** Lives that are over, of a job that was retried. */
        let ends = 0;
        for (const event of events) {
          const before = job;
          job = step(job, event as Record<string, unknown>, outbox);
          seen.add(job.status);
          const anew = TERMINAL.includes(before.status) && job !== before;
          if (anew)
            expect([before.status, event.type, job.status]).toEqual([
              expect.stringMatching(/failed|cancelled/),
              'RETRY',
              'queued',
            ]);
          if (anew) expect(job).toMatchObject({ attempts: 0, lostInARow: 0, progress: null, checkpoint: null, error: null });
          if (anew) ends += 1;
          const terminal = TERMINAL.includes(job.status);
          if (job.status !== before.status)
            expect(outbox.at(-1)?.topic).toBe(job.status === 'parked' ? 'job.delayed' : `job.${job.status}`);
          expect(outbox.filter(({ payload }) => TERMINAL.includes(String(payload.status))).length).toBe(
            ends + (terminal ? 1 : 0),
          );
          expect(job.endedAt !== null).toBe(terminal);
          expect(job.claim !== null).toBe(job.status === 'processing');
          expect(job.attempts).toBeLessThanOrEqual(MAX_ATTEMPTS);
          if (!anew) expect(job.attempts).toBeGreaterThanOrEqual(before.attempts);
          expect(job.claims).toBeGreaterThanOrEqual(before.claims);
          expect(job.lostInARow).toBeLessThanOrEqual(MAX_LOST_IN_A_ROW);
          if (job.status === 'queued' || job.status === 'delayed') expect(job.dueAt).not.toBeNull();
          else expect(job.dueAt).toBeNull();
          if (job.status === 'completed') expect(job).toMatchObject({ result: {}, error: null, reason: null });
          else expect(job.result).toBeNull();
          if (job.cancelRequested) expect(['processing', 'cancelled']).toContain(job.status);
        }
      }),
      { numRuns: 1_500 },
    );
    expect([...seen].sort()).toEqual(['cancelled', 'completed', 'delayed', 'failed', 'parked', 'processing', 'queued']);
  });
});
