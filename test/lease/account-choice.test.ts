import { expect, test } from 'vitest';
import { accountChoice } from '../../src/actors/jobs/account-choice.ts';
import type { AccountHealth, ChannelRef } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const health = (id: string, state: string): AccountHealth => ({
  id,
  state,
  since: 0,
  lastPongAgeMs: null,
  lastRpcAgeMs: null,
  lastUpdateAgeMs: null,
  gaps: 0,
});

/** @param knowing accounts that know the channel @returns what is chosen, and which channels were looked up */
async function choose(accounts: readonly AccountHealth[], knowing: readonly string[], params = { channelId: '@News' }) {
  const asked: ChannelRef[] = [];
  const store = {
    accountsKnowing: async (ref: ChannelRef) => {
      asked.push(ref);
      return [...knowing];
    },
    leases: async () => [],
  };
  const choice = accountChoice({ clock: new VirtualClock(), store, accounts: () => accounts, defaultAccount: 'main' });
  return { chosen: await choice(params), asked };
}

const [main, second, third] = ['main', 'second', 'third'].map((id) => health(id, 'authenticated')) as [
  AccountHealth,
  AccountHealth,
  AccountHealth,
];

test('an authenticated account that knows the channel is chosen', async () => {
  expect(await choose([main, second, third], ['third', 'second'])).toEqual({
    chosen: 'third',
    asked: [{ kind: 'username', username: 'News' }],
  });
  expect((await choose([main, health('second', 'backoff'), third], ['second', 'third'])).chosen).toBe('third');
});

test('the one by default is chosen among equals, and where nobody knows the channel', async () => {
  expect((await choose([second, main, third], ['second', 'main'])).chosen).toBe('main');
  expect((await choose([second, main], [])).chosen).toBe('main');
  expect((await choose([third, second], [])).chosen).toBe('third');
});

test('with one that serves there is no choice, and the database is not asked', async () => {
  expect(await choose([health('main', 'reauth-required'), second], ['main'])).toEqual({ chosen: 'second', asked: [] });
});

test('where none serves, the job waits for one that there is', async () => {
  expect((await choose([], [])).chosen).toBe('main');
  expect((await choose([health('main', 'backoff'), health('second', 'backoff')], [])).chosen).toBe('main');
  expect((await choose([health('second', 'reauth-required')], [])).chosen).toBe('second');
});

test('how the accounts are is asked for four times a second at most, however many jobs there are', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  let accounts = [main];
  const store = { accountsKnowing: async () => [], leases: async () => [] };
  const choose = accountChoice({
    clock,
    store,
    accounts: () => {
      asked++;
      return accounts;
    },
    defaultAccount: 'main',
  });
  for (let job = 0; job < 100; job++) expect(await choose({})).toBe('main');
  accounts = [health('main', 'backoff'), second];
  expect(asked).toBe(1);
  await clock.advanceTo(clock.now() + 250);
  expect(await choose({})).toBe('second');
  expect(asked).toBe(2);
});
