import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LAYER, tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { TlWriter } from '../../src/simulator/tl-writer.ts';
import { RawClient, type Received } from './raw-client.ts';
import { SimulatorProcess, temporaryFolder } from './simulator-process.ts';

const folder = temporaryFolder();
let simulator: SimulatorProcess;
const clients: RawClient[] = [];

beforeAll(async () => {
  simulator = await SimulatorProcess.start({ dataDir: folder.path });
});
afterAll(async () => {
  for (const client of clients) client.end();
  await simulator.kill();
  folder.remove();
});

async function connected(): Promise<RawClient> {
  const client = await RawClient.connect(simulator.info);
  clients.push(client);
  return client;
}

async function ready(): Promise<RawClient> {
  const client = await RawClient.ready(simulator.info);
  clients.push(client);
  return client;
}

const named =
  (name: string) =>
  ({ object }: Received): boolean =>
    object._ === name;

const PING: TlObject = { _: 'ping', pingId: 7 };
const CONFIG: TlObject = { _: 'help.getConfig' };

function packed(body: Buffer): Buffer {
  const writer = new TlWriter();
  writer.int(0x3072cfa1);
  writer.bytes(gzipSync(body));
  return writer.result();
}

describe('salts and sessions', () => {
  it('answers a wrong salt with the right one, about the message as a whole, and takes it then', async () => {
    const client = await connected();
    await client.makeKey(simulator.info);
    const first = client.message(PING);
    client.send(first);
    const { object } = await client.until(named('bad_server_salt'));
    expect(object).toMatchObject({ badMsgId: first.id, badMsgSeqno: first.sequence, errorCode: 48 });
    expect(client.received).toHaveLength(1);
    const second = client.message(PING);
    client.send(second);
    expect((await client.until(named('pong'))).object).toMatchObject({ msgId: second.id, pingId: 7n });
  });

  it('takes the salt that a key was made with', async () => {
    const client = await connected();
    await client.makeKey(simulator.info);
    client.salt = client.firstSalt;
    client.send(client.message(PING));
    await client.until(named('pong'));
    expect(client.received.filter(named('bad_server_salt'))).toEqual([]);
    // Another key's is not taken.
    const other = await connected();
    await other.makeKey(simulator.info);
    other.salt = client.firstSalt;
    other.send(other.message(PING));
    await other.until(named('bad_server_salt'));
  });

  it('tells of a new session once, and again for another session of the same key', async () => {
    const client = await ready();
    client.send(client.message(PING));
    await client.until(({ object }) => object._ === 'pong' && object.pingId === 7n);
    expect(client.received.filter(named('new_session_created'))).toHaveLength(1);
    client.newSession();
    client.send(client.message({ _: 'ping', pingId: 8 }));
    await client.until(({ object }) => object._ === 'pong' && object.pingId === 8n);
    expect(client.received.filter(named('new_session_created'))).toHaveLength(2);
  });

  it('works with a short key, read either way', async () => {
    for (const pads of [true, false]) {
      const client = await connected();
      await client.makeKey(simulator.info, pads, true);
      client.send(client.message(PING));
      await client.until(named('bad_server_salt'));
      expect((await client.call(CONFIG))._).toBe('config');
    }
  });

  it('gives future salts, each accepted where it overlaps', async () => {
    const client = await ready();
    const request = client.message({ _: 'get_future_salts', num: 3 });
    client.send(request);
    const { object } = await client.until(named('future_salts'));
    const salts = object.salts as unknown as { salt: bigint; validSince: number; validUntil: number }[];
    expect(object.reqMsgId).toBe(request.id);
    expect(salts).toHaveLength(3);
    expect(salts[0]?.salt).toBe(client.salt);
    expect(salts[1]?.validSince).toBeLessThan(salts[0]?.validUntil ?? 0);
  });

  it('ends another session of the key, and says so where there is none', async () => {
    const client = await ready();
    const old = client.sessionId;
    client.newSession();
    client.send(client.message({ _: 'destroy_session', sessionId: old }));
    await client.until(named('destroy_session_ok'));
    client.send(client.message({ _: 'destroy_session', sessionId: 5n }));
    await client.until(named('destroy_session_none'));
  });

  it('answers -404 and closes for a key that it does not know', async () => {
    const client = await connected();
    client.key = Buffer.alloc(256, 5);
    client.send(client.message(PING));
    await client.untilClosed();
    expect(client.transportErrors).toEqual([-404]);
  });

  it('forgets a key that its client destroys', async () => {
    const client = await ready();
    client.send(client.message({ _: 'destroy_auth_key' }));
    await client.until(named('destroy_auth_key_ok'));
    client.send(client.message(PING));
    await client.untilClosed();
    expect(client.transportErrors).toEqual([-404]);
  });
});

