import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { bindingPacket, keyId } from './binding-packet.ts';
import { House, rawLogIn } from './house.ts';
import { RawClient } from './raw-client.ts';
import { temporaryFolder } from './simulator-process.ts';

const PHONE = '15550000001';
const DAY = 86_400;
const STATE: TlObject = { _: 'updates.getState' };
const CONFIG: TlObject = { _: 'help.getConfig' };
const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });
const seconds = (): number => Math.floor(Date.now() / 1000);

/** What a binding says, and what of it a test changes. */
interface Binding {
  readonly inner: TlObject;
  readonly request: TlObject;
  readonly sealedWith: Buffer;
  readonly forMessage: bigint;
  readonly sequence?: number;
  /** Changes the sealed packet. */
  readonly damage?: (packet: Buffer) => Buffer;
}

/** Asks on a temporary key's connection that it stand for a permanent one. @returns the answer */
async function bind(
  client: RawClient,
  permanent: Buffer,
  change: (honest: Binding) => Partial<Binding> = () => ({}),
  expiresAt = seconds() + DAY,
): Promise<TlObject> {
  const common = { nonce: 77n, permAuthKeyId: keyId(permanent), expiresAt };
  const message = client.message(Buffer.alloc(0));
  const honest: Binding = {
    inner: { _: 'bind_auth_key_inner', ...common, tempAuthKeyId: keyId(client.key), tempSessionId: client.sessionId },
    request: { _: 'auth.bindTempAuthKey', ...common },
    sealedWith: permanent,
    forMessage: message.id,
  };
  const { inner, request, sealedWith, forMessage, sequence, damage } = { ...honest, ...change(honest) };
  const packet = bindingPacket(sealedWith, inner, forMessage, sequence);
  const encryptedMessage = damage?.(packet) ?? packet;
  client.send({ ...message, body: client.message({ ...request, encryptedMessage }).body });
  return client.answer(message.id);
}

const BOUND = { _: 'boolTrue' };

