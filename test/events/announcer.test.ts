import { expect, test } from 'vitest';
import { Announcements, announcerSpec } from '../../src/actors/events/announcer.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { OutboxEntry, Store, StoreTransaction } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('an announcement that the database refuses is left out; those around it are told, in order, and nobody fails', async () => {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const told: string[] = [];
  const said: object[] = [];
  const store = {
    transaction: (work: (tx: StoreTransaction) => Promise<void>) =>
      work({
        appendOutbox: async (entries: readonly OutboxEntry[]) => {
          if (entries.some(({ payload }) => payload.reason === 'bad')) throw new VigiliaError('STORE_REFUSED', 'refused');
          told.push(...entries.map(({ payload }) => String(payload.reason)));
        },
      } as unknown as StoreTransaction),
  } as unknown as Store;
  const log = { ...silentLog, error: (fields: object) => void said.push(fields) };
  const announcements = new Announcements();
  const system = startSystem(
    { children: [announcerSpec(announcements, { clock, log, store })] },
    { clock, random: () => 0.5, log: silentLog, registry },
  );
  await clock.settle();
  for (const reason of ['one', 'two', 'bad', 'three']) announcements.say({ topic: 'account.backoff', payload: { reason } });
  await clock.advance(5_000);
  expect(told).toEqual(['one', 'two', 'three']);
  expect(said).toEqual([{ topic: 'account.backoff', cause: 'refused' }]);
  expect([system.find('root/announcer')?.restarts, announcements.waiting]).toEqual([0, []]);
  const stopped = system.stop();
  await clock.settle();
  await stopped;
});
