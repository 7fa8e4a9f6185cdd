import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { presenceSpec } from '../../src/actors/processes/presence.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { openStore } from '../../src/actors/store/open-store.ts';
import { startSystem } from '../../src/actors/system.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { ProcessGauge } from '../../src/process-gauge.ts';
import { childInput, tellParent } from '../harness/child.ts';
import type { RestInput } from './rest-parts.ts';

const { part, databaseUrl, settleSeconds, restSeconds } = childInput<RestInput>();

const clock = systemClock;
const gauge = part === 'nothing' ? undefined : new ProcessGauge(clock);
if (part === 'presence' && gauge) {
  const store = await openStore({ kind: 'postgresql', url: databaseUrl }, { clock, log: silentLog });
  const self = { id: `rest-${process.pid}`, role: 'worker', host: hostname(), pid: process.pid, version: 'bench' };
  const registry = new Registry(clock);
  const view = { tree: () => system.tree(), find: (path: string) => system.find(path) };
  const presence = presenceSpec({ clock, log: silentLog, store, self, figures: () => gauge.figures(), system: view });
  const system = startSystem({ children: [presence] }, { clock, registry, random: systemRandom, log: silentLog });
  await system.started;
}
await pause(settleSeconds * 1000);
const before = process.cpuUsage();
await pause(restSeconds * 1000);
const { user, system } = process.cpuUsage(before);
tellParent({ cpuShare: (user + system) / 1e6 / restSeconds });
