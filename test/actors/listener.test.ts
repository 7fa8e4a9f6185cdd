import { expect, test } from 'vitest';
import { type Listenable, listenerSpec } from '../../src/actors/listener.actor.ts';
import { Registry } from '../../src/actors/registry.ts';
import { startSystem } from '../../src/actors/system.ts';
import { pause } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('a listener whose address cannot be written down for others listens all the same', async () => {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const app: Listenable = { ready: async () => {}, listen: async () => 'http://127.0.0.1:4010', close: async () => {} };
  const at = { host: '127.0.0.1', port: 4010, variable: 'HTTP_PORT' };
  const warned: string[] = [];
  const log = { ...silentLog, warn: (_: object, line: string) => void warned.push(line) };
  const diskIsFull = (): never => {
    throw new VigiliaError('DATA_DIR_UNUSABLE', 'the disk is full (ENOSPC)');
  };
  const http = listenerSpec('http', at, async () => app, diskIsFull, log);
  const system = startSystem({ children: [http] }, { clock, random: () => 0.5, log: silentLog, registry });
  await clock.settle();
  await system.started;
  expect(system.find('root/http')).toMatchObject({ state: 'up', restarts: 0, context: { url: 'http://127.0.0.1:4010' } });
  expect(warned).toHaveLength(1);
  const stopped = system.stop();
  await clock.settle();
  await stopped;
});

test('a listener that takes longer to end than it may keeps its next life from the port, which waits for it', async () => {
  const clock = new VirtualClock();
  const registry = new Registry(clock);
  const never = new AbortController().signal;
  const listening: string[] = [];
  let isTaken = false;
  const build = async (): Promise<Listenable> => {
    let listens = false;
    return {
      ready: async () => {},
      listen: async () => {
        if (isTaken) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
        isTaken = listens = true;
        return 'http://127.0.0.1:4010';
      },
      close: async () => {
        if (!listens) return;
        // Somebody reads an endless answer slowly.
        await pause(clock, 25_000, never);
        isTaken = false;
      },
    };
  };
  const at = { host: '127.0.0.1', port: 4010, variable: 'HTTP_PORT' };
  const http = listenerSpec('http', at, build, (url) => listening.push(url), silentLog);
  const system = startSystem({ children: [http] }, { clock, random: () => 0.5, log: silentLog, registry });
  let end: unknown;
  void system.ended.then((failure) => {
    end = failure ?? 'stopped';
  });
  await clock.settle();
  expect(listening).toHaveLength(1);
  const restarted = system.supervisor('root')?.restart('http');
  await clock.advance(20_000);
  expect([listening.length, end]).toEqual([1, undefined]);
  await clock.advance(10_000);
  await restarted;
  expect([listening.length, end]).toEqual([2, undefined]);
  const stopped = system.stop();
  await clock.advance(30_000);
  await stopped;
});
