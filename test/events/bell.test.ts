import { afterEach, expect, test } from 'vitest';
import type { ConsumerSpec, Delivery, Subscription } from '../../src/actors/broker/rabbitmq/consumer.ts';
import { eventBellSpec } from '../../src/actors/events/event-bell.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { silentLog } from '../../src/log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const open: { readonly system: ActorSystem; readonly clock: VirtualClock }[] = [];

async function end(): Promise<void> {
  for (const { system, clock } of open.splice(0)) {
    const stopped = system.stop();
    await clock.advance(1_000);
    await stopped;
  }
}
afterEach(end);

/** A broker with one message in the queue whenever the one before was settled: more than a bell ever needs. */
async function house({ isWanted = true, isPlacedHere = false } = {}) {
  const clock = new VirtualClock();
  const seen = { strokes: 0, deliveries: 0, ended: 0, isWanted, isPlacedHere };
  const specs: ConsumerSpec[] = [];
  const deliver = (): void => {
    seen.deliveries += 1;
    const ack = (): boolean => {
      queueMicrotask(deliver);
      return true;
    };
    void specs[0]?.onDelivery({ ack } as Delivery);
  };
  const consume = async (spec: ConsumerSpec): Promise<Subscription> => {
    specs.push(spec);
    const end = async (): Promise<void> => {
      seen.ended += 1;
    };
    return { state: 'consuming', problem: undefined, end };
  };
  const stroke = (): void => {
    seen.strokes += 1;
  };
  const spec = eventBellSpec(stroke, {
    clock,
    connection: { consume },
    name: 'one',
    isWanted: () => seen.isWanted,
    isPlacedHere: () => seen.isPlacedHere,
  });
  const deps = { clock, random: () => 0.5, log: silentLog };
  const system = startSystem({ children: [spec] }, { ...deps, registry: new Registry(clock) });
  open.push({ system, clock });
  await clock.settle();
  await system.started;
  deliver();
  return { clock, seen, specs };
}

test('rings for what another process brings, two hundred times a second at most however much that is', async () => {
  const { clock, seen, specs } = await house();
  expect(specs[0]).toMatchObject({
    queue: { type: 'exclusive', arguments: { 'x-max-length': 1, 'x-overflow': 'drop-head' } },
    prefetch: 1,
  });
  expect(seen.strokes).toBe(1);
  await clock.advance(1_000);
  expect(seen.strokes).toBe(201);
});

test('takes one message a second while nobody listens, and rings for none', async () => {
  const { clock, seen } = await house({ isWanted: false });
  await clock.advance(10_000);
  expect(seen).toMatchObject({ strokes: 0, deliveries: 11 });
  seen.isWanted = true;
  await clock.advance(1_000);
  expect(seen.strokes).toBe(1);
});

test('does not ring for what got its place here', async () => {
  const { clock, seen } = await house({ isPlacedHere: true });
  await clock.advance(1_000);
  expect(seen.strokes).toBe(0);
});

test('gives its queue back when it is stopped', async () => {
  const { seen } = await house();
  await end();
  expect(seen.ended).toBe(1);
});
