import Fastify from 'fastify';
import { Redis } from 'ioredis';
import { childInput, tellParent } from '../harness/child.ts';
import type { RouteInput } from './route.ts';

// A bare Fastify route: the same bytes for everybody, out of memory or out of Redis.
const { body, redisPort, key, status } = childInput<RouteInput>();
const app = Fastify();
const redis = redisPort === undefined ? undefined : new Redis(redisPort, '127.0.0.1');
app.route({
  method: ['GET', 'POST'],
  url: '*',
  handler: async (_request, reply) => {
    reply.code(status).type('application/json; charset=utf-8');
    return redis === undefined ? body : redis.get(key ?? '');
  },
});
tellParent(await app.listen({ host: '127.0.0.1', port: 0 }));
