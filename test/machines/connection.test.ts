import { describe, expect, test } from 'vitest';
import { createActor, fromPromise } from 'xstate';
import { topState } from '../../src/actors/state-name.ts';
import { type ErrorCode, VigiliaError } from '../../src/errors.ts';
import { backoffDelayMs } from '../../src/machines/backoff.ts';
import { type ConnectionEvent, connectionMachine } from '../../src/machines/connection.machine.ts';
import { type Deferred, deferred } from '../support/deferred.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

type Placeholder = 'openLink' | 'closeLink' | 'ping' | 'catchUp' | 'logOut';

/** The machine, alive on a virtual clock; what it asks for waits until the test answers. */
class House {
  readonly clock = new VirtualClock();
  readonly startedAt = this.clock.now();
  /** What it told the world, in order. */
  readonly told: string[] = [];
  /** How often each of its placeholders was asked for. */
  readonly asked = { openLink: 0, closeLink: 0, ping: 0, catchUp: 0, logOut: 0 };
  readonly generations: number[] = [];
  readonly #open: Record<Placeholder, Deferred<void>[]> = { openLink: [], closeLink: [], ping: [], catchUp: [], logOut: [] };
  readonly actor;
  /** Turns to open a link: how many were given back. */
  turnsEnded = 0;

  /** @param takeTurn resolves when it may open a link */
  constructor(
    backoffMs: (attempt: number) => number = (attempt) => 1_000 * 2 ** attempt,
    takeTurn: () => Promise<void> = async () => {},
  ) {
    const ask = (what: Placeholder): Promise<void> => {
      this.asked[what]++;
      const answer = deferred();
      this.#open[what].push(answer);
      return answer.promise;
    };
    const tell = (what: string) => () => void this.told.push(what);
    this.actor = createActor(
      connectionMachine.provide({
        actors: {
          takeTurn: fromPromise<void>(takeTurn),
          openLink: fromPromise<void, { generation: number }>(({ input }) => {
            this.generations.push(input.generation);
            return ask('openLink');
          }),
          closeLink: fromPromise<void>(() => ask('closeLink')),
          ping: fromPromise<void>(() => ask('ping')),
          catchUp: fromPromise<void>(() => ask('catchUp')),
          logOut: fromPromise<void>(() => ask('logOut')),
        },
        actions: {
          endTurn: () => void this.turnsEnded++,
          tellConnecting: tell('connecting'),
          tellAuthenticated: tell('authenticated'),
          tellLive: tell('live'),
          tellPostponed: tell('postponed'),
          tellUnavailable: tell('unavailable'),
          tellDisconnected: tell('disconnected'),
          tellBackoff: tell('backoff'),
          tellReauth: tell('reauth'),
          tellDeactivated: tell('deactivated'),
          tellConflict: tell('conflict'),
          tellLeaseLost: tell('lease-lost'),
          tellLoggedIn: tell('logged-in'),
          tellStopping: tell('stopping'),
        },
      }),
      { input: { now: this.clock.now, backoffMs }, clock: this.clock },
    );
    this.actor.start();
  }

  get state(): string {
    return topState(this.actor.getSnapshot().value) ?? '';
  }

  /** A region of `authenticated`. */
  region(name: 'heartbeat' | 'service' | 'stability'): string | undefined {
    const { value } = this.actor.getSnapshot();
    return typeof value === 'object' && 'authenticated' in value
      ? (value.authenticated as Record<string, string>)[name]
      : undefined;
  }

  get context() {
    return this.actor.getSnapshot().context;
  }

  async send(event: ConnectionEvent): Promise<void> {
    this.actor.send(event);
    await this.clock.settle();
  }

  /** Answers what was asked for last. */
  async done(what: Placeholder): Promise<void> {
    this.#last(what).resolve();
    await this.clock.settle();
  }

  async failed(what: Placeholder, code: ErrorCode = 'TELEGRAM_TRANSIENT', retryAfterMs?: number): Promise<void> {
    await this.clock.settle();
    this.#last(what).reject(new VigiliaError(code, `${what} failed`, retryAfterMs === undefined ? {} : { retryAfterMs }));
    await this.clock.settle();
  }