describe('messages', () => {
  it.each([
    ['an id of long ago', 16, (id: bigint) => id - (400n << 32n), 0],
    ['an id of the future', 17, (id: bigint) => id + (60n << 32n), 0],
    ['an id that is not divisible by four', 18, (id: bigint) => id + 1n, 0],
    ['an even number on a call', 35, (id: bigint) => id, -1],
    ['a number that does not grow', 32, (id: bigint) => id, -2],
  ])('refuses %s with code %i', async (_name, code, newId, addedToSequence) => {
    const client = await ready();
    client.send(client.message(CONFIG));
    const message = client.message(CONFIG);
    const bad = { ...message, id: newId(message.id), sequence: message.sequence + addedToSequence };
    client.send(bad);
    const { object } = await client.until(named('bad_msg_notification'));
    expect(object).toMatchObject({ errorCode: code, badMsgId: bad.id, badMsgSeqno: bad.sequence });
  });

  it('refuses an odd number on a container', async () => {
    const client = await ready();
    const container = client.container([client.message(PING)]);
    client.send({ ...container, sequence: container.sequence + 1 });
    const { object } = await client.until(named('bad_msg_notification'));
    expect(object).toMatchObject({ errorCode: 34, badMsgId: container.id });
  });

  it('takes acknowledgements however they are numbered, and acknowledges none', async () => {
    const client = await ready();
    const odd = client.message({ _: 'msgs_ack', msgIds: [1n] });
    const even = client.message({ _: 'msgs_ack', msgIds: [1n] }, false);
    client.send(client.container([odd, even]));
    expect((await client.call(CONFIG))._).toBe('config');
    expect(client.received.filter(named('bad_msg_notification'))).toEqual([]);
    expect(client.received.filter(named('msgs_ack'))).toEqual([]);
  });

  it('opens containers, and answers what came together in one container', async () => {
    const client = await ready();
    const pings = [11, 12, 13].map((pingId) => client.message({ _: 'ping', pingId }));
    client.send(client.container(pings));
    for (const [index, { id }] of pings.entries()) {
      const pong = await client.until(({ object }) => object._ === 'pong' && object.pingId === BigInt(11 + index));
      expect(pong.object.msgId).toBe(id);
      expect(pong.contained).toBe(true);
    }
  });

  it('refuses a container within a container, and one that is older than what it holds', async () => {
    const client = await ready();
    const inner = client.container([client.message(PING)]);
    client.send(client.container([inner]));
    expect((await client.until(named('bad_msg_notification'))).object).toMatchObject({ errorCode: 64, badMsgId: inner.id });
    const container = client.container([]);
    const late = client.message(PING);
    client.send({ ...container, body: client.container([late]).body });
    await client.until(({ object }) => object._ === 'bad_msg_notification' && object.badMsgId === late.id);
  });

  it('unpacks what comes packed, and packs large answers', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const message = client.message(packed(tl.encode(CONFIG)));
    client.send(message);
    expect((await client.answer(message.id))._).toBe('config');
    const { phone, code } = simulator.info.accounts[0] ?? { phone: '', code: '' };
    const sent = await client.call({
      _: 'auth.sendCode',
      phoneNumber: phone,
      apiId: 1,
      apiHash: 'hash',
      settings: { _: 'codeSettings' },
    });
    expect(sent._).toBe('auth.sentCode');
    await client.call({ _: 'auth.signIn', phoneNumber: phone, phoneCodeHash: sent.phoneCodeHash, phoneCode: code });
    const dialogs = await client.call({
      _: 'messages.getDialogs',
      offsetDate: 0,
      offsetId: 0,
      offsetPeer: { _: 'inputPeerEmpty' },
      limit: 10,
      hash: 0,
    });
    expect(dialogs._).toBe('messages.dialogs');
    expect(client.received.at(-1)?.packed).toBe(true);
  });

  it('refuses a bomb and goes on', async () => {
    const client = await ready();
    const message = client.message(packed(Buffer.alloc(64 << 20)));
    client.send(message);
    expect(await client.answer(message.id)).toMatchObject({ _: 'rpc_error', errorCode: 400 });
    expect((await client.call(CONFIG))._).toBe('config');
  });

  it('gives the same answer to the same message, and does not run it twice', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const calls = async (): Promise<number> => (await simulator.control.tell('stats', {})).calls['help.getNearestDc'] ?? 0;
    const before = await calls();
    const message = client.message({ _: 'help.getNearestDc' });
    client.send(message);
    await client.answer(message.id);
    client.send(message);
    const isAnswer = ({ object }: Received): boolean => object._ === 'rpc_result' && object.reqMsgId === message.id;
    await client.until((one) => isAnswer(one) && client.received.filter(isAnswer).length === 2);
    expect(await calls()).toBe(before + 1);
    // Acknowledged, the answer is forgotten: then the message is only acknowledged.
    client.send(client.message({ _: 'msgs_ack', msgIds: client.received.filter(isAnswer).map(({ id }) => id) }, false));
    client.send(message);
    await client.until(({ object }) => object._ === 'msgs_ack' && (object.msgIds as bigint[])[0] === message.id);
    expect(client.received.filter(isAnswer)).toHaveLength(2);
    expect(await calls()).toBe(before + 1);
  });

  it('says what became of messages, and sends its own again', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const answer = client.received.at(-1) as Received;
    const known = client.message(PING);
    client.send(known);
    client.send(client.message({ _: 'msgs_state_req', msgIds: [known.id, known.id - 8n, known.id + (1n << 40n)] }));
    const { object } = await client.until(named('msgs_state_info'));
    expect([...(object.info as Buffer)]).toEqual([4, 2, 3]);
    client.send(client.message({ _: 'msg_resend_req', msgIds: [answer.id] }));
    const again = await client.until((one) => one.id === answer.id && one !== answer);
    expect(again).toMatchObject({ sequence: answer.sequence, contained: true, object: answer.object });
  });

  it('drops an answer on request', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const callId = client.received.at(-1)?.object.reqMsgId as bigint;
    const drop = async (reqMsgId: bigint): Promise<string> => {
      const message = client.message({ _: 'rpc_drop_answer', reqMsgId });
      client.send(message);
      return (await client.answer(message.id))._;
    };
    expect(await drop(callId)).toBe('rpc_answer_dropped');
    expect(await drop(callId)).toBe('rpc_answer_dropped_running');
    // The id of a message that was never sent.
    expect(await drop(client.nextId())).toBe('rpc_answer_unknown');
  });
});

