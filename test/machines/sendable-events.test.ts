import { expect, test } from 'vitest';
import { connectionMachine } from '../../src/machines/connection.machine.ts';
import { feedMachine } from '../../src/machines/feed.machine.ts';
import { leaseMachine } from '../../src/machines/lease.machine.ts';
import { loginMachine } from '../../src/machines/login.machine.ts';
import { SENDABLE_EVENTS } from '../../src/machines/sendable-events.ts';

const MACHINES = { connection: connectionMachine, feed: feedMachine, lease: leaseMachine, login: loginMachine };

test('what people may send are events that the machines of that name have', () => {
  expect(Object.keys(SENDABLE_EVENTS).sort()).toEqual(Object.keys(MACHINES).sort());
  for (const [kind, machine] of Object.entries(MACHINES))
    expect(machine.events as readonly string[], kind).toEqual(expect.arrayContaining([...(SENDABLE_EVENTS[kind] ?? [])]));
});

test('nothing that people may send stops an actor past its supervisor, or says what only a machine can have seen', () => {
  const sendable = Object.values(SENDABLE_EVENTS).flat();
  for (const event of ['SHUTDOWN', 'LOGGED_IN', 'LOG_OUT', 'LINK_DOWN', 'LAPSED', 'UNFOLLOW', 'TOKEN_ACCEPTED'])
    expect(sendable).not.toContain(event);
});
