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

  test('refuses an unknown action and an unknown account, naming the field, and stores nothing', async () => {
    at = new JobHouse(store);
    const before = await store.countJobs();
    await expect(at.submit({ action: 'nonsense' })).rejects.toMatchObject({ code: 'UNKNOWN_ACTION', field: 'action' });
    await expect(at.submit({ accountId: 'nobody' })).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT', field: 'accountId' });
    expect(await store.countJobs()).toEqual(before);
  });

  test('says so when the database is away', async () => {
    at = new JobHouse(store);
    at.storeIsDown = true;
    await expect(at.submit()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});
