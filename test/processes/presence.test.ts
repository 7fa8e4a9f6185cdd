import { beforeEach, expect, it } from 'vitest';
import { presenceSpec } from '../../src/actors/processes/presence.actor.ts';
import { unpackView } from '../../src/actors/processes/view-text.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { ProcessBeat } from '../../src/ports.ts';
import { FIGURES, node } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SELF = { id: 'self', role: 'worker', host: 'here', pid: 1, version: '0.1.0' };

let clock: VirtualClock;
let beats: (ProcessBeat & { readonly isFirst: boolean; readonly at: number })[];
let wanted: string[];
let written: { readonly path: string; readonly text: string | null }[][];
let left: number;
let looks: number;
let refusal: ErrorCode | undefined;
/** How long a look at the tree takes, in ms, and how long all looks took. */
let treeMs: number;
let busyMs: number;
let treesTaken: number;
let system: ActorSystem;

beforeEach(() => {
  clock = new VirtualClock();
  [beats, wanted, written, left, looks, refusal, treeMs] = [[], [], [], 0, 0, undefined, 0];
  [busyMs, treesTaken] = [0, 0];
  const reached = (): void => {
    if (refusal) throw new VigiliaError(refusal, 'not now');
  };
  const store = {
    beatProcess: async (beat: ProcessBeat, isFirst: boolean) => {
      reached();
      beats.push({ ...beat, isFirst, at: clock.now() });
      return wanted;
    },
    wantedViews: async () => {
      looks += 1;
      reached();
      return wanted;
    },
    writeViews: async (_: string, views: (typeof written)[number]) => void written.push(views),
    leaveProcesses: async () => void left++,
  };
  const inside = {
    tree: () => {
      busyMs += treeMs;
      treesTaken += 1;
      return node('root', 'supervisor', []);
    },
    find: () => undefined,
  };
  const registry = new Registry(clock);
  const busyClock = { ...clock, monotonic: () => clock.monotonic() + busyMs };
  const presence = presenceSpec({ clock: busyClock, log: silentLog, store, self: SELF, figures: () => FIGURES, system: inside });
  system = startSystem({ children: [presence] }, { clock, registry, random: () => 1, log: silentLog });
});

it('beats every 5 s, looks every second whether somebody looks, and writes nothing else', async () => {
  await clock.advance(10_500);
  expect(beats.map(({ isFirst, upMs }) => [isFirst, upMs])).toEqual([
    [true, 0],
    [false, 5_000],
    [false, 10_000],
  ]);
  expect(beats[0]).toMatchObject({ ...SELF, figures: FIGURES });
  expect(looks).toBe(8);
  expect(written).toEqual([]);
  await system.stop();
  expect(left).toBe(1);
});

it('shows what is looked at every second, and what is not there', async () => {
  wanted = ['', 'root/nobody'];
  await clock.advance(500);
  await expect.poll(() => written.length).toBe(1);
  const [tree, absent] = written[0] ?? [];
  expect(await unpackView(tree?.text ?? '')).toEqual({ at: expect.any(Number), value: node('root', 'supervisor', []) });
  expect(absent).toEqual({ path: 'root/nobody', text: null });
  await clock.advance(1_000);
  await expect.poll(() => written.length).toBe(2);
  wanted = [];
  await clock.advance(5_000);
  expect(written).toHaveLength(2);
  await system.stop();
});

it('shows a tree that takes long so seldom that it costs a twentieth of the process', async () => {
  wanted = [''];
  treeMs = 200;
  for (let second = 0; second < 12; second++) {
    await clock.advance(1_000);
    // Compressing takes real time.
    await expect.poll(() => written.length).toBe(treesTaken);
  }
  expect(treesTaken).toBeGreaterThanOrEqual(3);
  expect(treesTaken).toBeLessThanOrEqual(4);
  await system.stop();
});

it('goes on when the database is away or refuses, and is there again with it; as a whole that is one life', async () => {
  for (const code of ['STORE_UNAVAILABLE', 'STORE_REFUSED'] as const) {
    refusal = code;
    await clock.advance(30_000);
    refusal = undefined;
    const before = beats.length;
    await clock.advance(6_000);
    expect(beats.length).toBeGreaterThan(before);
  }
  expect(system.find('root/presence')).toMatchObject({ state: 'up', restarts: 0 });
  await system.stop();
});
