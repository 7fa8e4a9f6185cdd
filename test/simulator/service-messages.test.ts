import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { LAYER, tl } from '../../src/simulator/tl.ts';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { House } from './house.ts';
import { RawClient, type Received } from './raw-client.ts';
import { temporaryFolder } from './simulator-process.ts';

const PING: TlObject = { _: 'ping', pingId: 7 };
const CONFIG: TlObject = { _: 'help.getConfig' };

const named =
  (name: string) =>
  ({ object }: Received): boolean =>
    object._ === name;

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(() => house.close());

const ready = (): Promise<RawClient> => house.raw();

async function pong(client: RawClient, { id }: { id: bigint }): Promise<void> {
  await client.until(({ object }) => object._ === 'pong' && object.msgId === id);
}

/** What the server says of messages, a number each. */
async function statesOf(client: RawClient, ...msgIds: bigint[]): Promise<number[]> {
  const request = client.message({ _: 'msgs_state_req', msgIds });
  client.send(request);
  const { object } = await client.until(({ object }) => object._ === 'msgs_state_info' && object.reqMsgId === request.id);
  return [...(object.info as Buffer)];
}

/** So many messages that the server forgets the ones before. */
async function fill(client: RawClient): Promise<void> {
  for (let round = 0; round < 11; round++) {
    const pings = Array.from({ length: 100 }, () => client.message(PING));
    client.send(client.container(pings));
    await pong(client, pings.at(-1) as { id: bigint });
  }
}

/** What is refused, and with which code. */
async function refusal(client: RawClient, { id }: { id: bigint }): Promise<unknown> {
  return (await client.until(({ object }) => object._ === 'bad_msg_notification' && object.badMsgId === id)).object.errorCode;
}

describe('msgs_state_req', () => {
  it('is told of calls, of what is no call, of what wants no acknowledgement, and of what never came', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const answered = client.received.at(-1)?.object.reqMsgId as bigint;
    await house.control.tell('delay', { method: 'help.getNearestDc', delayMs: 3_600_000 });
    const underWay = client.message({ _: 'help.getNearestDc' });
    const [content, quiet] = [client.message(PING), client.message(PING, false)];
    for (const message of [underWay, content, quiet]) client.send(message);
    await pong(client, quiet);
    await house.control.tell('delay', { method: 'help.getNearestDc', delayMs: 0 });
    const received = 4;
    const [wantsNoAck, isCall, isAnswered] = [16, 32, 64];
    const ids = [answered, underWay.id, content.id, quiet.id, quiet.id - 1n, quiet.id + (1n << 40n)];
    expect(await statesOf(client, ...ids)).toEqual([
      received | isCall | isAnswered,
      received | isCall,
      received,
      received | wantsNoAck,
      2,
      3,
    ]);
  });

  it('is told 1 of what came so long ago that it is forgotten, which is not taken again either', async () => {
    const client = await ready();
    const first = client.message(PING);
    client.send(first);
    await pong(client, first);
    await fill(client);
    expect(await statesOf(client, first.id)).toEqual([1]);
    client.send(first);
    expect(await refusal(client, first)).toBe(20);
  });
});

describe('msg_resend_req', () => {
  it('sends again what there is, and says of all of them where one is not there', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const answer = client.received.at(-1) as Received;
    client.send(client.message({ _: 'msg_resend_req', msgIds: [answer.id, 5n] }));
    const again = await client.until((one) => one.id === answer.id && one !== answer);
    expect(again).toMatchObject({ sequence: answer.sequence, object: answer.object });
    const { object } = await client.until(named('msgs_state_info'));
    expect(object.info).toHaveLength(2);
  });

  it('has nothing to send again once it is acknowledged', async () => {
    const client = await ready();
    await client.call(CONFIG);
    const answer = client.received.at(-1) as Received;
    client.send(client.message({ _: 'msgs_ack', msgIds: [answer.id] }, false));
    client.send(client.message({ _: 'msg_resend_req', msgIds: [answer.id] }));
    await client.until(named('msgs_state_info'));
    expect(client.received.filter(({ id }) => id === answer.id)).toHaveLength(1);
  });
});

