import { transition } from 'xstate';
import { VigiliaError } from '../errors.ts';
import { jobNews } from '../job-news.ts';
import type { Job, JobChange, JobEvent, JobStatus, JsonObject, OutboxEntry } from '../ports.ts';
import { JOB_MACHINE_VERSION, type JobContext, type JobMachineEvent, jobMachine } from './job.machine.ts';

const CONTEXT_FIELDS = [
  'attempts',
  'claims',
  'lostInARow',
  'claim',
  'dueAt',
  'progress',
  'checkpoint',
  'result',
  'error',
  'reason',
  'cancelRequested',
  'endedAt',
] as const satisfies readonly (keyof JobContext)[];

/**
 * Steps a job's row through `job.machine`, purely: nothing runs, what is to be written comes back as data.
 *
 * @param events taken one after the other; each has to be accepted
 * @returns what to write, or undefined when the machine does not accept the events in the row's state
 * @throws JOB_NOT_CLAIMED when a report of work carries a claim that is not the row's any more
 */
export function stepJob(job: Job, events: readonly JobMachineEvent[]): JobChange | undefined {
  if (job.machineVersion > JOB_MACHINE_VERSION) {
    throw new VigiliaError(
      'SCHEMA_TOO_NEW',
      `job ${job.id} was stepped by machine version ${job.machineVersion}, this is ${JOB_MACHINE_VERSION}`,
    );
  }
  const log: JobEvent[] = [];
  const before = contextOf(job);
  let snapshot = jobMachine.resolveState({ value: job.status, context: before });
  for (const event of events) {
    if (jobMachine.getTransitionData(snapshot, event).length === 0) {
      if ('claim' in event) {
        throw new VigiliaError(
          'JOB_NOT_CLAIMED',
          `job ${job.id} is ${snapshot.value}, and its claim is not the one this work was done under`,
        );
      }
      return undefined;
    }
    const [next] = transition(jobMachine, snapshot, event);
    const detail = detailOf(event, next.context.endedAt);
    log.push({ event: event.type, from: statusOf(snapshot.value), to: statusOf(next.value), detail });
    snapshot = next;
  }
  const set: Record<string, unknown> = { status: statusOf(snapshot.value), machineVersion: JOB_MACHINE_VERSION };
  for (const field of CONTEXT_FIELDS) {
    if (snapshot.context[field] !== before[field]) set[field] = snapshot.context[field];
  }
  return { set: set as JobChange['set'], events: log, outbox: newsOf(job, statusOf(snapshot.value), snapshot.context, events) };
}

function contextOf(job: Job): JobContext {
  return Object.fromEntries(CONTEXT_FIELDS.map((field) => [field, job[field]])) as unknown as JobContext;
}

/** Every state of the machine is a plain one, named as the status it is stored under. */
function statusOf(value: unknown): JobStatus {
  return value as JobStatus;
}

/** What of an event is worth a line in the job's history: not the result and not the checkpoint, which the row has. */
function detailOf(event: JobMachineEvent, endedAt: number | null): JsonObject {
  switch (event.type) {
    case 'CLAIM':
      return { token: event.token };
    case 'PROGRESS':
      return { done: event.progress.done, total: event.progress.total };
    case 'FAIL':
    case 'THROTTLE':
      // What has ended is not tried again.
      return { error: { ...event.error }, ...(endedAt === null && { retryAt: event.retryAt }) };
    case 'PARK':
    case 'CANCEL':
      return { error: { ...event.error } };
    default:
      return {};
  }
}

/**
 * What the world is told of a step: one event at most. Each change of status is told; progress only where the row was written in an earlier
 * second, so that a job which commits fifty times a second is heard of once.
 */
function newsOf(job: Job, status: JobStatus, context: JobContext, events: readonly JobMachineEvent[]): OutboxEntry[] {
  const after = { ...job, ...context, status };
  if (status !== job.status) return [jobNews(after, 'status')];
  const last = events.at(-1);
  return last?.type === 'PROGRESS' && secondOf(last.now) !== secondOf(job.updatedAt) ? [jobNews(after, 'progress')] : [];
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
