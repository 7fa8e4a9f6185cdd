import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../../src/actors/system.ts';
import { Turns } from '../../src/actors/telegram/turns.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { Store, StoreTransaction } from '../../src/ports.ts';
import { openTestStore } from '../jobs/job-house.ts';
import { until } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type LifeOptions, startLife } from './account-life.ts';
import { TelegramHouse } from './telegram-house.ts';

let store: Store;
let house: TelegramHouse;
let accountId = '';
let accounts = 0;
const systems: ActorSystem[] = [];

beforeAll(async () => {
  store = await openTestStore();
});
beforeEach(async () => {
  house = await TelegramHouse.start(++accounts);
  accountId = `account-${accounts}`;
});
afterEach(async () => {
  await Promise.all(systems.splice(0).map((system) => system.stop()));
  await house.close();
});
afterAll(async () => {
  await store.close();
});

async function start({ through = store, ...options }: LifeOptions & { readonly through?: Store } = {}) {
  const life = await startLife(accountId, house, through, options);
  systems.push(life.system);
  return life;
}

const sessionFile = (): string => join(house.folder, 'sessions', accountId, '00000001.session');
const stats = () => house.control.tell('stats', {});
const texts = async (): Promise<string[]> =>
  (await store.readMessages({ chatId: house.talesId, limit: 100 })).map(({ text }) => text);
const box = async () => (await store.positions(accountId)).find((position) => position.box === `channel:${house.talesId}`);

