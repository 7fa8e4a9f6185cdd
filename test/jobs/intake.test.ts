import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { jobId } from '../../src/actors/jobs/job-id.ts';
import type { Store } from '../../src/ports.ts';
import { JobHouse, openTestStore } from './job-house.ts';

describe('a job’s id', () => {
  const entropy = fc.uint8Array({ minLength: 12, maxLength: 16 });
  const time = fc.integer({ min: 0, max: 32 ** 10 - 1 });

  test('sorts by its time of birth', () => {
    fc.assert(
      fc.property(time, time, entropy, entropy, (a, b, chanceA, chanceB) => {
        fc.pre(a !== b);
        expect(jobId('sync', a, chanceA) < jobId('sync', b, chanceB)).toBe(a < b);
      }),
    );
  });

  test('has its prefix, ten digits of time and twelve of chance', () => {
    fc.assert(
      fc.property(time, entropy, (at, chance) => {
        expect(jobId('sync', at, chance)).toMatch(/^sync-[0-9A-HJKMNP-TV-Z]{22}$/);
      }),
    );
  });

  test('differs where chance differs', () => {
    const seen = new Set(
      Array.from({ length: 32 }, (_, last) => jobId('sync', 1, new Uint8Array(12).fill(0, 0, 11).fill(last, 11))),
    );
    expect(seen.size).toBe(32);
  });

  test('gives today’s jobs the digits of today', () => {
    expect(jobId('sync', 1_763_683_200_000, new Uint8Array(12))).toBe('sync-01KAHVBV00000000000000');
  });
});

describe('the intake', () => {
  let store: Store;
  let at: JobHouse;
  beforeAll(async () => {
    store = await openTestStore();
  });
  afterEach(async () => {
    await at.close();
  });
  afterAll(async () => {
    await store.close();
  });

  test('stores a job for the default account, queued and due', async () => {
    at = new JobHouse(store);
    const job = await at.submit({ params: { limit: 7 } });
    expect(job).toMatchObject({ accountId: at.accountId, action: 'sync-messages', status: 'queued', priority: 5, attempts: 0 });
    expect(job.params).toEqual({ channelId: at.link.username, limit: 7 });
    expect(job.dueAt).toBe(job.createdAt);
    expect(await store.findJob(job.id)).toEqual(job);
  });

  test('takes a job for another account that exists', async () => {
    at = new JobHouse(store);
    await store.ensureAccount('another');
    expect((await at.submit({ accountId: 'another' })).accountId).toBe('another');
  });

  test('takes a job as urgent as it is said to be', async () => {
    at = new JobHouse(store);
    expect((await at.submit({ priority: 1 })).priority).toBe(1);
  });

  test('takes a request under its key once, and no other one under the same', async () => {
    at = new JobHouse(store);
    const request = { action: 'sync-messages', params: { channelId: 'x', limit: 1 } };
    const key = { slot: 'a slot', digest: 'this' };
    expect(await at.intake.submitted(key)).toBeUndefined();
    const first = await at.intake.submit(request, { key });
    expect(first.replayed).toBe(false);
    expect(await at.intake.submit(request, { key })).toEqual({ jobId: first.jobId, replayed: true });
    expect(await at.intake.submitted(key)).toEqual({ jobId: first.jobId, replayed: true });
    const reused = { code: 'IDEMPOTENCY_KEY_REUSED', field: 'Idempotency-Key' };
    await expect(at.intake.submit(request, { key: { ...key, digest: 'that' } })).rejects.toMatchObject(reused);
    await expect(at.intake.submitted({ ...key, digest: 'that' })).rejects.toMatchObject(reused);
  });

  test('asks for accounts now and then, and takes nothing for one that was removed meanwhile', async () => {
    at = new JobHouse(store);
    await store.ensureAccount('leaving');
    let asked = 0;
    at.beforeCall = async (name) => {
      if (name === 'listAccounts') asked += 1;
    };
    for (let i = 0; i < 3; i++) await at.submit({ accountId: 'leaving' });
    expect(asked).toBe(1);
    await store.removeAccount('leaving');
    for (let i = 0; i < 2; i++) {
      await expect(at.submit({ accountId: 'leaving' })).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT', field: 'accountId' });
    }
    expect(asked).toBe(2);
    // One that is made at this moment is found at once.
    await store.ensureAccount('coming');
    expect((await at.submit({ accountId: 'coming' })).accountId).toBe('coming');
  });

  test('refuses an unknown action and an unknown account, naming the field, and stores nothing', async () => {
    at = new JobHouse(store);
    const before = await store.countJobs();
    await expect(at.submit({ action: 'nonsense' })).rejects.toMatchObject({ code: 'UNKNOWN_ACTION', field: 'action' });
    await expect(at.submit({ accountId: 'nobody' })).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT', field: 'accountId' });
    expect(await store.countJobs()).toEqual(before);
  });

  test('answers by the end of its time, also where it is not known in time whose job it is', async () => {
    at = new JobHouse(store);
    await store.ensureAccount('slow');
    at.beforeCall = (name) => (name === 'listAccounts' ? new Promise(() => {}) : Promise.resolve());
    const answer = at.intake.submit(
      { action: 'sync-messages', params: {}, accountId: 'slow' },
      { expiresAt: at.clock.monotonic() + 20 },
    );
    await expect(answer).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs: expect.any(Number) });
  });

  test('says so when the database is away', async () => {
    at = new JobHouse(store);
    at.storeIsDown = true;
    await expect(at.submit()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
