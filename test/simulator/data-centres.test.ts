import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, gramjsClient, logIn, sessionOf } from './gramjs-client.ts';
import { House, rawLogIn, sendCode } from './house.ts';

const HOME = '351900000001';
const AWAY = '351900000002';
const WORLD = {
  accounts: [
    { phone: HOME, code: '11111' },
    { phone: AWAY, code: '22222', dc: 4, firstName: 'Away' },
  ],
  channels: [{ username: 'shared', title: 'Shared', messages: 5 }],
};

let house: House;
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());

const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });

describe('two data centres', () => {
  it('are named, the home one by the address that was always there', async () => {
    expect(house.info.dataCentres.map(({ id }) => id)).toEqual([2, 4]);
    expect(house.info.dataCentres[0]).toEqual({ id: 2, ...house.info.address });
    for (const { id } of house.info.dataCentres) {
      const client = await house.raw(id);
      const config = await client.call({ _: 'help.getConfig' });
      expect(config).toMatchObject({ thisDc: id });
      expect(config.dcOptions).toMatchObject(house.info.dataCentres.map(({ id, host, port }) => ({ id, ipAddress: host, port })));
      expect(await client.call({ _: 'help.getNearestDc' })).toMatchObject({ thisDc: id });
    }
  });

  it('are found again after a restart, and elsewhere when somebody else took the place', async () => {
    const [, before] = house.info.dataCentres;
    await house.restart();
    expect(house.info.dataCentres[1]).toEqual(before);
    await house.simulator.kill();
    const squatter = createServer();
    await new Promise<void>((listening) => squatter.listen(before?.port, before?.host, listening));
    await house.restart();
    expect(house.info.dataCentres[1]?.port).not.toBe(before?.port);
    await new Promise((closed) => squatter.close(closed));
  });

  it('know only their own keys', async () => {
    const client = await house.raw(2);
    const stranger = house.keep(await house.raw(4));
    stranger.key = client.key;
    stranger.newSession();
    stranger.send(stranger.message({ _: 'ping', pingId: 1 }));
    await stranger.untilClosed();
    expect(stranger.transportErrors).toEqual([-404]);
  });

  it('send whoever wants to log in to where his account lives', async () => {
    const client = await house.raw(2);
    expect(await sendCode(client, AWAY)).toMatchObject(failed(303, 'PHONE_MIGRATE_4'));
    const there = await house.raw(4);
    expect(await sendCode(there, HOME)).toMatchObject(failed(303, 'PHONE_MIGRATE_2'));
    expect(await rawLogIn(there, house.info, AWAY)).toMatchObject({ _: 'auth.authorization' });
  });

  it('let an unmodified GramJS follow, which comes back to the same place with its session', async () => {
    const client = await house.gramjs();
    const user = await logIn(client, house.info, house.info.accounts[1]);
    expect(user.firstName).toBe('Away');
    expect(client.session.dcId).toBe(4);
    expect(((await client.getMe()) as Api.User).phone).toBe(AWAY);
    const session = sessionOf(client);
    await client.destroy();
    await house.restart();
    const resumed = gramjsClient(house.info, session);
    try {
      expect(await resumed.connect()).toBe(true);
      expect((await resumed.invoke(new Api.updates.GetState())).pts).toBe(1);
      expect((await resumed.invoke(new Api.help.GetNearestDc())).thisDc).toBe(4);
    } finally {
      await resumed.destroy();
    }
  });

  it('push to an account where it lives', async () => {
    const [home, away] = [await house.rawLogin(HOME), await house.rawLogin(AWAY, 4)];
    for (const client of [home, away]) await client.call({ _: 'updates.getState' });
    await house.control.tell('post', { channel: 'shared', text: 'for both' });
    for (const client of [home, away]) await client.until(({ object }) => object._ === 'updates');
  });

  it('take over an authorisation once, for what can be done anywhere', async () => {
    const home = await house.rawLogin(HOME);
    const exported = await home.call({ _: 'auth.exportAuthorization', dcId: 4 });
    expect(exported).toMatchObject({ _: 'auth.exportedAuthorization' });
    const { id, bytes } = exported;
    const importing = { _: 'auth.importAuthorization', id, bytes };
    const there = await house.raw(4);
    expect(await there.call({ ...importing, id: 1n })).toMatchObject(failed(400, 'AUTH_BYTES_INVALID'));
    const again = await home.call({ _: 'auth.exportAuthorization', dcId: 4 });
    const second = { _: 'auth.importAuthorization', id: again.id, bytes: again.bytes };
    expect(await there.call(second)).toMatchObject({ _: 'auth.authorization', user: { phone: HOME } });
    expect(await there.call(second)).toMatchObject(failed(400, 'AUTH_BYTES_INVALID'));
    expect(await there.call({ _: 'updates.getState' })).toMatchObject(failed(303, 'USER_MIGRATE_2'));
    expect(await there.call({ _: 'auth.logOut' })).toMatchObject({ _: 'auth.loggedOut' });
    for (const dcId of [2, 3]) {
      expect(await home.call({ _: 'auth.exportAuthorization', dcId })).toMatchObject(failed(400, 'DC_ID_INVALID'));
    }
  });

  it('send an account on that moved, and whoever a test says is in the wrong place', async () => {
    const client = await house.rawLogin(HOME);
    await house.control.tell('account', { phone: HOME, dc: 4 });
    expect(await client.call({ _: 'updates.getState' })).toMatchObject(failed(303, 'USER_MIGRATE_4'));
    await house.control.tell('account', { phone: HOME, dc: 2 });
    expect(await client.call({ _: 'updates.getState' })).toMatchObject({ _: 'updates.state' });
    await house.control.tell('fail', { method: 'auth.sendCode', code: 303, message: 'NETWORK_MIGRATE_4', times: 1 });
    const gramjs = await house.gramjs();
    await logIn(gramjs, house.info, house.info.accounts[1]);
    expect(gramjs.session.dcId).toBe(4);
  });
});
