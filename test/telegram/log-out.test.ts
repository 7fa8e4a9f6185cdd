import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { type ConnectionDeps, connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { silentLog } from '../../src/log.ts';
import { ScriptedLink } from '../jobs/scripted-link.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('whoever asks a connection that is no more for a logout is told so, and does not wait for ever', async () => {
  const clock = new VirtualClock();
  const line = new AccountLine('main', clock, () => 0);
  const deps = {
    clock,
    random: () => 0,
    log: silentLog,
    telegram: { open: () => new ScriptedLink(-1_000_000_000_601, 1) },
    store: { ensureAccount: async () => 1, entities: async () => [], bindUser: async (_: string, userId: number) => userId },
    sessions: { read: async () => 'a session', write: async () => {} },
    credentials: () => undefined,
  } as unknown as ConnectionDeps;
  const life = { path: 'connection', incarnation: 1, lastWord: undefined, ready: () => {}, handled: () => {} };
  const { logic, input } = connectionSpec(line, deps).start(life);
  const connection = createActor(logic, { input, clock });
  connection.start();
  await clock.settle();
  expect([line.health().state, line.serving]).toEqual(['authenticated', true]);
  // As when it failed in a step, and its next life has not begun.
  connection.stop();
  await expect(Promise.race([line.logOut(), clock.advance(60_000)])).rejects.toMatchObject({ code: 'TELEGRAM_OFFLINE' });
  line.breaker.close();
});
