import { afterEach, describe, expect, it } from 'vitest';
import { TransitionTap } from '../../src/actors/transition-tap.ts';
import { systemClock } from '../../src/clock.ts';
import { GatewayTokens } from '../../src/gateway-tokens.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import type { ActorTransition } from '../../src/ports.ts';
import { ask } from '../support/ask.ts';
import { EventClient } from '../support/event-client.ts';
import { type HouseChanges, HttpHouse } from '../support/http-house.ts';
import { until } from '../support/program.ts';

const ENDS: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ENDS.splice(0).reverse()) await end();
});

const transition = (number: number): ActorTransition => ({
  number,
  at: 1_700_000_000_000,
  incarnation: 1,
  event: 'PING',
  raised: false,
  rejected: false,
  failed: false,
  edges: [{ from: 'up', to: ['down'], on: 'PING', branch: 0 }],
  state: 'down',
  durationMs: 0.1,
});

async function listening(changes: HouseChanges = {}, build = buildGateway) {
  const transitions = new TransitionTap(systemClock);
  const app = build(new HttpHouse().deps({ transitions, ...changes }));
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  ENDS.push(() => app.close());
  const subscribe = async (query = '', headers = {}): Promise<EventClient> => {
    const client = await EventClient.open(`${address}/api/transitions`, { query, ...headers });
    ENDS.push(async () => client.close());
    return client;
  };
  const tell = (path: string, number: number): void => transitions.tell(path, () => transition(number));
  return { app, transitions, subscribe, tell };
}

describe('GET /api/transitions', () => {
  it.each([
    ['the gateway', buildGateway],
    ['a worker’s operators', buildOps],
  ] as const)('tells of %s what an actor does, as it does it', async (_whose, build) => {
    const { subscribe, tell } = await listening({}, build as typeof buildGateway);
    const client = await subscribe('actor=root/accounts');
    expect(client.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    tell('root/http', 1);
    tell('root/accounts/main', 7);
    const [first] = await client.first(1);
    expect(first).toMatchObject({
      event: 'transition',
      data: { version: 1, topic: 'transition', path: 'root/accounts/main', ...transition(7) },
    });
  });

  it('lets go of the actors when who listens has gone', async () => {
    const { subscribe, transitions } = await listening();
    expect(transitions.isWanted).toBe(false);
    const client = await subscribe();
    expect(transitions.isWanted).toBe(true);
    client.close();
    await until(async () => (transitions.isWanted ? undefined : true));
  });

  it('ends with a word why, when its token is taken away and when the gateway stops', async () => {
    const tokens = new GatewayTokens([{ scope: 'read', token: 'reading' }]);
    const { app, subscribe } = await listening({ tokens });
    const token = { headers: { 'x-gateway-token': 'reading' } };
    const revoked = await subscribe('', token);
    tokens.replace([{ scope: 'read', token: 'another' }]);
    expect((await revoked.first(1))[0]).toMatchObject({ event: 'closed', data: { reason: 'token-revoked' } });
    const stopped = await subscribe('', { headers: { 'x-gateway-token': 'another' } });
    const closing = app.close();
    expect((await stopped.first(1))[0]).toMatchObject({ event: 'closed', data: { reason: 'stopping' } });
    await closing;
  });

  it('is refused without a token, with a path that is none, and beyond ten listeners', async () => {
    const { app, subscribe } = await listening();
    expect((await ask(app, { url: '/api/transitions?actor=connection' })).body.error).toMatchObject({
      code: 'INVALID_REQUEST',
      field: 'actor',
    });
    const closed = await listening({ tokens: [{ scope: 'read', token: 'reading' }] });
    expect((await ask(closed.app, { url: '/api/transitions' })).body.error.code).toBe('UNAUTHORIZED');
    await Promise.all(Array.from({ length: 10 }, () => subscribe()));
    expect((await ask(app, { url: '/api/transitions' })).body.error.code).toBe('TOO_MANY_STREAMS');
  });
});

describe('GET /api/caller', () => {
  it('says who asks and what he may do, by the id that acts are written down under', async () => {
    const { app } = await listening({ tokens: [{ scope: 'write', token: 'a-token' }] });
    const { body } = await ask(app, { url: '/api/caller', headers: { 'x-gateway-token': 'a-token' } });
    expect(body).toEqual({
      id: new GatewayTokens([{ scope: 'write', token: 'a-token' }]).find('a-token')?.id,
      scope: 'write',
      by: 'token',
      expiresAt: null,
    });
    expect(JSON.stringify(body)).not.toContain('a-token');
    const local = await listening();
    expect((await ask(local.app, { url: '/api/caller' })).body).toEqual({
      id: 'local',
      scope: 'admin',
      by: 'local',
      expiresAt: null,
    });
  });
});
