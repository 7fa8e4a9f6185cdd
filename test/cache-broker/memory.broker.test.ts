import { describe, expect, test, vi } from 'vitest';
import { createMemoryBroker } from '../../src/actors/broker/memory.broker.ts';
import { silentLog } from '../../src/log.ts';
import { brokerContract } from './broker.contract.ts';

describe('in-process broker', () => {
  brokerContract(async () => createMemoryBroker(silentLog));

  test('a job that waits already is not woken twice', async () => {
    const broker = createMemoryBroker(silentLog);
    for (const id of ['a', 'b', 'a']) await broker.wake('main', id);
    const seen: string[] = [];
    await broker.consume('main', (id) => seen.push(id));
    await broker.wake('main', 'c');
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b', 'c']));
  });

  test('forgets the oldest of ten thousand that nobody consumes', async () => {
    const broker = createMemoryBroker(silentLog);
    for (let n = 0; n < 10_003; n += 1) await broker.wake('main', `sync-${n}`);
    const seen: string[] = [];
    await broker.consume('main', (id) => seen.push(id));
    await vi.waitFor(() => expect(seen).toHaveLength(10_000));
    expect(seen[0]).toBe('sync-3');
  });

  test('a defect of a consumer is logged with the job', async () => {
    const error = vi.fn();
    const broker = createMemoryBroker({ ...silentLog, error });
    await broker.consume('main', () => {
      throw new Error('a defect');
    });
    await broker.wake('main', 'a');
    await vi.waitFor(() => expect(error).toHaveBeenCalledWith({ jobId: 'a', causes: ['a defect'] }, expect.any(String)));
  });
});