  async linkDown(code: ErrorCode = 'TELEGRAM_OFFLINE', generation = this.context.generation): Promise<void> {
    await this.send({ type: 'LINK_DOWN', generation, error: new VigiliaError(code, 'down') });
  }

  async authenticated(): Promise<this> {
    await this.clock.settle();
    await this.done('openLink');
    return this;
  }

  async live(): Promise<this> {
    await this.authenticated();
    await this.done('ping');
    await this.done('catchUp');
    return this;
  }

  /** From `disconnected` through the backoff to the next attempt. */
  async nextAttempt(): Promise<this> {
    await this.done('closeLink');
    await this.clock.advance(this.context.delayMs ?? 0);
    return this;
  }

  #last(what: Placeholder): Deferred<void> {
    const answer = this.#open[what].at(-1);
    if (!answer) throw new Error(`nobody asked to ${what}`);
    return answer;
  }
}

describe('connecting', () => {
  test('begins with the first generation and says so', async () => {
    const house = new House();
    await house.clock.settle();
    expect(house.state).toBe('connecting');
    expect(house.generations).toEqual([1]);
    expect(house.told).toEqual(['connecting']);
  });

  test('waits for its turn without a deadline, and gives it back whatever becomes of the attempt', async () => {
    const turn = deferred();
    const house = new House(undefined, () => turn.promise);
    await house.clock.advance(600_000);
    expect([house.state, house.told, house.asked.openLink]).toEqual(['connecting', ['connecting'], 0]);
    turn.resolve();
    await house.clock.settle();
    expect([house.asked.openLink, house.turnsEnded]).toEqual([1, 0]);
    await house.clock.advance(60_000);
    expect([house.state, house.turnsEnded]).toEqual(['disconnected', 1]);
    await house.nextAttempt();
    await house.done('openLink');
    expect([house.state, house.turnsEnded]).toEqual(['authenticated', 2]);
  });

  test.each(['SHUTDOWN', 'LOGGED_IN'] as const)(
    'that ends with %s while it waits for its turn gives back the place',
    async (type) => {
      const house = new House(undefined, () => new Promise(() => {}));
      await house.send({ type });
      expect([house.turnsEnded, house.asked.openLink]).toEqual([1, 0]);
    },
  );

  test('a confirmed login is authenticated, at once serving, pinging and catching up', async () => {
    const house = await new House().authenticated();
    expect(house.state).toBe('authenticated');
    expect(house.asked).toEqual({ openLink: 1, closeLink: 0, ping: 1, catchUp: 1, logOut: 0 });
    expect(house.told).toEqual(['connecting', 'authenticated']);
    await house.done('catchUp');
    expect(house.region('service')).toBe('live');
    expect(house.told.at(-1)).toBe('live');
  });

  test.each([
    ['TELEGRAM_TRANSIENT', 'disconnected'],
    ['TELEGRAM_OFFLINE', 'disconnected'],
    ['TELEGRAM_TIMEOUT', 'disconnected'],
    ['TELEGRAM_GENERATION', 'disconnected'],
    ['TELEGRAM_FLOOD', 'disconnected'],
    ['TELEGRAM_REFUSED', 'disconnected'],
    ['STORE_UNAVAILABLE', 'disconnected'],
    ['INTERNAL', 'disconnected'],
    ['TELEGRAM_KEY_UNKNOWN', 'disconnected'],
    ['TELEGRAM_REAUTH', 'reauth-required'],
    ['SESSION_MISSING', 'reauth-required'],
    ['SESSION_CORRUPT', 'reauth-required'],
    ['TELEGRAM_KEY_DUPLICATED', 'conflict'],
    ['SESSION_FENCED', 'lease-lost'],
    ['LEASE_LOST', 'lease-lost'],
    // A conflict, and not one about the session.
    ['FOREIGN_DATABASE', 'disconnected'],
  ] as const)('an attempt that ends with %s leads to %s', async (code, state) => {
    const house = new House();
    await house.failed('openLink', code);
    expect(house.state).toBe(state);
    expect(house.context.lastError).toMatchObject({ code });
    expect(house.asked.closeLink).toBe(1);
  });

  test('an account that another worker has taken over is tried again by itself, with the session as it is then', async () => {
    const house = new House();
    await house.failed('openLink', 'SESSION_FENCED');
    await house.done('closeLink');
    expect(house.told.at(-1)).toBe('lease-lost');
    await house.clock.advance(4_999);
    expect([house.state, house.asked.openLink]).toEqual(['lease-lost', 1]);
    await house.clock.advance(1);
    expect([house.state, house.asked.openLink]).toEqual(['connecting', 2]);
  });

  test('an auth key that Telegram says twice in a row not to know needs a login', async () => {
    const house = new House();
    await house.failed('openLink', 'TELEGRAM_KEY_UNKNOWN');
    await house.nextAttempt();
    await house.failed('openLink', 'TELEGRAM_KEY_UNKNOWN');
    expect(house.state).toBe('reauth-required');
  });

  test('between two such answers anything else begins the counting anew', async () => {
    const house = new House();
    await house.failed('openLink', 'TELEGRAM_KEY_UNKNOWN');
    await house.nextAttempt();
    await house.failed('openLink', 'TELEGRAM_OFFLINE');
    await house.nextAttempt();
    await house.failed('openLink', 'TELEGRAM_KEY_UNKNOWN');
    expect(house.state).toBe('disconnected');
    await house.nextAttempt();
    await house.authenticated();
    await house.linkDown('TELEGRAM_KEY_UNKNOWN');
    expect(house.state).toBe('disconnected');
  });

  test('an attempt that hangs ends after 60 s, and its late success is not heard', async () => {
    const house = new House();
    await house.clock.advance(59_999);
    expect(house.state).toBe('connecting');
    await house.clock.advance(1);
    expect(house.state).toBe('disconnected');
    expect(house.context.lastError).toMatchObject({ code: 'TELEGRAM_TIMEOUT' });
    await house.done('openLink');
    expect(house.state).toBe('disconnected');
  });

  test('a link that goes down while it is being opened is the attempt’s own business', async () => {
    const house = new House();
    await house.linkDown();
    expect(house.state).toBe('connecting');
  });
});

