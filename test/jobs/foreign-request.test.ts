import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/actors/jobs/action.ts';
import { getChannels } from '../../src/actors/jobs/actions/get-channels.ts';
import { syncMessages } from '../../src/actors/jobs/actions/sync-messages.ts';
import { type AskedJob, type RefusedJob, readAskedJob } from '../../src/actors/jobs/foreign-request.ts';
import type { JsonObject } from '../../src/ports.ts';

const writer: Action = {
  ...getChannels,
  name: 'write',
  request: { readsOnly: false, params: (given) => given },
};
const hidden: Action = { name: 'hidden', idPrefix: 'hidden', run: getChannels.run };
const actions = new Map([syncMessages, getChannels, writer, hidden].map((action) => [action.name, action]));

function read(body: unknown, contentType?: string, allowed: readonly string[] | null = null): AskedJob | RefusedJob {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  return readAskedJob({ body: bytes, contentType }, { actions, allowed });
}

const request = (changes: JsonObject = {}): JsonObject => ({
  jobId: 'job-1',
  action: 'sync-messages',
  params: { channelId: 'habr_com' },
  ...changes,
});

describe('a request of another program', () => {
  it('is read, with what was left out filled in', () => {
    expect(read(request())).toEqual({
      jobId: 'job-1',
      action: 'sync-messages',
      params: { channelId: 'habr_com', limit: 50, force: false },
      accountId: undefined,
      priority: 5,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(
      read({ jobId: 'x', action: 'get-channels', accountId: 'second', priority: 1 }, 'application/json; charset=utf-8'),
    ).toMatchObject({
      params: {},
      accountId: 'second',
      priority: 1,
    });
  });

  it.each<[string, unknown, string, string | undefined, string | undefined]>([
    ['no JSON', Buffer.from('{"jobId":'), 'INVALID_JSON', undefined, undefined],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'INVALID_JSON', undefined, undefined],
    ['nothing', Buffer.alloc(0), 'INVALID_JSON', undefined, undefined],
    ['a list', [], 'INVALID_REQUEST', undefined, undefined],
    ['null', null, 'INVALID_REQUEST', undefined, undefined],
    ['no id', { action: 'get-channels' }, 'INVALID_REQUEST', 'jobId', undefined],
    ['an id with a blank', request({ jobId: 'a b' }), 'INVALID_REQUEST', 'jobId', undefined],
    ['an id that is too long', request({ jobId: 'a'.repeat(65) }), 'INVALID_REQUEST', 'jobId', undefined],
    ['a number as id', request({ jobId: 7 }), 'INVALID_REQUEST', 'jobId', undefined],
    ['no action', { jobId: 'job-1' }, 'INVALID_REQUEST', 'action', 'job-1'],
    ['an unknown action', request({ action: 'fly' }), 'UNKNOWN_ACTION', 'action', 'job-1'],
    ['an action of an object’s own', request({ action: 'constructor' }), 'UNKNOWN_ACTION', 'action', 'job-1'],
    ['an action that is not for others', request({ action: 'hidden' }), 'UNKNOWN_ACTION', 'action', 'job-1'],
    ['an action that writes', request({ action: 'write' }), 'ACTION_NOT_ALLOWED', 'action', 'job-1'],
    ['an unknown field', request({ limit: 5 }), 'INVALID_REQUEST', 'limit', 'job-1'],
    ['parameters that are a list', request({ params: [] }), 'INVALID_REQUEST', 'params', 'job-1'],
    ['parameters that are null', request({ params: null }), 'INVALID_REQUEST', 'params', 'job-1'],
    ['an unknown parameter', request({ params: { channelId: 'x_y', top: 1 } }), 'INVALID_REQUEST', 'params.top', 'job-1'],
    ['a priority that is too high', request({ priority: 11 }), 'INVALID_REQUEST', 'priority', 'job-1'],
    ['a priority in words', request({ priority: 'high' }), 'INVALID_REQUEST', 'priority', 'job-1'],
    ['an account that cannot be', request({ accountId: '' }), 'INVALID_REQUEST', 'accountId', 'job-1'],
    ['no channel', request({ params: {} }), 'INVALID_REQUEST', 'params.channelId', 'job-1'],
    ['what is no channel', request({ params: { channelId: 't.me/+abc' } }), 'INVALID_CHANNEL', 'params.channelId', 'job-1'],
  ])('is refused with %s, and names the job where it can be read', (_, body, code, field, jobId) => {
    const refused = read(body) as RefusedJob;
    expect(refused.error).toMatchObject({ code, field });
    expect(refused.jobId).toBe(jobId);
  });

  it('is refused as another type of content, in another charset, and when it is too large', () => {
    for (const type of [
      'text/plain',
      'application/jsonp',
      'application/json; charset=latin1',
      'application/x-www-form-urlencoded',
    ])
      expect(read(request(), type)).toMatchObject({ error: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
    expect(read({ ...request(), params: { channelId: 'x'.repeat(1 << 20) } })).toMatchObject({
      error: { code: 'BODY_TOO_LARGE' },
    });
  });

  it('may ask for just those actions that the configuration names, where it names any', () => {
    expect(read(request({ action: 'write' }), undefined, ['write'])).toMatchObject({ action: 'write' });
    expect(read(request(), undefined, ['write'])).toMatchObject({ error: { code: 'ACTION_NOT_ALLOWED' } });
    expect(read(request({ action: 'hidden' }), undefined, ['hidden'])).toMatchObject({ error: { code: 'UNKNOWN_ACTION' } });
  });

  it('is the same one however it is written, and another one as soon as it asks for something else', () => {
    const digest = (body: JsonObject): string => (read(body) as AskedJob).digest;
    const first = digest(request());
    expect(
      digest({
        params: { force: false, limit: 50, channelId: '@habr_com' },
        priority: 5,
        action: 'sync-messages',
        jobId: 'other',
      }),
    ).toBe(first);
    for (const change of [
      { params: { channelId: 'habr_com', limit: 51 } },
      { params: { channelId: 'habr' } },
      { accountId: 'main' },
      { priority: 4 },
      { action: 'get-channels', params: {} },
    ])
      expect(digest(request(change))).not.toBe(first);
  });

  it('never throws, whatever comes', () => {
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.record({ jobId: fc.jsonValue(), action: fc.jsonValue(), params: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(anything, fc.option(fc.string(), { nil: undefined }), (body, type) => {
        const result = read(body, type);
        expect('error' in result ? result.error.fault : 'none').not.toBe('bug');
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(read(Buffer.from(bytes))).toHaveProperty('error');
      }),
    );
  });
});
