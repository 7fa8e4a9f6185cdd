import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { readAskedJob } from '../../src/actors/jobs/foreign-request.ts';
import { buildGateway } from '../../src/http/server.ts';
import type { Json, JsonObject } from '../../src/ports.ts';
import { ask, post } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';

const actions = new Map([syncMessages, getChannels].map((action) => [action.name, action]));

function read(params: JsonObject) {
  const body = Buffer.from(JSON.stringify({ jobId: 'job-1', action: 'sync-messages', params }));
  return readAskedJob({ body, contentType: 'application/json' }, { actions, allowed: null });
}

describe('the parameters of sync-messages', () => {
  const name = fc.oneof(
    fc.constantFrom<Json>(
      'habr_com',
      '@habr_com',
      'https://t.me/habr_com/5',
      't.me/+abc',
      '',
      ' ',
      -1_001_032_086_354,
      7,
      0.5,
      1e300,
      true,
      null,
      [],
      {},
    ),
    fc.string(),
    fc.integer(),
    fc.constant(`t.me/habr_com?${'x'.repeat(240)}`),
    fc.constant(`t.me/habr_com?${'x'.repeat(260)}`),
  );
  const limit = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom<Json>(1_000_000, 1_000_001, 50.5, '50', null, true));
  const force = fc.constantFrom<Json>(true, true, false, 'true', null, 1);
  const given = fc.record({ channelId: name, limit, force, extra: fc.constant(1) }, { requiredKeys: [] });
  const good = fc.record(
    {
      channelId: fc.constantFrom<Json>('habr_com', -1_001_032_086_354),
      limit: fc.integer({ min: 1, max: 9 }),
      force: fc.boolean(),
    },
    { requiredKeys: ['channelId'] },
  );

  it('are what the gateway takes, and become the same job', async () => {
    const house = new HttpHouse();
    const app = buildGateway(house.deps());
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(good, given), async (params) => {
        house.submitted.length = 0;
        const answer = await ask(app, post('/api/telegram-gateway/sync-messages', params));
        const asked = read(params as JsonObject);
        if (answer.status === 202) {
          accepted += 1;
          expect(asked).toMatchObject({ params: house.submitted[0]?.params });
        } else {
          const { code, field } = (answer.body as { error: { code: string; field?: string } }).error;
          expect(asked).toMatchObject({ error: { code, ...(field && { field: `params.${field}` }) } });
        }
      }),
      { numRuns: 150 },
    );
    expect(accepted).toBeGreaterThan(20);
    await app.close();
  });
});
