import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { BoxDesk } from '../../src/actors/telegram/box-desk.ts';
import { type FeedDeps, feedSpec } from '../../src/actors/telegram/feed.actor.ts';
import { Turns } from '../../src/actors/telegram/turns.ts';
import { silentLog } from '../../src/log.ts';
import { ScriptedLink } from '../jobs/scripted-link.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const CHANNEL = -1_000_000_000_600;

test.each(['UNFOLLOW', 'SHUTDOWN'])('a feed gives its turn back at whatever moment it hears %s', async (type) => {
  const clock = new VirtualClock();
  const line = new AccountLine('main', clock, () => 0);
  line.attach(new ScriptedLink(CHANNEL, 1), { onTrouble: () => {}, onSilence: () => {} });
  const lost: number[] = [];
  for (let moment = 0; moment < 40; moment++) {
    const turns = new Turns(1);
    const deps = { clock, random: () => 0, log: silentLog } as unknown as FeedDeps;
    const spec = feedSpec(CHANNEL, { line, desk: new BoxDesk(), turns, asked: () => {} }, deps);
    const life = { path: 'feeds/1', incarnation: 1, lastWord: undefined, ready: () => {}, handled: () => {} };
    const { logic, input } = spec.start(life);
    const feed = createActor(logic, { input, clock });
    feed.start();
    for (let step = 0; step < moment; step++) await Promise.resolve();
    feed.send({ type });
    await clock.settle();
    const enough = new AbortController();
    const turn = turns.take(enough.signal);
    enough.abort();
    if (!(await turn)) lost.push(moment);
  }
  expect(lost).toEqual([]);
  line.breaker.close();
});
