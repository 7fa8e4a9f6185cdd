import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { gramJsTelegram } from '../../src/actors/telegram/gramjs/gramjs-telegram.ts';
import { systemClock } from '../../src/clock.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import type { Job, Store } from '../../src/ports.ts';
import { openTestStore } from '../jobs/job-house.ts';
import { until } from '../support/program.ts';
import { ErrorHouse } from './error-house.ts';
import { TALES_ID, TelegramHouse } from './telegram-house.ts';

// Each row is an account's whole life over real sockets.
vi.setConfig({ testTimeout: 60_000 });

const HISTORY = 'messages.getHistory';
const RESOLVE = 'contacts.resolveUsername';

let store: Store;
let house: TelegramHouse;
const houses: ErrorHouse[] = [];

beforeAll(async () => {
  store = await openTestStore();
  house = await TelegramHouse.start();
});
afterEach(async () => {
  await Promise.all(houses.splice(0).map(({ system }) => system.stop()));
  for (const method of [HISTORY, RESOLVE]) await house.control.tell('fail', { method, code: 0, message: '', times: 0 });
});
afterAll(async () => {
  await house.close();
  await store.close();
});

async function live(): Promise<ErrorHouse> {
  const account = new ErrorHouse(store, house);
  houses.push(account);
  return account.live();
}

/** It has ended, or waits. */
const rests = ({ status }: Job): boolean => !['queued', 'processing'].includes(status);
const completed = ({ status }: Job): boolean => status === 'completed';

