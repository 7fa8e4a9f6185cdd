import { createHash } from 'node:crypto';
import type { VigiliaError } from '../../errors.ts';
import type { Job, JobEvent, JsonObject, OwedAnswer } from '../../ports.ts';
import type { Delivery } from '../broker/rabbitmq/consumer.ts';
import type { OutgoingMessage } from '../broker/rabbitmq/publisher.ts';
import { DEAD_QUEUE, RESPONSES_QUEUE } from '../broker/rabbitmq/sync-topology.ts';

/** What headers say has to fit into one frame, with all of them. */
const MOST_REASON = 1_000;
const MOST_HISTORY_BYTES = 32 * 1024;
const MOST_FOREIGN_HEADERS = 32;
const MOST_HEADER = 256;

/** A message that came, as far as it is kept when nobody can do anything with it. */
export type Received = Pick<
  Delivery,
  'body' | 'exchange' | 'routingKey' | 'messageId' | 'correlationId' | 'contentType' | 'type' | 'headers'
>;

/** @returns the answer to a job that has ended, the same each time it is made */
export function answerOf({ job, correlationId }: OwedAnswer): OutgoingMessage {
  const { id, status, result, error, endedAt, updatedAt } = job;
  const outcome =
    status === 'completed'
      ? { result: result ?? {} }
      : { error: { code: error?.code ?? 'INTERNAL', message: error?.message ?? `the job was ${status}` } };
  const timestamp = new Date(endedAt ?? updatedAt).toISOString();
  return response({ jobId: id, status, ...outcome, timestamp }, `response-${id}`, correlationId ?? id);
}

/** @returns the answer to a request that became no job, the same each time it comes */
export function refusalOf(jobId: string, error: VigiliaError, received: Received, nowMs: number): OutgoingMessage {
  const { code, message } = error;
  const body = { jobId, status: 'failed', error: { code, message }, timestamp: new Date(nowMs).toISOString() };
  return response(body, `refused-${jobId}-${digest(received.body).slice(0, 16)}`, received.correlationId ?? jobId);
}

/** @returns a message that nobody can do anything with, as it came, with why in its headers */
export function deadLetterOf(received: Received, error: VigiliaError, nowMs: number): OutgoingMessage {
  const { body, exchange, routingKey, messageId, correlationId, contentType, type, headers } = received;
  const plain = Object.entries(headers).filter(([name, value]) => isPlain(value) && name.length <= MOST_HEADER);
  return {
    exchange: '',
    routingKey: DEAD_QUEUE,
    body,
    mandatory: true,
    messageId: messageId ?? `dead-${digest(body)}`,
    contentType: contentType ?? 'application/octet-stream',
    ...(correlationId !== undefined && { correlationId }),
    ...(type !== undefined && { type }),
    headers: {
      ...(Object.fromEntries(plain.slice(0, MOST_FOREIGN_HEADERS)) as Record<string, string | number | boolean>),
      ...why(error.code, error.message, nowMs),
      'x-vigilia-exchange': exchange,
      'x-vigilia-routing-key': routingKey,
    },
  };
}

/** @returns the request of a job that failed for good, with its whole history as far as that fits, newest last */
export function failedLetterOf(
  { job, correlationId }: OwedAnswer,
  history: readonly (JobEvent & { readonly at: number })[],
): OutgoingMessage {
  const { id, action, params, accountId, priority, attempts, error, endedAt, updatedAt } = job;
  return {
    exchange: '',
    routingKey: DEAD_QUEUE,
    body: Buffer.from(JSON.stringify({ jobId: id, action, params, accountId, priority })),
    mandatory: true,
    messageId: `failed-${id}`,
    correlationId: correlationId ?? id,
    headers: {
      ...why(error?.code ?? 'INTERNAL', error?.message ?? 'the job failed', endedAt ?? updatedAt),
      'x-vigilia-exchange': '',
      'x-vigilia-routing-key': DEAD_QUEUE,
      'x-retry-count': Math.max(0, attempts - 1),
      'x-vigilia-history': historyText(history),
    },
  };
}

/** Whether a job that ended so is a dead letter: what somebody cancelled is none. */
export function isDead({ status }: Pick<Job, 'status'>): boolean {
  return status === 'failed';
}

function response(body: JsonObject, messageId: string, correlationId: string): OutgoingMessage {
  return {
    exchange: '',
    routingKey: RESPONSES_QUEUE,
    body: Buffer.from(JSON.stringify(body)),
    mandatory: true,
    messageId,
    correlationId,
    type: 'response',
  };
}

function why(code: string, reason: string, atMs: number): Readonly<Record<string, string>> {
  return {
    'x-vigilia-code': code,
    'x-vigilia-reason': reason.length <= MOST_REASON ? reason : `${reason.slice(0, MOST_REASON - 1)}…`,
    'x-vigilia-time': new Date(atMs).toISOString(),
  };
}

function historyText(history: readonly (JobEvent & { readonly at: number })[]): string {
  const lines = history.map(({ at, event, from, to, detail }) => ({ at: new Date(at).toISOString(), event, from, to, detail }));
  let text = JSON.stringify(lines);
  while (Buffer.byteLength(text) > MOST_HISTORY_BYTES) {
    lines.splice(0, Math.ceil(lines.length / 4));
    text = JSON.stringify(lines);
  }
  return text;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' ? value.length <= MOST_HEADER : typeof value === 'number' || typeof value === 'boolean';
}

function digest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
