import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { Api, gramjsClient, logIn } from './gramjs-client.ts';
import { rawLogIn } from './house.ts';
import { RawClient } from './raw-client.ts';
import { SimulatorProcess, temporaryFolder } from './simulator-process.ts';

const folder = temporaryFolder();
let simulator: SimulatorProcess;

beforeAll(async () => {
  simulator = await SimulatorProcess.start({ dataDir: folder.path });
});
afterAll(async () => {
  await simulator.kill();
  folder.remove();
});

/** The proof that the server lives: an unmodified client makes a key, logs in and calls. */
async function servesARealClient(): Promise<void> {
  const client = gramjsClient(simulator.info);
  expect(await client.connect()).toBe(true);
  await logIn(client, simulator.info);
  expect((await client.invoke(new Api.updates.GetState())).pts).toBeGreaterThan(0);
  await client.destroy();
}

/** Writes bytes on a connection of its own and ends it. @returns once the server closed its side too */
async function throwBytes(bytes: Buffer): Promise<void> {
  const socket = connect(simulator.info.address.port, simulator.info.address.host);
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.end(bytes);
  await closed;
}

function flipped(bytes: Buffer, bits: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const bit of bits) {
    const at = Math.floor(bit / 8) % copy.length;
    copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  }
  return copy;
}

const bits = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 8 });

/** Something a client could say after login, to be damaged. */
const requests: readonly TlObject[] = [
  { _: 'help.getConfig' },
  { _: 'users.getUsers', id: [{ _: 'inputUserSelf' }, { _: 'inputUser', userId: 1, accessHash: 2 }] },
  { _: 'contacts.resolveUsername', username: 'vigilia_news' },
  {
    _: 'messages.getHistory',
    peer: { _: 'inputPeerChannel', channelId: 1, accessHash: 2 },
    offsetId: 0,
    offsetDate: 0,
    addOffset: 0,
    limit: 1,
    maxId: 0,
    minId: 0,
    hash: 0,
  },
  { _: 'msgs_ack', msgIds: [1, 2, 3] },
  { _: 'msgs_state_req', msgIds: [1, 2, 3] },
  { _: 'invokeWithoutUpdates', query: { _: 'invokeAfterMsg', msgId: 1, query: { _: 'updates.getState' } } },
  { _: 'get_future_salts', num: 3 },
  { _: 'auth.sendCode', phoneNumber: '15550000001', apiId: 1, apiHash: 'hash', settings: { _: 'codeSettings' } },
  { _: 'auth.resendCode', phoneNumber: '15550000001', phoneCodeHash: 'x' },
  { _: 'auth.signIn', phoneNumber: '15550000001', phoneCodeHash: 'x', phoneCode: '1' },
  { _: 'account.getPassword' },
  {
    _: 'auth.checkPassword',
    password: { _: 'inputCheckPasswordSRP', srpId: 1, A: Buffer.alloc(256, 3), M1: Buffer.alloc(32, 4) },
  },
  { _: 'auth.checkPassword', password: { _: 'inputCheckPasswordEmpty' } },
  { _: 'auth.exportLoginToken', apiId: 1, apiHash: 'hash', exceptIds: [1, 2] },
  { _: 'auth.importLoginToken', token: Buffer.alloc(32) },
  { _: 'auth.acceptLoginToken', token: Buffer.alloc(32) },
  { _: 'auth.exportAuthorization', dcId: 4 },
  { _: 'auth.importAuthorization', id: 1, bytes: Buffer.alloc(96) },
  { _: 'account.resetAuthorization', hash: 1 },
  { _: 'updates.getDifference', pts: 1, date: 1, qts: 0, ptsLimit: 5, ptsTotalLimit: 5 },
  {
    _: 'updates.getChannelDifference',
    channel: { _: 'inputChannel', channelId: 1, accessHash: 2 },
    filter: { _: 'channelMessagesFilterEmpty' },
    pts: 1,
    limit: 1,
  },
  { _: 'messages.sendMessage', peer: { _: 'inputPeerSelf' }, message: 'x', randomId: 1 },
  { _: 'messages.sendMessage', peer: { _: 'inputPeerChat', chatId: 1 }, message: 'x', randomId: 1 },
  { _: 'messages.deleteMessages', revoke: true, id: [1, 2, 3] },
  { _: 'messages.getPeerDialogs', peers: [{ _: 'inputDialogPeer', peer: { _: 'inputPeerSelf' } }] },
  { _: 'messages.getMessages', id: [{ _: 'inputMessageID', id: 1 }] },
  { _: 'messages.getFullChat', chatId: 1 },
  { _: 'channels.joinChannel', channel: { _: 'inputChannel', channelId: 1, accessHash: 2 } },
];

/** A client that is logged in; what it sends may have logged it out. */
async function loggedInRaw(): Promise<RawClient> {
  const client = await RawClient.ready(simulator.info);
  expect(await rawLogIn(client, simulator.info, simulator.info.accounts[0]?.phone ?? '')).toMatchObject({
    _: 'auth.authorization',
  });
  return client;
}

