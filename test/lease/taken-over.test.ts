import { expect, onTestFinished, test } from 'vitest';
import { Registry } from '../../src/actors/registry.ts';
import { SaidOnce } from '../../src/actors/said-once.ts';
import { startSystem } from '../../src/actors/system.ts';
import { AccountLease } from '../../src/actors/telegram/account-lease.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { leaseSpec } from '../../src/actors/telegram/lease.actor.ts';
import { LeaseRenewals } from '../../src/actors/telegram/lease-renewals.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { LeaseAnswer, LeaseRenewal, Store } from '../../src/ports.ts';
import { ScriptedLink } from '../jobs/scripted-link.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A link that Telegram has moved: it has another session than it was opened with, which has to be saved. */
class MovedLink extends ScriptedLink {
  isClosed = false;
  readonly #opened: string;
  constructor(opened: string) {
    super(-1_000_000_000_700, 0);
    this.#opened = opened;
  }
  override session(): string {
    return `${this.#opened}, moved`;
  }
  override async close(): Promise<void> {
    this.isClosed = true;
  }
}

test('an account whose session may not be saved here is another worker’s: it waits for the lease, and reads the session anew', async () => {
  const clock = new VirtualClock();
  let owner = 'me';
  let token = 1;
  let stored = 'old';
  const saved: string[] = [];
  const opened: MovedLink[] = [];
  const sessions: string[] = [];
  const states: string[] = [];
  const store = {
    takeLease: async (): Promise<LeaseAnswer> =>
      owner === 'me' ? { granted: true, token: ++token } : { granted: false, owner, freeInMs: 30_000 },
    renewLeases: async (_: string, renewals: readonly LeaseRenewal[]) =>
      owner === 'me' ? renewals.map(({ accountId }) => accountId) : [],
    releaseLease: async () => {},
    ensureAccount: async () => {},
    entities: async () => [],
    bindUser: async (_: string, userId: number) => userId,
  };
  const lease = new AccountLease('main', clock);
  const line = new AccountLine('main', clock, () => 0);
  line.onState(({ state }) => states.push(state));
  const deps = { clock, random: () => 0.5, log: silentLog };
  const system = startSystem(
    {
      strategy: 'rest_for_one',
      children: [
        leaseSpec(lease, line, {
          ...deps,
          store,
          renewals: new LeaseRenewals(store, 'me', clock, () => []),
          owner: 'me',
          isHome: () => false,
          obstacles: new SaidOnce(),
          evidence: () => line.health(),
        }),
        connectionSpec(line, {
          ...deps,
          store: store as unknown as Store,
          lease,
          credentials: () => undefined,
          telegram: {
            open: (session) => {
              const link = new MovedLink(session);
              sessions.push(session);
              opened.push(link);
              return link;
            },
          },
          sessions: {
            read: async () => stored,
            write: async (_, session) => {
              // Another worker takes the account just before the first save, and saves what it has.
              if (opened.length === 1) {
                owner = 'another';
                stored = 'of the other';
                throw new VigiliaError('SESSION_FENCED', 'another worker has taken the account');
              }
              saved.push(session);
            },
          },
        }),
      ],
    },
    { ...deps, registry: new Registry(clock) },
  );
  onTestFinished(async () => {
    const stopped = system.stop();
    await clock.advance(10_000);
    await stopped;
  });
  await clock.advance(4_000);
  expect(states).toContain('lease-lost');
  expect(states).not.toContain('conflict');
  expect(line.health()).toMatchObject({ state: 'awaiting-lease', reason: expect.stringContaining('another') });
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true]);
  expect(lease.isHeld()).toBe(false);
  await clock.advance(60_000);
  expect(opened).toHaveLength(1);
  // The other one is gone.
  owner = 'me';
  await clock.advance(6_000);
  expect(line.health().state).toBe('authenticated');
  expect(sessions).toEqual(['old', 'of the other']);
  expect(saved).toEqual(['of the other, moved']);
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
});