describe('an account’s connection', () => {
  test('logs itself in once, keeps the session for itself, and takes it up again', async () => {
    const first = await start();
    await first.live();
    expect(first.line.health()).toMatchObject({ state: 'authenticated', gaps: 0, lastPongAgeMs: expect.any(Number) });
    expect(statSync(sessionFile()).mode & 0o777).toBe(0o600);
    expect((await store.entities(accountId)).map(({ peerId }) => peerId)).toContain(house.talesId);
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

  test('waits for its turn to open a link, and gives it back: done, given up, or stopped while it waited', async () => {
    const openings = new Turns(1);
    const { signal } = new AbortController();
    const end = await openings.take(signal);
    const stopped = await start({ openings });
    await stopped.is('connecting');
    await stopped.system.stop();
    const waiting = await start({ openings });
    await waiting.is('connecting');
    expect((await stats()).accepted).toBe(0);
    end?.();
    await waiting.live();
    const helpless = await startLife('a stranger', house, store, { openings, withCredentials: false });
    systems.push(helpless.system);
    await helpless.is('reauth-required');
    expect(await openings.take(signal)).toBeDefined();
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
    expect((await line.history(house.talesId, 0, 2)).messages).toHaveLength(2);
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
    const call = line.history(house.talesId, 0, 1).catch((error: unknown) => error);
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

  test('a session that was revoked is noticed by an account on which nobody calls, though pings are answered', async () => {
    const clock = new VirtualClock();
    const { live, line, is } = await start({ clock });
    await live();
    await until(async () => (line.health().lastPongAgeMs === null ? undefined : true));
    await clock.settle();
    const asked = (await stats()).calls['updates.getState'] ?? 0;
    // While it is well, a ping asks once.
    await clock.advance(30_000);
    await until(async () => {
      await clock.settle();
      return (await stats()).calls['updates.getState'] === asked + 1 || undefined;
    });
    await house.control.tell('revoke', { phone: house.account.phone });
    const revokedAt = clock.now();
    await clock.advance(30_000);
    // Virtual time goes on only where something waits for it: the backoff, before the session is asked for again.
    const found = await until(async () => {
      await clock.settle();
      if (line.health().state === 'backoff') await clock.advance(1_000);
      return line.health().state === 'reauth-required' ? line.health() : undefined;
    });
    expect(found.reason).toContain('AUTH_KEY_UNREGISTERED');
    expect(clock.now() - revokedAt).toBeLessThan(45_000);
    await is('reauth-required');
  });

  test('one call that says the session is gone is not believed when the state says otherwise', async () => {
    const { live, line, is, system } = await start();
    await live();
    await house.control.tell('fail', { method: 'messages.getHistory', code: 401, message: 'SESSION_REVOKED', times: 1 });
    await expect(line.history(house.talesId, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_REAUTH' });
    await is('authenticated');
    await live();
    expect(system.find('root/connection')?.context).toMatchObject({ generation: 2 });
    expect((await line.history(house.talesId, 0, 1)).messages).toHaveLength(1);
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
    await expect(line.history(house.talesId, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_KEY_DUPLICATED' });
    await is('conflict');
    await until(async () => ((await stats()).connections === 0 ? true : undefined));
  });

  test('a flood wait on the dialogs does not cost the connection', async () => {
    await house.control.tell('fail', { method: 'messages.getDialogs', code: 420, message: 'FLOOD_WAIT_3600' });
    const { is, line, system } = await start();
    await is('authenticated');
    await until(async () => (`${system.find('root/connection')?.state}`.includes('service.postponed') ? true : undefined));
    // Authenticated, and not up to date: whoever asks is told of both.
    expect(line.health()).toMatchObject({ state: 'authenticated', reason: expect.stringContaining('missed') });
    await line.resolve({ kind: 'username', username: 'tales' });
    expect((await line.history(house.talesId, 0, 3)).messages).toHaveLength(3);
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

  test('a missed one is a gap until its feed has brought it', async () => {
    const { live, line, healthy, system } = await start();
    await live();
    const before = await house.control.tell('post', { channel: 'tales', text: 'before the gap' });
    await until(async () => ((await box())?.pts === before.pts ? true : undefined));
    await house.control.tell('fail', { method: 'updates.getChannelDifference', code: 500, message: 'INTERNAL', times: 1 });
    // Long enough to look at it while it is open.
    await house.control.tell('delay', { method: 'updates.getChannelDifference', delayMs: 1_000 });
    await house.control.tell('push', { channel: 'tales', on: false });
    await house.control.tell('post', { channel: 'tales', text: 'never pushed' });
    await house.control.tell('push', { channel: 'tales', on: true });
    expect(line.health().gaps).toBe(0);
    const behind = await house.control.tell('post', { channel: 'tales', text: 'behind the gap' });
    expect(await healthy(({ gaps }) => gaps === 1)).toMatchObject({
      openGaps: [{ box: `channel:${house.talesId}`, reason: 'hole', from: before.pts, to: behind.pts }],
    });
    expect(await texts()).not.toContain('behind the gap');
    expect((await box())?.pts).toBe(before.pts);
    await healthy(({ gaps }) => gaps === 0);
    expect(await texts()).toEqual(expect.arrayContaining(['behind the gap', 'never pushed', 'before the gap']));
    expect((await stats()).calls['updates.getChannelDifference']).toBe(2);
    expect((await box())?.pts).toBe(behind.pts);
    expect(line.health().gapCounts).toMatchObject({ channel: { detected: 1, healed: 1, missing: 0 } });
    await until(async () => (system.find(`root/feeds/${house.talesId}`) === undefined ? true : undefined));
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
    expect(system.find('root/box')?.restarts).toBe(0);
  });

  test('that the database refuses are left out and counted; those around them are stored', async () => {
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
    await healthy(({ gapCounts }) => gapCounts?.channel.missing === 1);
    // What is found by asking comes newest first, so that either may be the last.
    await until(async () => {
      const stored = await texts();
      return stored.includes('good one') && stored.includes('good two') ? true : undefined;
    });
    expect(await texts()).not.toContain('refused');
    expect(system.find('root/box')?.restarts).toBe(0);
  });

  test('that came while the account was away are there before it counts as live, however late the database tells where it stood', async () => {
    const first = await start();
    await first.live();
    await house.control.tell('post', { channel: 'tales', text: 'heard' });
    await until(async () => ((await texts()).includes('heard') ? true : undefined));
    await first.system.stop();
    await house.control.tell('post', { channel: 'tales', text: 'missed' });
    let away = true;
    const through = new Proxy(store, {
      get: (target, name) => {
        if (name !== 'positions' || !away) return Reflect.get(target, name);
        return () => Promise.reject(new VigiliaError('STORE_UNAVAILABLE', 'away'));
      },
    });
    const second = await start({ through });
    await second.is('authenticated');
    await until(async () => (second.line.health().lastPongAgeMs === null ? undefined : true));
    expect(second.system.find('root/connection')?.state).toContain('service.catching-up');
    away = false;
    await second.live();
    expect(await texts()).toContain('missed');
  });

  test('of a count that was another’s begin anew where Telegram stands, and that is told', async () => {
    await store.ensureAccount(accountId);
    const another = { box: 'account', pts: 5_000_000, qts: 0, date: 1_700_000_000, seq: 0 };
    await store.transaction((tx) => tx.savePosition(accountId, another));
    const { live, line } = await start();
    await live();
    expect(line.health()).toMatchObject({ gaps: 0, gapCounts: { account: { detected: 1, healed: 1 } } });
  });

  test('that came while the account was away are there before it counts as live', async () => {
    const first = await start();
    await first.live();
    const heard = await house.control.tell('post', { channel: 'tales', text: 'heard' });
    await until(async () => ((await texts()).includes('heard') ? true : undefined));
    await first.system.stop();
    await house.control.tell('post', { channel: 'tales', text: 'missed' });
    await house.control.tell('edit', { channel: 'tales', messageId: heard.id, text: 'heard, and edited' });
    const second = await start();
    await second.live();
    expect(await texts()).toEqual(expect.arrayContaining(['missed', 'heard, and edited']));
    expect(second.line.health()).toMatchObject({ gaps: 0, gapCounts: { channel: { detected: 1, healed: 1 } } });
  });
});

describe('a session of another person than the account has been of', () => {
  test('is not used: the account says whose it is and whose the session, and nothing is written under its name', async () => {
    await store.ensureAccount(accountId);
    await store.bindUser(accountId, 42);
    const { is, line } = await start();
    await is('reauth-required');
    expect(line.health().reason).toMatch(
      /^the session is of Telegram user \d+, and account account-\d+ has been of user 42 so far/,
    );
    expect(line.serving).toBe(false);
    expect(await store.positions(accountId)).toEqual([]);
  });

  test('is another from the first login on: until then anybody’s will do', async () => {
    const { live, line } = await start();
    await live();
    const { userId } = line.health();
    expect(await store.bindUser(accountId, 42)).toBe(userId);
  });
});