describe('whatever is sent', () => {
  it('survives connections of random bytes, huge and cut lengths', async () => {
    const starts = [
      '',
      'ef',
      'ef7fffffff',
      'ffffff7f00000000',
      '0000108000000000',
      '10000000000000001111111122222222',
      '47455420',
    ];
    const noise = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 400 }));
    await fc.assert(
      fc.asyncProperty(noise, ([start, bytes]) => throwBytes(Buffer.concat([Buffer.from(start, 'hex'), bytes]))),
      { numRuns: 150 },
    );
    await servesARealClient();
  }, 60_000);

  it('survives unencrypted messages of any content', async () => {
    const nonce = Buffer.alloc(16, 1);
    const bodies: readonly Buffer[] = [
      tl.encode({ _: 'req_pq_multi', nonce }),
      tl.encode({ _: 'set_client_DH_params', nonce, serverNonce: nonce, encryptedData: Buffer.alloc(64) }),
      tl.encode({
        _: 'req_DH_params',
        nonce,
        serverNonce: nonce,
        p: Buffer.alloc(4),
        q: Buffer.alloc(4),
        publicKeyFingerprint: 1,
        encryptedData: Buffer.alloc(256),
      }),
      tl.encode({ _: 'help.getConfig' }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...bodies), bits, async (body, damage) => {
        const client = await RawClient.connect(simulator.info);
        const header = Buffer.alloc(20);
        header.writeInt32LE(body.length, 16);
        const payload = Buffer.concat([header, body]);
        client.write(payload);
        client.write(Buffer.concat([Buffer.alloc(8), flipped(payload.subarray(8), damage)]));
        client.socket.end();
        await client.untilClosed();
      }),
      { numRuns: 100 },
    );
    await servesARealClient();
  }, 60_000);

  it('answers -404 to encrypted packets with any bit flipped, and keeps the key', async () => {
    const keyHolder = await RawClient.ready(simulator.info);
    await fc.assert(
      fc.asyncProperty(bits, async (damage) => {
        const client = await RawClient.connect(simulator.info);
        client.key = keyHolder.key;
        client.salt = keyHolder.salt;
        const payload = client.seal(client.message({ _: 'ping', pingId: 1 }));
        const damaged = flipped(payload, damage);
        if (damaged.equals(payload) || damaged.readBigInt64LE(0) === 0n) {
          client.end();
          return;
        }
        client.write(damaged);
        await client.untilClosed();
        expect(client.transportErrors).toEqual([-404]);
        expect(client.received).toEqual([]);
      }),
      { numRuns: 150 },
    );
    expect((await keyHolder.call({ _: 'help.getConfig' }))._).toBe('config');
    keyHolder.end();
    await servesARealClient();
  }, 60_000);

  it('goes on with a client that holds a key and sends garbage under it', async () => {
    const client = await loggedInRaw();
    const bodies = requests.map((request) => tl.encode(request));
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3)));
    const damaged = fc.tuple(fc.constantFrom(...bodies), bits).map(([body, damage]) => flipped(body, damage));
    const container = fc.array(fc.oneof(noise, damaged), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(noise, damaged, container), fc.boolean(), async (what, content) => {
        const single = Buffer.isBuffer(what)
          ? client.message(what, content)
          : client.container(what.map((one) => client.message(one)));
        client.send(single);
        const ping = client.message({ _: 'ping', pingId: single.id });
        client.send(ping);
        await client.until(({ object }) => object._ === 'pong' && object.msgId === ping.id);
        client.received.length = 0;
      }),
      { numRuns: 500 },
    );
    expect((await client.call({ _: 'help.getConfig' }))._).toBe('config');
    client.end();
    await servesARealClient();
  }, 60_000);

  it('goes on with a client that calls with any values, at both data centres, and answers each call', async () => {
    const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
    const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const password = fc.record({ _: fc.constant('inputCheckPasswordSRP'), srpId: long, A: bytes, M1: bytes });
    const anything: fc.Arbitrary<TlObject> = fc.oneof(
      fc.record({ _: fc.constant('auth.checkPassword'), password }),
      fc.record({ _: fc.constantFrom('auth.importLoginToken', 'auth.acceptLoginToken'), token: bytes }),
      fc.record({ _: fc.constant('auth.importAuthorization'), id: long, bytes }),
      fc.record({ _: fc.constant('auth.exportAuthorization'), dcId: int }),
      fc.record({ _: fc.constant('auth.exportLoginToken'), apiId: int, apiHash: fc.string(), exceptIds: fc.array(long) }),
      fc.record({ _: fc.constant('auth.signIn'), phoneNumber: fc.string(), phoneCodeHash: fc.string(), phoneCode: fc.string() }),
      fc.record({ _: fc.constant('updates.getDifference'), pts: int, date: int, qts: int, ptsLimit: int, ptsTotalLimit: int }),
      fc.record({ _: fc.constant('messages.deleteMessages'), id: fc.array(int) }),
      fc.record({ _: fc.constant('messages.getChats'), id: fc.array(long, { maxLength: 5 }) }),
      fc.record({
        _: fc.constant('messages.sendMessage'),
        peer: fc.constant({ _: 'inputPeerSelf' }),
        message: fc.string(),
        randomId: long,
      }),
    );
    const clients = [await loggedInRaw(), await RawClient.ready(simulator.info, 4)];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...clients), anything, async (client, request) => {
        const answer = await client.call(request);
        if (answer._ === 'rpc_error') expect(answer.errorMessage).not.toBe('INTERNAL_SERVER_ERROR');
        client.received.length = 0;
      }),
      { numRuns: 400 },
    );
    for (const client of clients) client.end();
    await servesARealClient();
  }, 60_000);

  it('closes connections that declare more than a packet may hold, and keeps those that wait', async () => {
    const idle = await RawClient.connect(simulator.info);
    const socket = connect(simulator.info.address.port, simulator.info.address.host);
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    // The full transport: a length beyond any packet's, and the first sequence number.
    socket.write(Buffer.from('ffffff7f00000000', 'hex'));
    socket.resume();
    await closed;
    await idle.makeKey(simulator.info);
    idle.end();
  });
});
