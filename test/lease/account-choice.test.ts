import { expect, test } from 'vitest';
import { accountChoice } from '../../src/actors/jobs/account-choice.ts';
import type { AccountHealth, ChannelRef } from '../../src/ports.ts';

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
  return { chosen: await accountChoice({ store, accounts: () => accounts, defaultAccount: 'main' })(params), asked };
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
