import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { Api, givePassword, logIn } from './gramjs-client.ts';
import { House, rawLogIn, sendCode } from './house.ts';
import type { RawClient } from './raw-client.ts';

const PLAIN = '351900000001';
const SAFE = '351900000002';
const WORLD = {
  accounts: [
    { phone: PLAIN, code: '11111', firstName: 'Plain' },
    { phone: SAFE, code: '22222', firstName: 'Safe', password: 'correct horse 🐎', hint: 'staple' },
    { phone: '351900000003', code: '33333', number: 'banned' },
    { phone: '351900000004', code: '44444', number: 'flooded' },
  ],
  channels: [],
};

let house: House;
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());

const rpcError = (errorMessage: string): Record<string, unknown> => expect.objectContaining({ errorMessage });
const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });

const signIn = (client: RawClient, phoneNumber: string, phoneCodeHash: unknown, phoneCode: string): Promise<TlObject> =>
  client.call({ _: 'auth.signIn', phoneNumber, phoneCodeHash: phoneCodeHash as string, phoneCode });

describe('a login by code', () => {
  it('is refused for numbers that are banned or flooded, until that is over', async () => {
    const client = await house.raw();
    expect(await sendCode(client, '351900000003')).toMatchObject(failed(400, 'PHONE_NUMBER_BANNED'));
    expect(await sendCode(client, '351900000004')).toMatchObject(failed(400, 'PHONE_NUMBER_FLOOD'));
    await house.control.tell('account', { phone: '351900000004', number: 'good', code: '54321' });
    const { phoneCodeHash } = await sendCode(client, '351900000004');
    expect(await signIn(client, '351900000004', phoneCodeHash, '54321')).toMatchObject({ _: 'auth.authorization' });
  });

  it('resends by other means under another hash, and runs out of means', async () => {
    const client = await house.raw();
    const first = await sendCode(client, PLAIN);
    expect(first).toMatchObject({
      type: { _: 'auth.sentCodeTypeApp', length: 5 },
      nextType: { _: 'auth.codeTypeSms' },
      timeout: 120,
    });
    const resend = (phoneCodeHash: unknown): Promise<TlObject> =>
      client.call({ _: 'auth.resendCode', phoneNumber: PLAIN, phoneCodeHash: phoneCodeHash as string });
    const second = await resend(first.phoneCodeHash);
    expect(second).toMatchObject({ type: { _: 'auth.sentCodeTypeSms' }, nextType: { _: 'auth.codeTypeCall' } });
    expect(await signIn(client, PLAIN, first.phoneCodeHash, '11111')).toMatchObject(failed(400, 'PHONE_CODE_EXPIRED'));
    const third = await resend(second.phoneCodeHash);
    expect(third).toMatchObject({ type: { _: 'auth.sentCodeTypeCall' } });
    expect(third.nextType).toBeUndefined();
    expect(await resend(third.phoneCodeHash)).toMatchObject(failed(406, 'SEND_CODE_UNAVAILABLE'));
    expect(await signIn(client, PLAIN, third.phoneCodeHash, '11111')).toMatchObject({ _: 'auth.authorization' });
    expect(await resend(third.phoneCodeHash)).toMatchObject(failed(400, 'PHONE_CODE_EXPIRED'));
  });

  it('can be cancelled, and expires', async () => {
    const client = await house.raw();
    const { phoneCodeHash } = await sendCode(client, PLAIN);
    const cancel = { _: 'auth.cancelCode', phoneNumber: PLAIN, phoneCodeHash };
    expect(await client.call(cancel)).toEqual({ _: 'boolTrue' });
    expect(await client.call(cancel)).toMatchObject(failed(400, 'PHONE_CODE_EXPIRED'));
    expect(await signIn(client, PLAIN, phoneCodeHash, '11111')).toMatchObject(failed(400, 'PHONE_CODE_EXPIRED'));
    const sent = await sendCode(client, PLAIN);
    expect(await house.control.tell('expire', { what: 'codes' })).toEqual({ expired: 1 });
    expect(await signIn(client, PLAIN, sent.phoneCodeHash, '11111')).toMatchObject(failed(400, 'PHONE_CODE_EXPIRED'));
  });

  it('counts no more after too many wrong codes', async () => {
    const client = await house.raw();
    const { phoneCodeHash } = await sendCode(client, PLAIN);
    for (let time = 0; time < 5; time++) {
      expect(await signIn(client, PLAIN, phoneCodeHash, '99999')).toMatchObject(failed(400, 'PHONE_CODE_INVALID'));
    }
    expect(await signIn(client, PLAIN, phoneCodeHash, '11111')).toMatchObject(failed(400, 'PHONE_CODE_EXPIRED'));
  });

  it('floods after too many codes', async () => {
    const client = await house.raw();
    await house.control.tell('limits', { codesPerHour: 0 });
    const flood = await sendCode(client, PLAIN);
    const { codesPerHour } = await house.control.tell('limits', { codesPerHour: 1_000 });
    expect(codesPerHour).toBe(1_000);
    expect(flood).toMatchObject({ errorCode: 420, errorMessage: expect.stringMatching(/^FLOOD_WAIT_\d+$/) });
    expect(await sendCode(client, PLAIN)).toMatchObject({ _: 'auth.sentCode' });
  });
});

