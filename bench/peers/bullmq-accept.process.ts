import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { childInput, tellParent } from '../harness/child.ts';
import { type BullAcceptInput, QUEUE } from './bullmq.ts';

// Accepts the same request with Fastify and BullMQ, as their documentation does it: the body is checked by a schema, `add` is awaited, the answer is the same.
const { port } = childInput<BullAcceptInput>();
const queue = new Queue(QUEUE, { connection: { host: '127.0.0.1', port } });
await queue.waitUntilReady();
const app = Fastify();
app.post<{ Body: { readonly channelId: string; readonly limit: number; readonly force: boolean } }>(
  '/sync-messages',
  {
    schema: {
      body: {
        type: 'object',
        required: ['channelId'],
        additionalProperties: false,
        properties: {
          channelId: { type: 'string', minLength: 1, maxLength: 256 },
          limit: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 50 },
          force: { type: 'boolean', default: false },
        },
      },
    },
  },
  async (request, reply) => {
    const { id } = await queue.add('sync-messages', request.body);
    const pollUrl = `/jobs/${id}`;
    reply.code(202).header('location', pollUrl);
    return { jobId: id, status: 'queued', pollUrl };
  },
);
tellParent(await app.listen({ host: '127.0.0.1', port: 0 }));