describe('bad_msg_notification', () => {
  it('has code 19 for a container that came before', async () => {
    const client = await ready();
    const container = client.container([client.message(PING)]);
    client.send(container);
    client.send(container);
    expect(await refusal(client, container)).toBe(19);
  });

  it('has code 33 for a higher number on an older message', async () => {
    const client = await ready();
    const [older, newer] = [client.message(PING), client.message(PING)];
    client.send(newer);
    client.send({ ...older, sequence: newer.sequence + 2 });
    expect(await refusal(client, older)).toBe(33);
  });

  it('is of one message of a container, and the others are taken', async () => {
    const client = await ready();
    const [good, bad] = [client.message(PING), client.message(CONFIG)];
    client.send(client.container([good, { ...bad, sequence: bad.sequence - 1 }]));
    expect(await refusal(client, bad)).toBe(35);
    await pong(client, good);
  });
});

describe('destroy_session', () => {
  it('ends a session with all that is known of it: it begins anew', async () => {
    const client = await ready();
    const old = client.message(PING);
    client.send(old);
    await pong(client, old);
    const session = client.sessionId;
    client.newSession();
    const request = client.message({ _: 'destroy_session', sessionId: session });
    client.send(request);
    expect((await client.until(named('destroy_session_ok'))).object.sessionId).toBe(session);
    await client.until(({ object }) => object._ === 'msgs_ack' && (object.msgIds as bigint[]).includes(request.id));

    const began = client.received.filter(named('new_session_created')).length;
    client.sessionId = session - 1n;
    client.newSession();
    expect(await statesOf(client, old.id)).toEqual([2]);
    expect(client.received.filter(named('new_session_created'))).toHaveLength(began + 1);
  });

  it('does not end the session that asks, nor one of another key', async () => {
    const [client, other] = [await ready(), await ready()];
    for (const sessionId of [client.sessionId, other.sessionId]) {
      client.send(client.message({ _: 'destroy_session', sessionId }));
      await client.until(({ object }) => object._ === 'destroy_session_none' && object.sessionId === sessionId);
    }
    const ping = other.message(PING);
    other.send(ping);
    await pong(other, ping);
    expect(other.received.filter(named('new_session_created'))).toHaveLength(1);
  });
});

describe('msgs_ack', () => {
  it('comes for a call that takes its time, before the answer', async () => {
    const client = await ready();
    await client.call(CONFIG);
    await house.control.tell('delay', { method: 'help.getNearestDc', delayMs: 50 });
    const message = client.message({ _: 'help.getNearestDc' });
    client.send(message);
    expect((await client.answer(message.id))._).toBe('nearestDc');
    await house.control.tell('delay', { method: 'help.getNearestDc', delayMs: 0 });
    const of = client.received.map(({ object }) =>
      object._ === 'msgs_ack' && (object.msgIds as bigint[]).includes(message.id) ? 'acknowledged' : object._,
    );
    expect(of.slice(-2)).toEqual(['acknowledged', 'rpc_result']);
  });

  it.each<TlObject>([
    { _: 'msgs_state_info', reqMsgId: 4n, info: Buffer.from([4]) },
    { _: 'msgs_all_info', msgIds: [4n], info: Buffer.from([4]) },
    { _: 'msg_detailed_info', msgId: 4n, answerMsgId: 5n, bytes: 0, status: 0 },
    { _: 'http_wait', maxDelay: 0, waitAfter: 0, maxWait: 0 },
  ])('comes for $_ where its number asks for it, and only there', async (told) => {
    const client = await ready();
    const [odd, even, last] = [client.message(told), client.message(told, false), client.message(PING)];
    client.send(client.container([odd, even, last]));
    await pong(client, last);
    expect(client.received.filter(named('bad_msg_notification'))).toEqual([]);
    expect(client.received.filter(named('msgs_ack')).map(({ object }) => object.msgIds)).toEqual([[odd.id]]);
  });
});

