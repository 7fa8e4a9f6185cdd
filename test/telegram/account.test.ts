import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { sessionFiles } from '../../src/actors/telegram/session-file.ts';
import { updatesSpec } from '../../src/actors/telegram/updates.actor.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { AccountHealth, Store, StoreTransaction } from '../../src/ports.ts';
import { openTestStore } from '../jobs/job-house.ts';
import { until } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { TALES_ID, TelegramHouse } from './telegram-house.ts';

let store: Store;
let house: TelegramHouse;
let accountId = '';
let accounts = 0;
const systems: ActorSystem[] = [];

beforeAll(async () => {
  store = await openTestStore();
});
beforeEach(async () => {
  house = await TelegramHouse.start();
  accountId = `account-${++accounts}`;
});
afterEach(async () => {
  await Promise.all(systems.splice(0).map((system) => system.stop()));
  await house.close();
});
afterAll(async () => {
  await store.close();
});

interface Options {
  readonly clock?: Clock;
  readonly withCredentials?: boolean;
  readonly through?: Store;
}

/** Starts one life of the account's process: its connection and the writer of its updates. */
async function start({ clock = systemClock, withCredentials = true, through = store }: Options = {}) {
  const line = new AccountLine(accountId, clock);
  const deps = { clock, random: () => 0, log: silentLog, store: through, cache: createMemoryCache(clock) };
  const credentials = () => (withCredentials ? house.account : undefined);
  const sessions = sessionFiles(join(house.folder, 'sessions'), 'a key');
  const children = [
    connectionSpec(line, { ...deps, telegram: house.telegram(clock), sessions, credentials }),
    updatesSpec(line, deps),
  ];
  const system = startSystem({ children }, { ...deps, registry: new Registry(clock) });
  systems.push(system);
  const settle = async (): Promise<void> => {
    if (clock instanceof VirtualClock) await clock.settle();
  };
  await settle();
  await system.started;
  /** Resolves once the account's health fits. */
  const healthy = (fits: (health: AccountHealth) => boolean): Promise<AccountHealth> =>
    until(async () => {
      await settle();
      const health = line.health();
      return fits(health) ? health : undefined;
    });
  return {
    line,
    system,
    healthy,
    is: (state: string) => healthy((health) => health.state === state),
    live: () =>
      until(async () => {
        await settle();
        return system.find('root/connection')?.state.includes('service.live') || undefined;
      }),
  };
}

const sessionFile = (): string => join(house.folder, 'sessions', `${accountId}.session`);
const stats = () => house.control.tell('stats', {});
const texts = async (): Promise<string[]> => (await store.readMessages({ chatId: TALES_ID, limit: 100 })).map(({ text }) => text);
const box = async () => (await store.positions(accountId)).find((position) => position.box === `channel:${TALES_ID}`);

