import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { exportToken, House, pushedUpdate } from './house.ts';
import type { RawClient } from './raw-client.ts';

const HOME = '351900000001';
const SAFE = '351900000002';
const AWAY = '351900000003';
const AWAY_SAFE = '351900000004';
const WORLD = {
  accounts: [
    { phone: HOME, code: '11111' },
    { phone: SAFE, code: '22222', password: 'secret' },
    { phone: AWAY, code: '33333', dc: 4 },
    { phone: AWAY_SAFE, code: '44444', dc: 4, password: 'secret' },
  ],
  channels: [],
};

let house: House;
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());

const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });
const accept = (client: RawClient, token: unknown): Promise<TlObject> =>
  client.call({ _: 'auth.acceptLoginToken', token: token as Buffer });

describe('a login by QR code', () => {
  it('shows a token for half a minute, the same while it is good', async () => {
    const client = await house.raw();
    const first = await exportToken(client);
    expect(first).toMatchObject({ _: 'auth.loginToken' });
    expect((first.expires as number) - Date.now() / 1000).toBeGreaterThan(25);
    expect((first.expires as number) - Date.now() / 1000).toBeLessThanOrEqual(30);
    expect(await exportToken(client)).toEqual(first);
    const { token } = await house.control.tell('token', {});
    expect(Buffer.from(token ?? '', 'base64url')).toEqual(first.token);
    await house.control.tell('expire', { what: 'tokens' });
    const acceptor = await house.rawLogin(HOME);
    expect(await accept(acceptor, first.token)).toMatchObject(failed(400, 'AUTH_TOKEN_EXPIRED'));
    expect(await accept(acceptor, Buffer.alloc(32))).toMatchObject(failed(400, 'AUTH_TOKEN_INVALIDX'));
    const second = await exportToken(client);
    expect(second.token).not.toEqual(first.token);
  });

  it('tells the waiting client when another device accepts, and lets it in', async () => {
    const acceptor = await house.rawLogin(HOME);
    const client = await house.raw();
    const { token } = await exportToken(client);
    expect(await accept(acceptor, token)).toMatchObject({ _: 'authorization', deviceModel: 'test', apiId: 1 });
    await pushedUpdate(client, 'updateLoginToken');
    const success = await exportToken(client);
    const { userId } = house.info.accounts[0] ?? { userId: 0 };
    expect(success).toMatchObject({ _: 'auth.loginTokenSuccess', authorization: { user: { id: BigInt(userId) } } });
    expect(await client.call({ _: 'updates.getState' })).toMatchObject({ _: 'updates.state' });
    expect(await accept(acceptor, token)).toMatchObject(failed(400, 'AUTH_TOKEN_INVALIDX'));
  });

  it('accepts by control, but for nobody the client says it has already', async () => {
    const client = await house.raw();
    await exportToken(client, [house.info.accounts[0]?.userId ?? 0]);
    await expect(house.control.tell('acceptToken', { phone: HOME })).rejects.toThrow('AUTH_TOKEN_EXCEPTION');
    await house.control.tell('acceptToken', { phone: SAFE });
    await pushedUpdate(client, 'updateLoginToken');
    expect(await exportToken(client)).toMatchObject(failed(401, 'SESSION_PASSWORD_NEEDED'));
    expect(await client.call({ _: 'account.getPassword' })).toMatchObject({ hasPassword: true });
  });

  it('goes on at the data centre of the account', async () => {
    for (const [phone, answer] of [
      [AWAY, { _: 'auth.loginTokenSuccess' }],
      [AWAY_SAFE, failed(401, 'SESSION_PASSWORD_NEEDED')],
    ] as const) {
      const client = await house.raw();
      await exportToken(client);
      await house.control.tell('acceptToken', { phone });
      await pushedUpdate(client, 'updateLoginToken');
      const migrate = await exportToken(client);
      expect(migrate).toMatchObject({ _: 'auth.loginTokenMigrateTo', dcId: 4 });
      const token = migrate.token as Buffer;
      expect(await client.call({ _: 'auth.importLoginToken', token })).toMatchObject(failed(400, 'AUTH_TOKEN_INVALID'));
      const there = await house.raw(4);
      expect(await there.call({ _: 'auth.importLoginToken', token })).toMatchObject(answer);
      expect(await there.call({ _: 'auth.importLoginToken', token })).toMatchObject(failed(400, 'AUTH_TOKEN_INVALID'));
      const state = await there.call({ _: 'updates.getState' });
      expect(state).toMatchObject(phone === AWAY ? { _: 'updates.state' } : failed(401, 'SESSION_PASSWORD_NEEDED'));
    }
  });

  it('tells a client that comes back by another connection', async () => {
    const client = await house.raw();
    const { token } = await exportToken(client);
    client.end();
    const back = house.keep(await client.twin(house.info));
    expect((await exportToken(back)).token).toEqual(token);
    await house.control.tell('acceptToken', { phone: HOME });
    await pushedUpdate(back, 'updateLoginToken');
    expect(await exportToken(back)).toMatchObject({ _: 'auth.loginTokenSuccess' });
  });
});