describe('another layer', () => {
  const inLayer = (layer: number, query: Buffer): Buffer => {
    const whole = tl.encode({ _: 'invokeWithLayer', layer, query: CONFIG });
    return Buffer.concat([whole.subarray(0, 8), query]);
  };

  it.each([LAYER - 1, LAYER + 1, 0, -1])('is answered CONNECTION_LAYER_INVALID, readable or not: %i', async (layer) => {
    const client = await ready();
    for (const query of [tl.encode(CONFIG), Buffer.from('ffffffff01020304', 'hex')]) {
      const message = client.message(inLayer(layer, query));
      client.send(message);
      expect(await client.answer(message.id)).toMatchObject({ errorCode: 400, errorMessage: 'CONNECTION_LAYER_INVALID' });
    }
    // What is no call of the API is served all the same, and so is the right layer then.
    const ping = client.message(PING);
    client.send(ping);
    await pong(client, ping);
    expect((await client.call(CONFIG))._).toBe('config');
  });

  it('is what a client has that says what it is, but not at which layer', async () => {
    const client = await ready();
    const { query } = client.initialized(CONFIG);
    const message = client.message(query as TlObject);
    client.send(message);
    expect(await client.answer(message.id)).toMatchObject({ errorMessage: 'CONNECTION_LAYER_INVALID' });
  });
});

describe('future salts', () => {
  const clock = new VirtualClock(Date.now());
  const folder = temporaryFolder();
  const clients: RawClient[] = [];
  let simulator: Simulator;

  beforeAll(async () => {
    simulator = await startSimulator({
      ...{ worldPath: undefined, dataDir: folder.path, host: '127.0.0.1', port: 0, ratePerSecond: 0 },
      ...{ clock, random: Math.random, log: silentLog },
    });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.end();
  });
  afterAll(async () => {
    await simulator.close();
    folder.remove();
  });

  async function begun(): Promise<RawClient> {
    const client = await RawClient.connect(simulator);
    clients.push(client);
    client.now = clock.now;
    await client.makeKey(simulator);
    await client.begin();
    return client;
  }

  /** Whether a message with a salt is taken. */
  async function isTaken(client: RawClient, salt: bigint): Promise<boolean> {
    client.salt = salt;
    const ping = client.message(PING);
    client.send(ping);
    const { object } = await client.until(({ object }) => object.msgId === ping.id || object.badMsgId === ping.id);
    return object._ === 'pong';
  }

  it.each([
    [1, 1],
    [64, 64],
    [0, 1],
    [1_000, 64],
  ])('are as many as are asked for, from one to 64: %i asked, %i given', async (num, given) => {
    const client = await begun();
    client.send(client.message({ _: 'get_future_salts', num }));
    expect((await client.until(named('future_salts'))).object.salts).toHaveLength(given);
  });

  it('are each taken in their time, and not before or after', async () => {
    const client = await begun();
    client.send(client.message({ _: 'get_future_salts', num: 4 }));
    const { object } = await client.until(named('future_salts'));
    const salts = object.salts as unknown as { salt: bigint; validSince: number; validUntil: number }[];
    for (const { salt, validSince, validUntil } of salts) {
      if (validSince > clock.now() / 1000) {
        await clock.advanceTo(validSince * 1000 - 1);
        expect(await isTaken(client, salt)).toBe(false);
        await clock.advanceTo(validSince * 1000);
      }
      expect(await isTaken(client, salt)).toBe(true);
      const next = salts.find((one) => one.validSince > validSince);
      // The one before is taken for as long again.
      if (next !== undefined) expect(next.validSince).toBeLessThan(validUntil);
    }
    const last = salts.at(-1) as { salt: bigint; validUntil: number };
    await clock.advanceTo(last.validUntil * 1000 - 1);
    expect(await isTaken(client, last.salt)).toBe(true);
    await clock.advanceTo(last.validUntil * 1000);
    expect(await isTaken(client, last.salt)).toBe(false);
  });

  it('follow the one that the key was made with, which ends too', async () => {
    const client = await begun();
    expect(await isTaken(client, client.firstSalt)).toBe(true);
    await clock.advance(1_799_000);
    expect(await isTaken(client, client.firstSalt)).toBe(true);
    await clock.advance(1_001);
    expect(await isTaken(client, client.firstSalt)).toBe(false);
  });
});