describe('a password', () => {
  it("is asked for after the right code, and taken from GramJS's own computeCheck", async () => {
    const client = await house.gramjs();
    const account = house.info.accounts[1];
    expect(account).toMatchObject({ phone: SAFE, password: 'correct horse 🐎', dcId: 2 });
    await expect(logIn(client, house.info, account)).rejects.toEqual(rpcError('SESSION_PASSWORD_NEEDED'));
    await expect(client.invoke(new Api.updates.GetState())).rejects.toEqual(rpcError('SESSION_PASSWORD_NEEDED'));
    const parameters = await client.invoke(new Api.account.GetPassword());
    expect(parameters).toMatchObject({ hasPassword: true, hint: 'staple' });
    expect(parameters.secureRandom).toHaveLength(256);
    await expect(givePassword(client, 'wrong')).rejects.toEqual(rpcError('PASSWORD_HASH_INVALID'));
    const user = await givePassword(client, 'correct horse 🐎');
    expect(user.firstName).toBe('Safe');
    expect((await client.invoke(new Api.updates.GetState())).pts).toBe(1);
  });

  it('is taken for one check each, and for no value that proves nothing', async () => {
    const client = await house.raw();
    expect(await rawLogIn(client, house.info, SAFE)).toMatchObject(failed(401, 'SESSION_PASSWORD_NEEDED'));
    const check = async (A: Buffer, srpId?: bigint): Promise<TlObject> => {
      const { srpId: own } = await client.call({ _: 'account.getPassword' });
      const password = { _: 'inputCheckPasswordSRP', srpId: srpId ?? (own as bigint), A, M1: Buffer.alloc(32) };
      return client.call({ _: 'auth.checkPassword', password });
    };
    expect(await check(Buffer.alloc(256, 9), 5n)).toMatchObject(failed(400, 'SRP_ID_INVALID'));
    const { srpId } = await client.call({ _: 'account.getPassword' });
    expect(await house.control.tell('expire', { what: 'passwords' })).toEqual({ expired: 1 });
    expect(await check(Buffer.alloc(256, 9), srpId as bigint)).toMatchObject(failed(400, 'SRP_ID_INVALID'));
    await house.control.tell('limits', { passwordTries: 100 });
    for (const a of [Buffer.alloc(0), Buffer.alloc(256), Buffer.alloc(256, 255), Buffer.from([1]), randomBytes(300)]) {
      expect(await check(a)).toMatchObject(failed(400, 'PASSWORD_HASH_INVALID'));
    }
  });

  it('is asked for no more after too many wrong tries, for a while', async () => {
    await house.control.tell('limits', { passwordTries: 2, passwordWaitSeconds: 77 });
    await house.control.tell('account', { phone: PLAIN, password: 'new' });
    const client = await house.gramjs();
    await expect(logIn(client, house.info, house.info.accounts[0])).rejects.toEqual(rpcError('SESSION_PASSWORD_NEEDED'));
    for (let time = 0; time < 2; time++) {
      await expect(givePassword(client, 'old')).rejects.toEqual(rpcError('PASSWORD_HASH_INVALID'));
    }
    await expect(givePassword(client, 'new')).rejects.toMatchObject({ errorMessage: 'FLOOD', seconds: expect.closeTo(77, -1) });
    await house.control.tell('account', { phone: PLAIN, password: null });
    await logIn(client, house.info, house.info.accounts[0]);
    expect((await client.invoke(new Api.account.GetPassword())).hasPassword).toBeFalsy();
  });

  it('is owed to nobody but the key that gave the code', async () => {
    const client = await house.raw();
    expect(await client.call({ _: 'account.getPassword' })).toMatchObject(failed(401, 'AUTH_KEY_UNREGISTERED'));
  });
});

describe('what is kept of accounts', () => {
  it('is changed for good: through a restart too', async () => {
    await house.control.tell('account', { phone: PLAIN, code: '777777', password: 'later' });
    await house.restart();
    const client = await house.raw();
    const { phoneCodeHash, type } = await sendCode(client, PLAIN);
    expect(type).toMatchObject({ length: 6 });
    expect(await signIn(client, PLAIN, phoneCodeHash, '777777')).toMatchObject(failed(401, 'SESSION_PASSWORD_NEEDED'));
    await house.control.tell('account', { phone: PLAIN, code: '11111', password: null });
    await expect(house.control.tell('account', { phone: '1', code: '2' })).rejects.toThrow('there is no account 1');
    await expect(house.control.tell('account', { phone: PLAIN, dc: 9 })).rejects.toThrow('there is no data centre 9');
    await expect(house.control.tell('limits', { codeSeconds: -1 })).rejects.toThrow('codeSeconds');
  });
});