describe('pings', () => {
  it('closes the connection when no further ping_delay_disconnect comes within the delay', async () => {
    const client = await ready();
    const started = performance.now();
    client.send(client.message({ _: 'ping_delay_disconnect', pingId: 1, disconnectDelay: 30 }));
    client.send(client.message({ _: 'ping_delay_disconnect', pingId: 3, disconnectDelay: 1 }));
    await client.until(({ object }) => object._ === 'pong' && object.pingId === 3n);
    await client.untilClosed();
    expect(performance.now() - started).toBeGreaterThan(900);
  });
});

describe('calls', () => {
  it.each([
    ['another layer', { _: 'invokeWithLayer', layer: LAYER - 1, query: CONFIG }, 400, 'CONNECTION_LAYER_INVALID'],
    ['a call before initConnection', CONFIG, 400, 'CONNECTION_NOT_INITED'],
    ['somebody who is not logged in', { _: 'updates.getState' }, 401, 'AUTH_KEY_UNREGISTERED'],
    ['a method that it does not have', { _: 'account.getAccountTTL' }, 400, 'METHOD_NOT_SUPPORTED'],
  ] as const)('refuses %s', async (name, request, code, message) => {
    const client = await ready();
    const sent = client.message(request as TlObject);
    if (name === 'a call before initConnection' || name === 'another layer') {
      client.send(sent);
      expect(await client.answer(sent.id)).toMatchObject({ errorCode: code, errorMessage: message });
    } else expect(await client.call(request as TlObject)).toMatchObject({ errorCode: code, errorMessage: message });
  });

  it('answers a call of garbage with an error, and the next call with its result', async () => {
    const client = await ready();
    const garbage = [
      Buffer.from('ffffffff00000000', 'hex'),
      tl.encode({ _: 'contacts.resolveUsername', username: 'abc' }).subarray(0, 8),
      // A vector of two thousand million elements.
      Buffer.concat([tl.encode({ _: 'users.getUsers', id: [] }).subarray(0, 8), Buffer.from('ffffff7f', 'hex')]),
    ];
    for (const body of garbage) {
      const message = client.message(body);
      client.send(message);
      expect(await client.answer(message.id)).toMatchObject({ _: 'rpc_error', errorCode: 400 });
    }
    const empty = client.message(Buffer.alloc(0));
    client.send(empty);
    expect((await client.until(named('bad_msg_notification'))).object).toMatchObject({ badMsgId: empty.id, errorCode: 64 });
    expect((await client.call(CONFIG))._).toBe('config');
  });
});