describe('a temporary key', () => {
  let house: House;
  beforeAll(async () => {
    house = await House.open();
  });
  afterAll(() => house.close());

  /** A connection whose key is a temporary one, its session begun. */
  async function temporary(expiresIn = DAY, dcId = 2): Promise<RawClient> {
    const client = house.keep(await RawClient.connect(house.info, dcId));
    await client.exchangeKey(house.info, { pads: true, short: false, expiresIn });
    await client.begin();
    return client;
  }

  it('serves nothing but the binding until it stands for a permanent one', async () => {
    const permanent = await house.raw();
    const client = await temporary();
    expect(await client.call(CONFIG)).toMatchObject(failed(401, 'AUTH_KEY_PERM_EMPTY'));
    expect(await bind(client, permanent.key)).toMatchObject(BOUND);
    // Who binds a key has to say anew what he is.
    const bare = client.message(CONFIG);
    client.send(bare);
    expect(await client.answer(bare.id)).toMatchObject(failed(400, 'CONNECTION_NOT_INITED'));
    expect((await client.call(CONFIG))._).toBe('config');
  });

  it('is logged in when its permanent key is, and the other way round', async () => {
    const permanent = await house.rawLogin(PHONE);
    const client = await temporary();
    expect(await bind(client, permanent.key)).toMatchObject(BOUND);
    expect((await client.call(STATE))._).toBe('updates.state');

    // One login over two sockets, one of which is the permanent key's own, is one too many; here that is not the question.
    await house.control.tell('duplicates', { rule: 'off' });
    const other = await house.raw();
    const second = await temporary();
    expect(await bind(second, other.key)).toMatchObject(BOUND);
    expect(await rawLogIn(second, house.info, PHONE)).toMatchObject({ _: 'auth.authorization' });
    expect((await other.call(STATE))._).toBe('updates.state');
    expect(await second.call({ _: 'auth.logOut' })).toMatchObject({ _: 'auth.loggedOut' });
    expect(await other.call(STATE)).toMatchObject(failed(401, 'AUTH_KEY_UNREGISTERED'));
    await house.control.tell('duplicates', { rule: 'parallel' });
  });

  it('is the same login as its permanent key: both at once is one socket too many', async () => {
    const permanent = await house.rawLogin(PHONE);
    const client = await temporary();
    await bind(client, permanent.key);
    expect((await client.call(STATE))._).toBe('updates.state');
    expect(await permanent.call(STATE)).toMatchObject(failed(406, 'AUTH_KEY_DUPLICATED'));
    expect(await client.call(STATE)).toMatchObject(failed(406, 'AUTH_KEY_DUPLICATED'));
  });

  it('hears what happens', async () => {
    const permanent = await house.rawLogin(PHONE);
    const client = await temporary();
    await bind(client, permanent.key);
    await client.call(STATE);
    await house.control.tell('post', { channel: 'vigilia_news', text: 'to a bound key' });
    const { object } = await client.until(({ object }) => object._ === 'updates');
    expect(object.updates).toMatchObject([{ _: 'updateNewChannelMessage', message: { message: 'to a bound key' } }]);
  });

  it.each<readonly [string, (honest: Binding) => Partial<Binding>]>([
    ['another nonce', ({ request }) => ({ request: { ...request, nonce: 78n } })],
    ['another end', ({ request }) => ({ request: { ...request, expiresAt: (request.expiresAt as number) + 1 } })],
    ['another temporary key', ({ inner }) => ({ inner: { ...inner, tempAuthKeyId: 5n } })],
    ['another session', ({ inner }) => ({ inner: { ...inner, tempSessionId: 5n } })],
    ['another permanent key inside', ({ inner }) => ({ inner: { ...inner, permAuthKeyId: 5n } })],
    ['an unknown permanent key', ({ request }) => ({ request: { ...request, permAuthKeyId: 5n } })],
    ['another message', ({ forMessage }) => ({ forMessage: forMessage + 4n })],
    ['a sequence number', () => ({ sequence: 1 })],
    ['a seal of another key', () => ({ sealedWith: Buffer.alloc(256, 9) })],
    ['another end inside', ({ inner }) => ({ inner: { ...inner, expiresAt: 0 } })],
    ['another object', () => ({ inner: { _: 'ping', pingId: 1n } })],
    ['a flipped bit', () => ({ damage: (packet) => Buffer.from(packet.map((byte, at) => (at === 50 ? byte ^ 1 : byte))) })],
    ['its end cut off', () => ({ damage: (packet) => packet.subarray(0, packet.length - 16) })],
    ['nothing', () => ({ damage: () => Buffer.alloc(0) })],
  ])('is not bound by %s', async (_name, change) => {
    const permanent = await house.raw();
    const client = await temporary();
    expect(await bind(client, permanent.key, change)).toMatchObject(failed(400, 'ENCRYPTED_MESSAGE_INVALID'));
    expect(await client.call(CONFIG)).toMatchObject(failed(401, 'AUTH_KEY_PERM_EMPTY'));
    // It may try again.
    expect(await bind(client, permanent.key)).toMatchObject(BOUND);
  });

  it('is the only kind that is bound, only to a permanent one, only to one, and only to one of its data centre', async () => {
    const permanent = await house.raw();
    expect(await bind(permanent, permanent.key)).toMatchObject(failed(400, 'TEMP_AUTH_KEY_EMPTY'));
    const [one, other] = [await temporary(), await temporary()];
    expect(await bind(one, other.key)).toMatchObject(failed(400, 'ENCRYPTED_MESSAGE_INVALID'));
    const elsewhere = await house.raw(4);
    expect(await bind(one, elsewhere.key)).toMatchObject(failed(400, 'ENCRYPTED_MESSAGE_INVALID'));
    expect(await bind(one, permanent.key, undefined, seconds() - 1)).toMatchObject(failed(400, 'EXPIRES_AT_INVALID'));
    expect(await bind(one, permanent.key)).toMatchObject(BOUND);
    expect(await bind(one, permanent.key)).toMatchObject(BOUND);
    const second = await house.raw();
    expect(await bind(one, second.key)).toMatchObject(failed(400, 'TEMP_AUTH_KEY_ALREADY_BOUND'));
  });

  it('takes the place of the one that stood for its permanent key before', async () => {
    const permanent = await house.rawLogin(PHONE);
    const before = await temporary();
    await bind(before, permanent.key);
    expect((await before.call(STATE))._).toBe('updates.state');
    const after = await temporary();
    await bind(after, permanent.key);
    expect((await after.call(STATE))._).toBe('updates.state');
    expect(await before.call(STATE)).toMatchObject(failed(401, 'AUTH_KEY_PERM_EMPTY'));
  });

  it('goes with its permanent key', async () => {
    const permanent = await house.rawLogin(PHONE);
    const client = await temporary();
    await bind(client, permanent.key);
    await house.control.tell('revoke', { phone: PHONE, forgetKeys: true });
    client.send(client.message(STATE));
    await client.untilClosed();
    expect(client.transportErrors).toEqual([-404]);
  });

  it('still stands for it after a restart', async () => {
    const permanent = await house.rawLogin(PHONE);
    const client = await temporary();
    await bind(client, permanent.key);
    await house.restart();
    const again = house.keep(await client.twin(house.info));
    expect((await again.call(STATE))._).toBe('updates.state');
    // One that was never bound is still to be bound.
    const fresh = await temporary();
    await house.restart();
    const unbound = house.keep(await fresh.twin(house.info));
    expect(await unbound.call(STATE)).toMatchObject(failed(401, 'AUTH_KEY_PERM_EMPTY'));
    expect(await bind(unbound, permanent.key)).toMatchObject(BOUND);
    expect((await unbound.call(STATE))._).toBe('updates.state');
  });
});