describe('the heartbeat', () => {
  test('pings every 30 s after a pong, and notes when it came', async () => {
    const house = await new House().live();
    expect(house.context.lastPongAt).toBe(house.startedAt);
    for (let beat = 2; beat <= 5; beat++) {
      await house.clock.advance(29_999);
      expect(house.asked.ping).toBe(beat - 1);
      await house.clock.advance(1);
      expect(house.asked.ping).toBe(beat);
      await house.done('ping');
    }
    expect(house.context.lastPongAt).toBe(house.startedAt + 120_000);
  });

  test('a ping without a pong ends the link', async () => {
    const house = await new House().live();
    await house.clock.advance(30_000);
    await house.failed('ping', 'TELEGRAM_TIMEOUT');
    expect(house.state).toBe('disconnected');
    expect(house.told.slice(-2)).toEqual(['unavailable', 'disconnected']);
  });

  test('a call without an answer is followed by a ping at once', async () => {
    const house = await new House().live();
    await house.clock.advance(5_000);
    await house.send({ type: 'SUSPECT' });
    expect(house.asked.ping).toBe(2);
    await house.done('ping');
    expect(house.state).toBe('authenticated');
    await house.clock.advance(29_999);
    expect(house.asked.ping).toBe(2);
  });

  test('while a ping is out, another suspicion adds none', async () => {
    const house = await new House().authenticated();
    await house.send({ type: 'SUSPECT' });
    await house.send({ type: 'SUSPECT' });
    expect(house.asked.ping).toBe(1);
  });
});