describe('throttled: the job waits as long as was named, spends no attempt, and nothing else waits', () => {
  test.each([
    [420, 'FLOOD_WAIT_33', 33],
    [420, 'FLOOD_PREMIUM_WAIT_7', 7],
    [420, 'SLOWMODE_WAIT_60', 60],
    [420, 'TAKEOUT_INIT_DELAY_82800', 82_800],
    [420, '2FA_CONFIRM_WAIT_604800', 604_800],
  ] as const)('%d %s', async (code, message, seconds) => {
    const account = await live();
    await account.fail(HISTORY, code, message);
    const before = Date.now();
    const { id } = await account.submit();
    const job = await account.job(id, rests);
    expect(job).toMatchObject({ status: 'delayed', attempts: 0, error: { code: 'TELEGRAM_FLOOD', fault: 'throttled' } });
    const waitMs = Number(job.dueAt) - before;
    expect(waitMs).toBeGreaterThanOrEqual(seconds * 1_000);
    expect(waitMs).toBeLessThan(seconds * 1_000 + 5_000);
    expect(await account.story(id)).toEqual(['SUBMIT → queued', 'CLAIM → processing', 'THROTTLE → delayed']);
    // Nobody else asks the same either, and other calls go on over the same connection.
    const asked = await account.calls(HISTORY);
    await expect(account.line.history(TALES_ID, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_FLOOD' });
    expect(await account.calls(HISTORY)).toBe(asked);
    expect((await account.line.dialogs()).length).toBeGreaterThan(0);
    const { state, floods } = account.line.health();
    expect({ state, floods }).toMatchObject({ state: 'authenticated', floods: [{ method: 'history', waits: 1 }] });
    expect(floods?.[0]?.leftMs).toBeGreaterThan((seconds - 5) * 1_000);
    expect(account.generation).toBe(1);
  });

  test('420 FLOOD_WAIT_1: the job goes on by itself when it is over', async () => {
    const account = await live();
    await account.fail(HISTORY, 420, 'FLOOD_WAIT_1', 1);
    const { id } = await account.submit();
    expect(await account.job(id, completed)).toMatchObject({ attempts: 1, result: { count: 5 } });
    expect((await account.story(id)).filter((step) => !step.startsWith('CLAIM'))).toEqual([
      'SUBMIT → queued',
      'THROTTLE → delayed',
      'DUE → queued',
      'COMPLETE → completed',
    ]);
  });
});

describe('limited: the job fails, health says so, and what was refused is left alone', () => {
  test.each([
    [400, 'PEER_FLOOD'],
    [420, 'FROZEN_METHOD_INVALID'],
  ] as const)('%d %s', async (code, message) => {
    const account = await live();
    await account.fail(HISTORY, code, message);
    const { id } = await account.submit();
    expect(await account.job(id, rests)).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'TELEGRAM_LIMITED' } });
    const limited = [{ method: 'history', since: expect.any(Number), reason: expect.stringContaining(message) }];
    expect(account.line.health()).toMatchObject({ state: 'authenticated', limited });
    await account.heal(HISTORY);
    const asked = await account.calls(HISTORY);
    await expect(account.line.history(TALES_ID, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_LIMITED' });
    expect(await account.calls(HISTORY)).toBe(asked);
    expect((await account.line.dialogs()).length).toBeGreaterThan(0);
    expect(account.generation).toBe(1);
  });
});

describe('transient: another attempt after a backoff, over the same connection', () => {
  test.each([
    [500, 'INTERNAL'],
    [500, 'AUTH_RESTART'],
    [500, 'PERSISTENT_TIMESTAMP_OUTDATED'],
    [500, 'RPC_CALL_FAIL'],
    [400, 'RPC_MCGET_FAIL'],
    [-503, 'Timeout'],
    [503, 'SERVICE_UNAVAILABLE'],
    [500, 'MSG_WAIT_FAILED'],
    [400, 'MSG_WAIT_TIMEOUT'],
  ] as const)('%d %s', async (code, message) => {
    const account = await live();
    await account.fail(HISTORY, code, message, 1);
    const { id } = await account.submit();
    expect(await account.job(id, rests)).toMatchObject({
      status: 'delayed',
      attempts: 1,
      dueAt: expect.any(Number),
      error: { code: 'TELEGRAM_TRANSIENT', fault: 'transient' },
    });
    expect(await account.job(id, completed)).toMatchObject({ attempts: 2, result: { count: 5 } });
    expect(account.line.health().state).toBe('authenticated');
    expect(account.generation).toBe(1);
  });
});

describe('the session is said to be gone', () => {
  const REASONS = [
    ['AUTH_KEY_UNREGISTERED', 'TELEGRAM_REAUTH', 'reauth-required'],
    ['AUTH_KEY_INVALID', 'TELEGRAM_REAUTH', 'reauth-required'],
    ['SESSION_REVOKED', 'TELEGRAM_REAUTH', 'reauth-required'],
    ['SESSION_EXPIRED', 'TELEGRAM_REAUTH', 'reauth-required'],
    ['USER_DEACTIVATED', 'TELEGRAM_DEACTIVATED', 'deactivated'],
    ['USER_DEACTIVATED_BAN', 'TELEGRAM_DEACTIVATED', 'deactivated'],
  ] as const;

  test.each([...REASONS.map(([message]) => message), 'SESSION_PASSWORD_NEEDED'])(
    '401 %s, once: asked again over a new connection, it is not believed, and the job goes on without an attempt spent',
    async (message) => {
      const account = await live();
      const states = await account.calls('updates.getState');
      await account.fail(HISTORY, 401, message, 1);
      const { id } = await account.submit();
      expect(await account.job(id, completed)).toMatchObject({ attempts: 1 });
      expect(await account.story(id)).toEqual(
        expect.arrayContaining(['PARK → parked', 'UNPARK → queued', 'COMPLETE → completed']),
      );
      expect(await account.calls('updates.getState')).toBeGreaterThan(states);
      expect(account.generation).toBe(2);
      expect(account.line.health().state).toBe('authenticated');
    },
  );

  test.each(REASONS)(
    '401 %s, to every call: the job is parked, the account waits for a person, its session stays',
    async (error, code, state) => {
      const account = await live();
      const session = await account.session();
      expect(session).toEqual(expect.any(String));
      await house.control.tell('revoke', { phone: house.account.phone, error });
      const { id } = await account.submit();
      const job = await account.job(id, rests);
      expect(job).toMatchObject({ status: 'parked', attempts: 0 });
      expect(await account.is('reauth-required', 'deactivated')).toMatchObject({ state, reason: expect.stringContaining(error) });
      expect(account.system.find('root/connection')?.context?.lastError).toMatchObject({ code, fault: 'reauth' });
      expect(await account.session()).toBe(session);
      expect(await account.job(id, rests)).toMatchObject({ status: 'parked', attempts: 0 });
    },
  );

  test('transport -404: asked once more, then believed', async () => {
    const account = await live();
    await house.control.tell('revoke', { phone: house.account.phone, forgetKeys: true });
    await house.control.tell('drop', {});
    expect(await account.is('reauth-required')).toMatchObject({ reason: expect.stringContaining('-404') });
    expect(account.generation).toBe(3);
    const { id } = await account.submit();
    expect(await account.job(id, () => true)).toMatchObject({ status: 'queued', attempts: 0 });
  });

  test('406 AUTH_KEY_DUPLICATED: a conflict at once, and never again', async () => {
    const account = await live();
    await account.fail(HISTORY, 406, 'AUTH_KEY_DUPLICATED', 1);
    const { id } = await account.submit();
    expect(await account.job(id, rests)).toMatchObject({
      status: 'parked',
      attempts: 0,
      error: { code: 'TELEGRAM_KEY_DUPLICATED' },
    });
    expect(await account.is('conflict')).toMatchObject({ reason: expect.stringContaining('AUTH_KEY_DUPLICATED') });
    expect(account.generation).toBe(1);
  });
});

describe('permanent: the job fails at once, over the same connection', () => {
  test.each([
    [HISTORY, 400, 'CHANNEL_PRIVATE', 'CHANNEL_NOT_FOUND'],
    [HISTORY, 406, 'CHANNEL_PRIVATE', 'CHANNEL_NOT_FOUND'],
    [HISTORY, 400, 'CHANNEL_PUBLIC_GROUP_NA', 'CHANNEL_NOT_FOUND'],
    [HISTORY, 400, 'CHANNEL_INVALID', 'CHANNEL_NOT_FOUND'],
    [HISTORY, 403, 'USER_BANNED_IN_CHANNEL', 'CHANNEL_NOT_FOUND'],
    [HISTORY, 400, 'PEER_ID_INVALID', 'CHANNEL_NOT_FOUND'],
    [RESOLVE, 400, 'USERNAME_INVALID', 'CHANNEL_NOT_FOUND'],
    [RESOLVE, 400, 'USERNAME_NOT_OCCUPIED', 'CHANNEL_NOT_FOUND'],
    [HISTORY, 400, 'INVITE_HASH_EXPIRED', 'TELEGRAM_REFUSED'],
    [HISTORY, 400, 'INVITE_HASH_INVALID', 'TELEGRAM_REFUSED'],
    [HISTORY, 400, 'MSG_ID_INVALID', 'TELEGRAM_REFUSED'],
    [HISTORY, 400, 'CHAT_ADMIN_REQUIRED', 'TELEGRAM_REFUSED'],
    // Nothing is downloaded yet: until then there is no message to fetch again, and such an answer is a refusal.
    [HISTORY, 400, 'FILE_REFERENCE_EXPIRED', 'TELEGRAM_REFUSED'],
    [HISTORY, 406, 'FILEREF_UPGRADE_NEEDED', 'TELEGRAM_REFUSED'],
  ] as const)('%s: %d %s is %s', async (method, code, message, expected) => {
    const account = await live();
    await account.fail(method, code, message);
    const asked = await account.calls(method);
    const { id } = await account.submit();
    const job = await account.job(id, rests);
    expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: expected, fault: 'permanent' } });
    expect(job.error?.message).toContain(message);
    expect(await account.calls(method)).toBe(asked + 1);
    expect(account.line.health().state).toBe('authenticated');
    expect(account.generation).toBe(1);
  });
});

