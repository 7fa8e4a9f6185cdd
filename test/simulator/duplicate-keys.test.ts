import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { House, rawLogIn } from './house.ts';
import type { RawClient } from './raw-client.ts';

const PHONE = '15550000001';
const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });
const DUPLICATED = failed(406, 'AUTH_KEY_DUPLICATED');
const STATE: TlObject = { _: 'updates.getState' };

let house: House;
beforeEach(async () => {
  house = await House.open();
});
afterEach(() => house.close());

async function twins(): Promise<readonly [RawClient, RawClient]> {
  const older = await house.rawLogin(PHONE);
  return [older, house.keep(await older.twin(house.info))];
}

describe('a login that is used over two sockets', () => {
  it('ends when both call at once, for good, and its key is of no use any more', async () => {
    const [older, newer] = await twins();
    expect(await newer.call(STATE)).toMatchObject({ _: 'updates.state' });
    expect(await older.call(STATE)).toMatchObject(DUPLICATED);
    expect(await newer.call(STATE)).toMatchObject(DUPLICATED);
    await house.restart();
    const again = house.keep(await older.twin(house.info));
    expect(await again.call(STATE)).toMatchObject(DUPLICATED);
    expect(await again.call({ _: 'help.getConfig' })).toMatchObject(DUPLICATED);
    const fresh = await house.rawLogin(PHONE);
    expect(await fresh.call(STATE)).toMatchObject({ _: 'updates.state' });
  });

  it('goes on when a client comes back while its old socket is half dead, or gone', async () => {
    const [older, newer] = await twins();
    for (let time = 0; time < 3; time++) expect(await newer.call(STATE)).toMatchObject({ _: 'updates.state' });
    expect((await house.control.tell('stats', {})).maxSocketsPerKey).toBe(2);
    older.end();
    newer.end();
    await older.untilClosed();
    const third = house.keep(await newer.twin(house.info));
    expect(await third.call(STATE)).toMatchObject({ _: 'updates.state' });
  });

  it('ends at the first call where a test is strict, and never where it does not care', async () => {
    await house.control.tell('duplicates', { rule: 'off' });
    const [older, newer] = await twins();
    for (const client of [newer, older, newer]) expect(await client.call(STATE)).toMatchObject({ _: 'updates.state' });
    await house.control.tell('duplicates', { rule: 'strict' });
    expect(await newer.call(STATE)).toMatchObject(DUPLICATED);
  });

  it('is nothing to a key on which nobody is logged in', async () => {
    const older = await house.raw();
    const newer = house.keep(await older.twin(house.info));
    for (const client of [older, newer, older, newer]) {
      expect(await client.call({ _: 'help.getConfig' })).toMatchObject({ _: 'config' });
    }
    expect(await rawLogIn(newer, house.info, PHONE)).toMatchObject({ _: 'auth.authorization' });
  });
});

describe('sockets', () => {
  it('are counted for each key, now and at most', async () => {
    const [older, newer] = await twins();
    const lonely = await house.rawLogin(PHONE);
    const { keys, maxSocketsPerKey } = await house.control.tell('stats', {});
    expect(maxSocketsPerKey).toBe(2);
    expect(keys.map(({ phone, dcId, sockets, maxSockets }) => [phone, dcId, sockets, maxSockets])).toEqual([
      [PHONE, 2, 2, 2],
      [PHONE, 2, 1, 1],
    ]);
    older.end();
    newer.end();
    await Promise.all([older.untilClosed(), newer.untilClosed()]);
    // A call that is answered comes after the closing of sockets that were closed before.
    await lonely.call(STATE);
    expect((await house.control.tell('stats', {})).keys.map(({ sockets, maxSockets }) => [sockets, maxSockets])).toEqual([
      [0, 2],
      [1, 1],
    ]);
  });

  it('are never more than one for a client that comes again and again', async () => {
    let client = await house.rawLogin(PHONE);
    for (let time = 0; time < 20; time++) {
      client.end();
      await client.untilClosed();
      client = house.keep(await client.twin(house.info));
      expect(await client.call(STATE)).toMatchObject({ _: 'updates.state' });
    }
    expect((await house.control.tell('stats', {})).maxSocketsPerKey).toBe(1);
  });
});

describe('the logins of an account', () => {
  it('are listed, and ended one by one or all but one', async () => {
    const [one, two, three] = [await house.rawLogin(PHONE), await house.rawLogin(PHONE), await house.rawLogin(PHONE)];
    const { authorizations } = await one.call({ _: 'account.getAuthorizations' });
    const listed = authorizations as TlObject[];
    expect(listed.map(({ current, deviceModel }) => [current, deviceModel])).toEqual([
      [true, 'test'],
      [undefined, 'test'],
      [undefined, 'test'],
    ]);
    const reset = (hash: unknown): Promise<TlObject> => one.call({ _: 'account.resetAuthorization', hash: hash as bigint });
    expect(await reset(0n)).toMatchObject(failed(400, 'HASH_INVALID'));
    expect(await reset(listed[1]?.hash)).toEqual({ _: 'boolTrue' });
    expect(await two.call(STATE)).toMatchObject(failed(401, 'SESSION_REVOKED'));
    expect(await three.call(STATE)).toMatchObject({ _: 'updates.state' });
    expect(await one.call({ _: 'auth.resetAuthorizations' })).toEqual({ _: 'boolTrue' });
    expect(await three.call(STATE)).toMatchObject(failed(401, 'SESSION_REVOKED'));
    expect(await one.call(STATE)).toMatchObject({ _: 'updates.state' });
  });

  it('end for the reason a test gives, through a restart, until somebody logs in again on the key', async () => {
    const client = await house.rawLogin(PHONE);
    expect(await house.control.tell('revoke', { phone: PHONE, error: 'USER_DEACTIVATED' })).toEqual({ keys: 1 });
    expect(await client.call(STATE)).toMatchObject(failed(401, 'USER_DEACTIVATED'));
    await house.restart();
    const back = house.keep(await client.twin(house.info));
    expect(await back.call(STATE)).toMatchObject(failed(401, 'USER_DEACTIVATED'));
    expect(await rawLogIn(back, house.info, PHONE)).toMatchObject({ _: 'auth.authorization' });
    expect(await back.call(STATE)).toMatchObject({ _: 'updates.state' });
  });

  it('end by logging out', async () => {
    const client = await house.rawLogin(PHONE);
    expect(await client.call({ _: 'auth.logOut' })).toMatchObject({ _: 'auth.loggedOut' });
    expect(await client.call(STATE)).toMatchObject(failed(401, 'AUTH_KEY_UNREGISTERED'));
  });
});
