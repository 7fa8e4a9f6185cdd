import { expect, it } from 'vitest';
import { accountHealth, allAccounts } from '../../src/actors/health.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { systemClock, systemRandom } from '../../src/clock.ts';
import type { AccountHealth } from '../../src/ports.ts';

/** @param states of actors, by the end of their path */
function healthWith(states: Readonly<Record<string, string>>) {
  const line = new AccountLine('main', systemClock, systemRandom);
  line.setState('stopping');
  return accountHealth(line, (path) => ({ state: states[path.slice('root/accounts/'.length)] ?? 'up', since: 5 }));
}

it.each([
  ['the account', { main: 'suspended' }, 'it was stopped'],
  ['its connection', { 'main/connection': 'suspended' }, 'its connection was stopped'],
  ['its lease', { 'main/lease': 'suspended', 'main/connection': 'lease-lost' }, 'its lease was stopped'],
])('an account is suspended while somebody has stopped %s, whatever it said last', (_what, states, reason) => {
  expect(healthWith(states)).toMatchObject({ id: 'main', state: 'suspended', since: 5, reason });
});

it('an account is what it says of itself while all of it runs', () => {
  expect(healthWith({})).toMatchObject({ state: 'stopping' });
});

it('all accounts are those that run here, as they say themselves, then those that others tell of, each once', () => {
  const of = (id: string, reason: string): AccountHealth => ({ ...healthWith({}), id, reason });
  const board = [of('a', 'there'), of('b', 'there'), of('c', 'there')];
  expect(allAccounts([of('b', 'here')], board).map(({ id, reason }) => [id, reason])).toEqual([
    ['b', 'here'],
    ['a', 'there'],
    ['c', 'there'],
  ]);
  expect(allAccounts([], board)).toEqual(board);
});