describe('CHANNEL_INVALID for a hash that is not right any more', () => {
  const wrong = { peerId: TALES_ID, accessHash: '12345' };

  test.each([
    ['by its username', 'tales'],
    ['with the dialogs, where it has none', null],
  ])('the hash is asked for again, %s, once, and told', async (_, username) => {
    const first = await house.loggedIn();
    const session = first.link.session();
    await first.link.close();
    const told: unknown[] = [];
    const link = house.telegram().open(session, [{ ...wrong, username }], {
      onDown: () => {},
      onUpdates: (_updates, channels) => told.push(...channels.map(({ entity }) => entity)),
    });
    onTestFinished(() => link.close());
    await link.connect();
    const asked = (await house.control.tell('stats', {})).calls[HISTORY] ?? 0;
    expect((await link.history(TALES_ID, 0, 3)).messages).toHaveLength(3);
    expect((await link.history(TALES_ID, 0, 3)).messages).toHaveLength(3);
    expect((await house.control.tell('stats', {})).calls[HISTORY]).toBe(asked + 3);
    expect(told).toEqual([{ peerId: TALES_ID, accessHash: expect.not.stringMatching(/^12345$/), username: 'tales' }]);
  });

  test('the account keeps the right one', async () => {
    const account = await live();
    await store.transaction((tx) => tx.upsertEntities(account.accountId, [{ ...wrong, username: 'tales' }]));
    // The next link begins with what is stored.
    await house.control.tell('drop', {});
    await until(async () => (account.generation === 2 ? true : undefined));
    await account.live();
    expect((await account.line.history(TALES_ID, 0, 3)).messages).toHaveLength(3);
    await until(async () => {
      const kept = (await store.entities(account.accountId)).find(({ peerId }) => peerId === TALES_ID);
      return kept?.accessHash !== wrong.accessHash || undefined;
    });
  });
});