describe('an account’s connection', () => {
  test('logs itself in once, keeps the session for itself, and takes it up again', async () => {
    const first = await start();
    await first.live();
    expect(first.line.health()).toMatchObject({ state: 'authenticated', gaps: 0, lastPongAgeMs: expect.any(Number) });
    expect(statSync(sessionFile()).mode & 0o777).toBe(0o600);
    expect((await store.entities(accountId)).map(({ peerId }) => peerId)).toContain(TALES_ID);
    const kept = readFileSync(sessionFile());
    await first.system.stop();
    expect(first.line.health().state).toBe('stopping');
    await until(async () => ((await stats()).connections === 0 ? true : undefined));
    const second = await start({ withCredentials: false });
    await second.live();
    expect((await stats()).calls).toMatchObject({ 'auth.signIn': 1, 'auth.sendCode': 1 });
    expect(readFileSync(sessionFile())).toEqual(kept);
  });

  test('without a session and without credentials waits for a person', async () => {
    const { is, line } = await start({ withCredentials: false });
    expect(await is('reauth-required')).toMatchObject({ reason: expect.stringContaining('logged in'), lastPongAgeMs: null });
    await expect(line.dialogs()).rejects.toMatchObject({ code: 'TELEGRAM_OFFLINE' });
    expect((await stats()).accepted).toBe(0);
  });

  test('comes back by itself after a drop, with one connection', async () => {
    const { live, system, line } = await start();
    await live();
    const gone = new Promise<void>((resolve) => line.onServing((serving) => !serving && resolve()));
    await house.control.tell('drop', {});
    await gone;
    await live();
    expect(system.find('root/connection')?.context).toMatchObject({ generation: 2 });
    expect(await stats()).toMatchObject({ connections: 1, calls: { 'auth.signIn': 1 } });
    expect((await line.history(TALES_ID, 0, 2)).messages).toHaveLength(2);
  });

  test('notices a frozen server by its ping, and comes back once it answers', async () => {
    const clock = new VirtualClock();
    const { live, line, is } = await start({ clock });
    await live();
    await until(async () => (line.health().lastPongAgeMs === null ? undefined : true));
    await clock.settle();
    await house.control.tell('freeze', {});
    await clock.advance(30_000);
    expect(line.health()).toMatchObject({ state: 'authenticated', lastPongAgeMs: 30_000 });
    await clock.advance(10_000);
    expect(line.health()).toMatchObject({
      state: expect.stringMatching(/backoff|connecting/),
      reason: expect.stringContaining('10 s'),
    });
    await house.control.tell('thaw', {});
    await is('authenticated');
    await live();
  });

  test('a call without an answer brings the ping forward', async () => {
    const clock = new VirtualClock();
    const { live, line, is } = await start({ clock });
    await live();
    await until(async () => (line.health().lastPongAgeMs === null ? undefined : true));
    await clock.settle();
    await house.control.tell('freeze', {});
    const call = line.history(TALES_ID, 0, 1).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await call).toMatchObject({ code: 'TELEGRAM_TIMEOUT' });
    expect(line.serving).toBe(true);
    // 10 s for the ping, instead of 20 s until the next one and 10 s more.
    await clock.advance(10_000);
    expect(line.serving).toBe(false);
    await house.control.tell('thaw', {});
    await is('authenticated');
  });

  test('a session that was revoked needs a person; its file stays', async () => {
    const { live, line, is, system } = await start();
    await live();
    await house.control.tell('revoke', { phone: house.account.phone });
    await expect(line.dialogs()).rejects.toMatchObject({ code: 'TELEGRAM_REAUTH' });
    expect(await is('reauth-required')).toMatchObject({ reason: expect.stringContaining('AUTH_KEY_UNREGISTERED') });
    expect(existsSync(sessionFile())).toBe(true);
    expect(await stats()).toMatchObject({ calls: { 'auth.signIn': 1 } });
    await until(async () => ((await stats()).connections === 0 ? true : undefined));
    expect(system.find('root/connection')?.restarts).toBe(0);
  });

  test('one call that says the session is gone is not believed when the state says otherwise', async () => {
    const { live, line, is, system } = await start();
    await live();
    await house.control.tell('fail', { method: 'messages.getHistory', code: 401, message: 'SESSION_REVOKED', times: 1 });
    await expect(line.history(TALES_ID, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_REAUTH' });
    await is('authenticated');
    await live();
    expect(system.find('root/connection')?.context).toMatchObject({ generation: 2 });
    expect((await line.history(TALES_ID, 0, 1)).messages).toHaveLength(1);
  });

  test('an auth key that Telegram has forgotten needs a person, after a second try', async () => {
    const { live, is } = await start();
    await live();
    await house.control.tell('revoke', { phone: house.account.phone, forgetKeys: true });
    await house.control.tell('drop', {});
    expect(await is('reauth-required')).toMatchObject({ reason: expect.stringContaining('-404') });
    expect((await stats()).calls['auth.signIn']).toBe(1);
  });

  test('a key that was used from two places is a conflict, never retried', async () => {
    const { live, line, is } = await start();
    await live();
    await house.control.tell('fail', { method: 'messages.getHistory', code: 406, message: 'AUTH_KEY_DUPLICATED' });
    await expect(line.history(TALES_ID, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_KEY_DUPLICATED' });
    await is('conflict');
    await until(async () => ((await stats()).connections === 0 ? true : undefined));
  });

  test('a flood wait on the dialogs does not cost the connection', async () => {
    await house.control.tell('fail', { method: 'messages.getDialogs', code: 420, message: 'FLOOD_WAIT_3600' });
    const { is, line, system } = await start();
    await is('authenticated');
    await until(async () => (`${system.find('root/connection')?.state}`.includes('service.postponed') ? true : undefined));
    await line.resolve({ kind: 'username', username: 'tales' });
    expect((await line.history(TALES_ID, 0, 3)).messages).toHaveLength(3);
    expect(system.find('root/connection')?.context).toMatchObject({ generation: 1 });
  });

  test('a life that fails leaves no connection behind', async () => {
    const { live, line, system } = await start();
    await live();
    let fail = true;
    line.onServing((serving) => {
      if (!serving || !fail) return;
      fail = false;
      throw new Error('a listener is broken');
    });
    await house.control.tell('drop', {});
    await until(async () => (system.find('root/connection')?.restarts === 1 ? true : undefined));
    await live();
    expect(system.find('root/connection')).toMatchObject({ restarts: 1, lastExit: { causes: ['a listener is broken'] } });
    await until(async () => ((await stats()).connections === 1 ? true : undefined));
    expect(line.serving).toBe(true);
  });
});

describe('an account’s updates', () => {
  test('are stored as they are pushed: posts, edits, deletions, and the pts', async () => {
    const { live, line } = await start();
    await live();
    const first = await house.control.tell('post', { channel: 'tales', text: 'first' });
    await house.control.tell('post', { channel: 'tales', text: 'second' });
    await house.control.tell('edit', { channel: 'tales', messageId: first.id, text: 'first, edited' });
    await until(async () => ((await texts()).includes('first, edited') ? true : undefined));
    expect(await texts()).toEqual(['second', 'first, edited']);
    const gone = await house.control.tell('delete', { channel: 'tales', ids: [first.id] });
    await until(async () => ((await box())?.pts === gone.pts ? true : undefined));
    expect(await texts()).toEqual(['second']);
    expect(line.health()).toMatchObject({ gaps: 0, lastUpdateAgeMs: expect.any(Number) });
    await house.control.tell('delete', { channel: 'tales', ids: [first.id + 1] });
    await until(async () => ((await texts()).length === 0 ? true : undefined));
  });

  test('a missed one is shown as a gap, and the position waits before it', async () => {
    const { live, line, healthy } = await start();
    await live();
    const before = await house.control.tell('post', { channel: 'tales', text: 'before the gap' });
    await until(async () => ((await box())?.pts === before.pts ? true : undefined));
    await house.control.tell('push', { channel: 'tales', on: false });
    await house.control.tell('post', { channel: 'tales', text: 'never pushed' });
    await house.control.tell('push', { channel: 'tales', on: true });
    expect(line.health().gaps).toBe(0);
    await house.control.tell('post', { channel: 'tales', text: 'behind the gap' });
    await healthy(({ gaps }) => gaps === 1);
    expect(await texts()).toContain('behind the gap');
    expect(await texts()).not.toContain('never pushed');
    expect((await box())?.pts).toBe(before.pts);
  });

  test('wait for a database that is away', async () => {
    let away = false;
    let refused = 0;
    const through = new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          if (away) {
            refused++;
            throw new VigiliaError('STORE_UNAVAILABLE', 'away');
          }
          return method.apply(target, args);
        };
      },
    });
    const { live, line, system } = await start({ through });
    await live();
    away = true;
    await house.control.tell('post', { channel: 'tales', text: 'while it was away, one' });
    await house.control.tell('post', { channel: 'tales', text: 'while it was away, two' });
    await until(async () => (refused > 1 ? true : undefined));
    away = false;
    await until(async () => ((await texts()).includes('while it was away, two') ? true : undefined));
    expect(await texts()).toContain('while it was away, one');
    expect(line.health()).toMatchObject({ gaps: 0, state: 'authenticated' });
    expect(system.find('root/updates')?.restarts).toBe(0);
  });

  test('that the database refuses are left out and show as a gap; those around them are stored', async () => {
    const picky = new Proxy(store, {
      get: (target, name) =>
        name === 'transaction'
          ? (work: (tx: StoreTransaction) => Promise<unknown>) => target.transaction((tx) => work(refusing(tx)))
          : (Reflect.get(target, name) as () => unknown),
    });
    function refusing(tx: StoreTransaction): StoreTransaction {
      const upsertMessages: StoreTransaction['upsertMessages'] = (scope, messages) =>
        messages.some(({ text }) => text === 'refused')
          ? Promise.reject(new VigiliaError('STORE_REFUSED', 'a bad row'))
          : tx.upsertMessages(scope, messages);
      return { ...tx, upsertMessages };
    }
    const { live, healthy, system } = await start({ through: picky });
    await live();
    const posts = ['good one', 'refused', 'good two'];
    await Promise.all(posts.map((text) => house.control.tell('post', { channel: 'tales', text })));
    await healthy(({ gaps }) => gaps === 1);
    await until(async () => ((await texts()).includes('good two') ? true : undefined));
    expect(await texts()).toContain('good one');
    expect(await texts()).not.toContain('refused');
    expect(system.find('root/updates')?.restarts).toBe(0);
  });

  test('that came while the account was away show as a gap as soon as it is back', async () => {
    const first = await start();
    await first.live();
    await house.control.tell('post', { channel: 'tales', text: 'heard' });
    await until(async () => ((await texts()).includes('heard') ? true : undefined));
    await first.system.stop();
    await house.control.tell('post', { channel: 'tales', text: 'missed' });
    const second = await start();
    await second.live();
    await second.healthy(({ gaps }) => gaps === 1);
    expect(await texts()).not.toContain('missed');
  });
});
