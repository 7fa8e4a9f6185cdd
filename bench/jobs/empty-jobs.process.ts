import { createMemoryBroker } from '../../src/actors/broker/memory.broker.ts';
import { createNoneCache } from '../../src/actors/cache/none.cache.ts';
import { EventParts } from '../../src/actors/events/event-parts.ts';
import type { Action } from '../../src/actors/jobs/action.ts';
import { consumerSpec, type ServingLine } from '../../src/actors/jobs/consumer.actor.ts';
import { dispatcherSpec, Nudge } from '../../src/actors/jobs/dispatcher.actor.ts';
import { createIntake } from '../../src/actors/jobs/intake.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { systemClock as clock, systemRandom as random } from '../../src/clock.ts';
import { entropyPool } from '../../src/entropy.ts';
import { createLog } from '../../src/log.ts';
import type { Store, TelegramCalls } from '../../src/ports.ts';
import { childInput, tellParent } from '../harness/child.ts';
import { withStore } from '../harness/gateway.ts';
import { type EmptyJobsInput, type EmptyJobsReport, inParallel } from './empty-jobs.ts';

// Everything that a job goes through in the program, intake, dispatcher, broker, consumer, runner, sequencer and the rows beneath them, with an action that does nothing.
const { databaseUrl, world, accounts, jobs, adding } = childInput<EmptyJobsInput>();
const log = createLog('warn');
const OWNER = 'bench';
const empty: Action = { name: 'empty', idPrefix: 'empty', run: async () => ({ result: {} }) };
const actions = new Map([[empty.name, empty]]);
const ids = Array.from({ length: accounts }, (_, at) => `account-${at + 1}`);

/** An account that is always there, and that nobody calls. */
function lineOf(accountId: string): ServingLine {
  return { accountId, serving: true, onServing: () => () => {}, heeding: () => ({}) as TelegramCalls };
}

/** A store that tells of each job that it has stored as completed. */
function counting(store: Store, onCompleted: () => void): Store {
  return {
    ...store,
    stepJob: async (...step) => {
      const job = await store.stepJob(...step);
      if (job?.status === 'completed') onCompleted();
      return job;
    },
  };
}

const report = await withStore(
  databaseUrl,
  async (plain): Promise<EmptyJobsReport> => {
    for (const id of ids) await plain.makeAccount(id);
    let left = jobs;
    let done: () => void = () => {};
    const allDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    const counted = counting(plain, () => {
      left -= 1;
      if (left === 0) done();
    });
    const events = new EventParts(counted, { clock, log, owner: OWNER });
    const { store } = events;
    const broker = createMemoryBroker(log);
    const nudge = new Nudge();
    const deps = { clock, random, log, registry: new Registry(clock) };
    const raiseToken = (id: string): Promise<number> => store.takeAccount(id, OWNER);
    const consumers = ids.map((id) => ({
      ...consumerSpec(lineOf(id), { ...deps, store, cache: createNoneCache(), actions, broker, raiseToken, nudge: nudge.ring }),
      id: `consumer-${id}`,
    }));
    const dispatcher = dispatcherSpec(nudge, { clock, log, store, broker, accounts: () => ids });
    const system = startSystem({ children: [events.sequencer, dispatcher, ...consumers] }, deps);
    await system.started;
    const intake = createIntake({
      clock,
      entropy: entropyPool(),
      store,
      actions,
      defaultAccount: ids[0] ?? '',
      nudge: nudge.ring,
    });
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    await inParallel(jobs, adding, (number) =>
      intake.submit({ action: empty.name, params: {}, accountId: ids[number % ids.length] ?? '' }),
    );
    await allDone;
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system: inKernel } = process.cpuUsage(cpuBefore);
    await system.stop();
    await broker.close();
    return { jobs, seconds, cpuSeconds: (user + inKernel) / 1e6 };
  },
  world,
);
tellParent(report);