describe('catching up', () => {
  test.each(['TELEGRAM_TIMEOUT', 'TELEGRAM_TRANSIENT', 'TELEGRAM_REFUSED', 'STORE_REFUSED', 'INTERNAL'] as const)(
    'that ends with %s is tried again after a minute, on the same link',
    async (code) => {
      const house = await new House().authenticated();
      await house.done('ping');
      await house.failed('catchUp', code);
      expect(house.region('service')).toBe('postponed');
      expect(house.told.at(-1)).toBe('postponed');
      await house.clock.advance(30_000);
      await house.done('ping');
      await house.clock.advance(29_999);
      expect(house.asked.catchUp).toBe(1);
      await house.clock.advance(1);
      expect(house.asked.catchUp).toBe(2);
      await house.done('catchUp');
      expect(house.region('service')).toBe('live');
      expect(house.asked.openLink).toBe(1);
    },
  );

  test('that Telegram throttles is tried again when Telegram said', async () => {
    const house = await new House().authenticated();
    await house.failed('catchUp', 'TELEGRAM_FLOOD', 7_000);
    await house.clock.advance(6_999);
    expect(house.asked.catchUp).toBe(1);
    await house.clock.advance(1);
    expect(house.asked.catchUp).toBe(2);
  });

  test.each([
    ['TELEGRAM_OFFLINE', 'disconnected'],
    ['TELEGRAM_GENERATION', 'disconnected'],
    ['TELEGRAM_REAUTH', 'disconnected'],
    ['TELEGRAM_KEY_DUPLICATED', 'conflict'],
    ['SESSION_FENCED', 'lease-lost'],
    ['LEASE_LOST', 'lease-lost'],
  ] as const)('that ends with %s leads to %s', async (code, state) => {
    const house = await new House().authenticated();
    await house.failed('catchUp', code);
    expect(house.state).toBe(state);
  });
});

describe('a link that goes down', () => {
  test.each([
    ['TELEGRAM_OFFLINE', 'disconnected'],
    ['TELEGRAM_GENERATION', 'disconnected'],
    ['TELEGRAM_KEY_UNKNOWN', 'disconnected'],
    ['TELEGRAM_KEY_DUPLICATED', 'conflict'],
    ['SESSION_FENCED', 'lease-lost'],
    ['LEASE_LOST', 'lease-lost'],
  ] as const)('with %s leads to %s', async (code, state) => {
    const house = await new House().live();
    await house.linkDown(code);
    expect(house.state).toBe(state);
    expect(house.told).toContain('unavailable');
    expect(house.context.lastError).toMatchObject({ code });
  });

  test('because of a call that needs a login: only the next link, asked for its state, decides', async () => {
    const house = await new House().live();
    await house.linkDown('TELEGRAM_REAUTH');
    expect(house.state).toBe('disconnected');
    await house.nextAttempt();
    await house.failed('openLink', 'TELEGRAM_REAUTH');
    expect(house.state).toBe('reauth-required');
    expect(house.told.at(-1)).toBe('reauth');
  });

  test('the last words of an earlier link are not heard', async () => {
    const house = await new House().live();
    await house.linkDown();
    await house.nextAttempt();
    await house.live();
    expect(house.context.generation).toBe(2);
    for (const code of ['TELEGRAM_OFFLINE', 'TELEGRAM_KEY_DUPLICATED'] as const) await house.linkDown(code, 1);
    expect(house.state).toBe('authenticated');
  });

  test('is closed before the backoff; one that does not close is left after 3 s', async () => {
    const house = await new House().live();
    await house.linkDown();
    expect(house.state).toBe('disconnected');
    await house.clock.advance(2_999);
    expect(house.state).toBe('disconnected');
    await house.clock.advance(1);
    expect(house.state).toBe('backoff');
  });

  test('goes on to the backoff when closing fails', async () => {
    const house = await new House().live();
    await house.linkDown();
    await house.failed('closeLink');
    expect(house.state).toBe('backoff');
  });

  test.each(['disconnected', 'backoff', 'reauth-required', 'conflict'])('and again in %s changes nothing', async (state) => {
    const house = await new House().live();
    await house.linkDown(state === 'conflict' ? 'TELEGRAM_KEY_DUPLICATED' : 'TELEGRAM_OFFLINE');
    if (state !== 'disconnected') await house.done('closeLink');
    if (state === 'reauth-required') {
      await house.clock.advance(1_000);
      await house.failed('openLink', 'TELEGRAM_REAUTH');
    }
    expect(house.state).toBe(state);
    const before = house.context;
    await house.linkDown();
    await house.send({ type: 'SUSPECT' });
    expect(house.state).toBe(state);
    expect(house.context).toEqual(before);
  });
});