describe('a temporary key whose time is over', () => {
  const clock = new VirtualClock(Date.now());
  const clients: RawClient[] = [];
  let folder: ReturnType<typeof temporaryFolder>;
  let simulator: Simulator;

  const start = (): Promise<Simulator> =>
    startSimulator({
      ...{ worldPath: undefined, dataDir: folder.path, host: '127.0.0.1', port: 0, ratePerSecond: 0 },
      ...{ clock, random: Math.random, log: silentLog },
    });

  beforeEach(async () => {
    folder = temporaryFolder();
    simulator = await start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end();
    await simulator.close();
    folder.remove();
  });

  async function connected(like?: RawClient): Promise<RawClient> {
    const client = await RawClient.connect(simulator);
    client.now = clock.now;
    clients.push(client);
    if (like === undefined) return client;
    client.key = like.key;
    await client.begin();
    return client;
  }

  async function made(expiresIn?: number): Promise<RawClient> {
    const client = await connected();
    await client.exchangeKey(simulator, { pads: true, short: false, expiresIn });
    await client.begin();
    return client;
  }

  it.each([
    ['as it was made', 3_600, 2 * 3_600],
    ['as it was bound', 2 * 3_600, 3_600],
  ])('%s is answered with -404, after a restart too; its permanent key serves', async (_name, madeFor, boundFor) => {
    const permanent = await made();
    await rawLogIn(permanent, simulator, PHONE);
    const client = await made(madeFor);
    const now = Math.floor(clock.now() / 1000);
    expect(await bind(client, permanent.key, undefined, now + boundFor)).toMatchObject(BOUND);
    expect((await client.call(STATE))._).toBe('updates.state');
    await clock.advance(3_590_000);
    const late = await connected(client);
    expect((await late.call(STATE))._).toBe('updates.state');
    await clock.advance(11_000);
    late.send(late.message(STATE));
    await late.untilClosed();
    expect(late.transportErrors).toEqual([-404]);

    await simulator.close();
    simulator = await start();
    const tooLate = await connected();
    tooLate.key = client.key;
    tooLate.send(tooLate.message(STATE));
    await tooLate.untilClosed();
    expect(tooLate.transportErrors).toEqual([-404]);
    expect((await (await connected(permanent)).call(STATE))._).toBe('updates.state');
  });

  it('can be followed by another one', async () => {
    const permanent = await made();
    await rawLogIn(permanent, simulator, PHONE);
    const first = await made(3_600);
    await bind(first, permanent.key, undefined, Math.floor(clock.now() / 1000) + DAY);
    await clock.advance(3_700_000);
    const second = await made(3_600);
    expect(await bind(second, permanent.key, undefined, Math.floor(clock.now() / 1000) + DAY)).toMatchObject(BOUND);
    expect((await second.call(STATE))._).toBe('updates.state');
  });
});
