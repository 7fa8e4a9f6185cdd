import type { BoundQueue, Topology } from './topology.ts';

/** Where other programs put their requests, `{jobId, action, params}`. */
export const REQUESTS_QUEUE = 'telegram.sync.requests';
/** Where their answers go, `{jobId, status, result or error, timestamp}`: one for each request, at its final outcome. */
export const RESPONSES_QUEUE = 'telegram.sync.responses';
/** Where requests go that nobody can do anything with, and jobs of other programs that failed. */
export const DEAD_QUEUE = 'telegram.sync.dead';
/** The topic exchange of all events. */
export const EVENTS_EXCHANGE = 'telegram.events';

/** Answers kept, and their bytes: whoever asked may never come for them. A policy may make it less. */
const MOST_RESPONSES = 100_000;
const MOST_RESPONSE_BYTES = 256 << 20;
/** How long a queue of an account that nobody serves is kept, in ms. Its wake-ups are given again by then anyway. */
const ACCOUNT_EXPIRES_MS = 86_400_000;
/** Either kind keeps its messages on disk. */
const DURABLE_KINDS = ['x-queue-type'];
/** What bounds a queue in number, size or time. */
const BOUNDS = ['x-max-length', 'x-max-length-bytes', 'x-overflow', 'x-message-ttl', 'x-expires', 'x-delivery-limit'];

/** The requests of other programs. A bound would lose some in silence; where dead letters go may be the operator's affair. */
export const REQUESTS: BoundQueue = {
  name: REQUESTS_QUEUE,
  type: 'quorum',
  arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': DEAD_QUEUE },
  adopts: [...DURABLE_KINDS, 'x-delivery-limit', 'x-dead-letter-exchange', 'x-dead-letter-routing-key', 'x-dead-letter-strategy'],
};

/** What other programs see of this one: fixed for good, since RabbitMQ refuses a queue that is declared with other arguments later. */
export const SYNC_TOPOLOGY: Topology = {
  exchanges: [{ name: EVENTS_EXCHANGE, type: 'topic' }],
  queues: [
    { name: DEAD_QUEUE, type: 'quorum', adopts: [...DURABLE_KINDS, ...BOUNDS] },
    REQUESTS,
    {
      name: RESPONSES_QUEUE,
      type: 'quorum',
      arguments: { 'x-max-length': MOST_RESPONSES, 'x-max-length-bytes': MOST_RESPONSE_BYTES, 'x-overflow': 'drop-head' },
      adopts: [...DURABLE_KINDS, ...BOUNDS],
    },
  ],
};

/** An account's wake-ups. None of them is the only trace of a job, so a queue that exists may be bounded as its operator likes. */
export function accountQueue(accountId: string): BoundQueue {
  return {
    name: `telegram.account.${accountId}`,
    type: 'quorum',
    arguments: { 'x-expires': ACCOUNT_EXPIRES_MS },
    adopts: [...DURABLE_KINDS, ...BOUNDS],
    expendable: true,
  };
}