describe('the backoff', () => {
  test('grows with every failure up to 60 s and never ends', async () => {
    const policy = { baseMs: 1_000, capMs: 60_000 };
    const house = new House((attempt) => backoffDelayMs(policy, attempt, () => 0.999_999_9));
    const delays: (number | null)[] = [];
    for (let failure = 0; failure < 40; failure++) {
      await house.failed('openLink');
      delays.push(house.context.delayMs);
      await house.nextAttempt();
      expect(house.state).toBe('connecting');
    }
    expect(delays.slice(0, 8)).toEqual([999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999]);
    expect(new Set(delays.slice(6))).toEqual(new Set([59_999]));
    expect(house.generations).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
  });

  test('waits its whole delay', async () => {
    const house = new House(() => 4_321);
    await house.failed('openLink');
    await house.done('closeLink');
    await house.clock.advance(4_320);
    expect(house.state).toBe('backoff');
    await house.clock.advance(1);
    expect(house.state).toBe('connecting');
    expect(house.context.delayMs).toBeNull();
  });

  test('starts from the beginning after 60 s of a stable connection', async () => {
    const house = new House();
    for (let failure = 0; failure < 3; failure++) {
      await house.failed('openLink');
      await house.nextAttempt();
    }
    await house.live();
    await house.clock.advance(30_000);
    await house.done('ping');
    await house.clock.advance(29_999);
    expect(house.context.attempt).toBe(3);
    await house.clock.advance(1);
    expect(house.context.attempt).toBe(0);
    await house.linkDown();
    expect(house.context).toMatchObject({ attempt: 1, delayMs: 1_000 });
  });

  test('goes on growing when the connection was up for less', async () => {
    const house = new House();
    await house.failed('openLink');
    await house.nextAttempt();
    await house.live();
    await house.clock.advance(20_000);
    await house.linkDown();
    expect(house.context).toMatchObject({ attempt: 2, delayMs: 2_000 });
  });
});

describe('where a person has to act', () => {
  test.each([
    ['reauth-required', 'TELEGRAM_REAUTH'],
    ['conflict', 'TELEGRAM_KEY_DUPLICATED'],
  ] as const)('%s waits for a login for ever, with its link closed', async (state, code) => {
    const house = new House();
    await house.failed('openLink', code);
    await house.failed('closeLink');
    await house.clock.advance(30 * 86_400_000);
    expect(house.state).toBe(state);
    expect(house.asked).toMatchObject({ openLink: 1, closeLink: 1 });
    await house.send({ type: 'LOGGED_IN' });
    expect(house.state).toBe('changing-session');
    await house.done('closeLink');
    expect(house.state).toBe('connecting');
    expect(house.generations).toEqual([1, 2]);
    expect(house.context).toMatchObject({ lastError: null, attempt: 0 });
    expect(house.told.at(-2)).toBe('logged-in');
  });

  test.each([
    ['connecting', async () => {}],
    ['authenticated', (house: House) => house.live()],
    ['disconnected', (house: House) => house.failed('openLink')],
    ['backoff', (house: House) => house.failed('openLink').then(() => house.done('closeLink'))],
  ] as const)('a login while %s closes the old link before it connects with the new session', async (state, reach) => {
    const house = new House();
    await reach(house);
    expect(house.state).toBe(state);
    const closed = house.asked.closeLink;
    await house.send({ type: 'LOGGED_IN' });
    expect([house.state, house.asked.closeLink, house.generations]).toEqual(['changing-session', closed + 1, [1]]);
    await house.done('closeLink');
    expect([house.state, house.generations]).toEqual(['connecting', [1, 2]]);
    if (state === 'authenticated') expect(house.told).toContain('unavailable');
  });

  test('a link that does not close does not keep the new session waiting', async () => {
    const house = await new House().live();
    await house.send({ type: 'LOGGED_IN' });
    await house.clock.advance(3_000);
    expect(house.state).toBe('connecting');
  });

  test('a logout ends in reauth-required, for good', async () => {
    const house = await new House().live();
    await house.send({ type: 'LOG_OUT' });
    expect([house.state, house.asked.logOut]).toEqual(['logging-out', 1]);
    expect(house.told).toContain('unavailable');
    await house.done('logOut');
    expect(house.state).toBe('reauth-required');
    expect(house.context.lastError).toMatchObject({ code: 'SESSION_MISSING' });
    await house.clock.advance(30 * 86_400_000);
    expect(house.state).toBe('reauth-required');
  });

  test('a logout that fails is no logout', async () => {
    const house = await new House().live();
    await house.send({ type: 'LOG_OUT' });
    await house.failed('logOut', 'TELEGRAM_TIMEOUT');
    expect(house.state).toBe('disconnected');
  });

  test('a logout means nothing without a link', async () => {
    const house = new House();
    await house.send({ type: 'LOG_OUT' });
    expect([house.state, house.asked.logOut]).toEqual(['connecting', 0]);
  });
});