describe('the connection is not to be trusted: another one, and an attempt spent', () => {
  test.each([
    [400, 'CONNECTION_NOT_INITED'],
    [400, 'CONNECTION_LAYER_INVALID'],
    [400, 'TIMEOUT'],
  ] as const)('%d %s', async (code, message) => {
    const account = await live();
    await account.fail(HISTORY, code, message, 1);
    const { id } = await account.submit();
    expect(await account.job(id, completed)).toMatchObject({ attempts: 2 });
    expect(await account.story(id)).toContain('FAIL → delayed');
    await until(async () => (account.generation === 2 ? true : undefined));
    await account.live();
  });
});

describe('transport -429', () => {
  /** A server that takes connections and answers whatever comes first with these bytes. */
  async function refusing(answer: Buffer): Promise<Server> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(answer));
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server;
  }
  const number = Buffer.from([0x53, 0xfe, 0xff, 0xff]);
  const framed = Buffer.concat([Buffer.from([16, 0, 0, 0, 0, 0, 0, 0]), number]);

  test.each([
    ['without a frame', Buffer.concat([number, number, number])],
    ['in a frame', Buffer.concat([framed, crc(framed)])],
  ])('%s: no connection, and a time to wait that the backoff adds to', async (_, answer) => {
    const server = await refusing(answer);
    const { port } = server.address() as { port: number };
    const { publicKeyPem } = house.simulator.info;
    const telegram = gramJsTelegram(
      { apiId: 1, apiHash: 'test', server: { host: '127.0.0.1', port, publicKeyPem, dcId: 2 } },
      { clock: systemClock, log: silentLog },
    );
    const link = telegram.open('', [], { onDown: () => {}, onUpdates: () => {} });
    onTestFinished(() => link.close());
    await expect(link.connect()).rejects.toMatchObject({
      code: 'TELEGRAM_OFFLINE',
      retryAfterMs: 60_000,
      message: expect.stringContaining('-429'),
    });
  });
});

/** CRC-32 of a frame, as the transport has it. */
function crc(bytes: Buffer): Buffer {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(~value >>> 0);
  return sum;
}

describe('a login', () => {
  test.each([
    ['auth.sendCode', 400, 'PHONE_NUMBER_INVALID', 'LOGIN_PHONE_INVALID'],
    ['auth.sendCode', 400, 'PHONE_NUMBER_BANNED', 'LOGIN_PHONE_BANNED'],
    ['auth.sendCode', 400, 'PHONE_NUMBER_FLOOD', 'LOGIN_PHONE_FLOODED'],
    ['auth.sendCode', 406, 'PHONE_PASSWORD_FLOOD', 'LOGIN_PHONE_FLOODED'],
    ['auth.sendCode', 400, 'API_ID_INVALID', 'LOGIN_APP_REFUSED'],
    ['auth.sendCode', 400, 'API_ID_PUBLISHED_FLOOD', 'LOGIN_APP_REFUSED'],
    ['auth.sendCode', 406, 'UPDATE_APP_TO_LOGIN', 'LOGIN_APP_REFUSED'],
    ['auth.sendCode', 420, 'FLOOD_WAIT_300', 'TELEGRAM_FLOOD'],
    ['auth.signIn', 400, 'PHONE_CODE_INVALID', 'LOGIN_CODE_INVALID'],
    ['auth.signIn', 400, 'PHONE_CODE_EMPTY', 'LOGIN_CODE_INVALID'],
    ['auth.signIn', 400, 'PHONE_CODE_EXPIRED', 'LOGIN_CODE_EXPIRED'],
    ['auth.signIn', 401, 'SESSION_PASSWORD_NEEDED', 'LOGIN_PASSWORD_NEEDED'],
    ['auth.signIn', 500, 'AUTH_RESTART', 'LOGIN_LOST'],
    ['account.getPassword', 400, 'PASSWORD_HASH_INVALID', 'LOGIN_PASSWORD_INVALID'],
  ] as const)('%s: %d %s is %s', async (method, code, message, expected: ErrorCode) => {
    const { address, publicKeyPem } = house.simulator.info;
    const telegram = gramJsTelegram(
      { apiId: 1, apiHash: 'test', server: { ...address, publicKeyPem, dcId: 2 } },
      { clock: systemClock, log: silentLog },
    );
    const link = telegram.openLogin('', { onDown: () => {}, onTokenAccepted: () => {} });
    onTestFinished(() => link.close());
    await link.connect();
    await house.control.tell('fail', { method, code, message, times: 1 });
    const { phone } = house.account;
    const calls: Record<typeof method, () => Promise<unknown>> = {
      'auth.sendCode': () => link.sendCode(phone),
      'auth.signIn': () => link.signIn(phone, 'hash', '1'),
      'account.getPassword': () => link.passwordHint(),
    };
    await expect(calls[method]()).rejects.toMatchObject({ code: expected });
  });
});