describe('shutting down', () => {
  const states: readonly [string, (house: House) => Promise<unknown>][] = [
    ['connecting', async () => {}],
    ['authenticated', (house) => house.live()],
    ['disconnected', (house) => house.failed('openLink')],
    ['backoff', (house) => house.failed('openLink').then(() => house.done('closeLink'))],
    ['reauth-required', (house) => house.failed('openLink', 'TELEGRAM_REAUTH')],
    ['conflict', (house) => house.failed('openLink', 'TELEGRAM_KEY_DUPLICATED')],
  ];

  test.each(states)('in %s closes the link, then ends', async (state, lead) => {
    const house = new House();
    await lead(house);
    expect(house.state).toBe(state);
    await house.send({ type: 'SHUTDOWN' });
    expect(house.state).toBe('stopping');
    expect(house.told.filter((word) => word === 'unavailable')).toHaveLength(state === 'authenticated' ? 1 : 0);
    await house.send({ type: 'SHUTDOWN' });
    await house.linkDown();
    expect(house.state).toBe('stopping');
    await house.done('closeLink');
    expect(house.actor.getSnapshot()).toMatchObject({ value: 'stopped', status: 'done' });
    const { openLink } = house.asked;
    await house.clock.advance(600_000);
    expect(house.asked.openLink).toBe(openLink);
  });

  test('ends after 3 s when the link does not close', async () => {
    const house = await new House().live();
    await house.send({ type: 'SHUTDOWN' });
    await house.clock.advance(2_999);
    expect(house.state).toBe('stopping');
    await house.clock.advance(1);
    expect(house.state).toBe('stopped');
  });

  test('ends when closing fails', async () => {
    const house = await new House().live();
    await house.send({ type: 'SHUTDOWN' });
    await house.failed('closeLink');
    expect(house.state).toBe('stopped');
  });
});

test('unbound, the chart does not run', () => {
  const actor = createActor(connectionMachine, { input: { now: () => 0, backoffMs: () => 0 } });
  let error: unknown;
  actor.subscribe({ error: (thrown) => (error = thrown) });
  actor.start();
  expect(String(error)).toMatch(/connection.actor binds/);
});

describe('a time that was named', () => {
  test('is waited for before another attempt, and the backoff on top of it', async () => {
    const house = new House();
    await house.failed('openLink', 'TELEGRAM_OFFLINE', 60_000);
    expect(house.context.delayMs).toBe(61_000);
    await house.nextAttempt();
    expect([house.state, house.asked.openLink]).toEqual(['connecting', 2]);
    await house.failed('openLink');
    expect(house.context.delayMs).toBe(2_000);
  });
});

describe('an account that Telegram has deactivated', () => {
  test('is no lost session: it stays as it is until somebody logs in', async () => {
    const house = await new House().live();
    await house.linkDown('TELEGRAM_DEACTIVATED');
    expect(house.state).toBe('disconnected');
    await house.nextAttempt();
    await house.failed('openLink', 'TELEGRAM_DEACTIVATED');
    expect([house.state, house.told.at(-1)]).toEqual(['deactivated', 'deactivated']);
    await house.done('closeLink');
    await house.clock.advance(86_400_000);
    expect([house.state, house.asked.openLink]).toEqual(['deactivated', 2]);
    await house.send({ type: 'LOGGED_IN' });
    await house.done('closeLink');
    expect(house.state).toBe('connecting');
  });
});
