import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { TRANSPORTS, type TransportName } from './client-transports.ts';
import { House, pushedUpdate, rawLogIn } from './house.ts';
import { RawClient } from './raw-client.ts';

const PHONE = '351900000001';
const WORLD = {
  accounts: [{ phone: PHONE, code: '11111' }],
  channels: [{ username: 'shared', title: 'Shared', messages: 250 }],
};
const PING: TlObject = { _: 'ping', pingId: 7 };

let house: House;
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());

async function connected(transport: TransportName): Promise<RawClient> {
  return house.keep(await RawClient.connect(house.info, 2, transport));
}

/** All of the channel, newest first, by pages. */
async function historyIds(client: RawClient): Promise<number[]> {
  const { chats } = await client.call({ _: 'contacts.resolveUsername', username: 'shared' });
  const [{ id, accessHash }] = chats as [TlObject];
  const peer = { _: 'inputPeerChannel', channelId: id, accessHash };
  const ids: number[] = [];
  for (;;) {
    const range = { offsetId: ids.at(-1) ?? 0, offsetDate: 0, addOffset: 0, limit: 100, maxId: 0, minId: 0, hash: 0 };
    const { messages } = await client.call({ _: 'messages.getHistory', peer, ...range });
    const page = (messages as TlObject[]).map((message) => message.id as number);
    if (page.length === 0) return ids;
    ids.push(...page);
  }
}

describe.each(TRANSPORTS)('a client of the %s transport', (transport) => {
  it('makes its key, logs in, reads a history by pages, hears a post, and comes back', async () => {
    const client = house.keep(await RawClient.ready(house.info, 2, transport));
    expect(await rawLogIn(client, house.info, PHONE)).toMatchObject({ _: 'auth.authorization' });
    const expected = (await house.control.tell('dump', { channel: 'shared', limit: 10_000 })).map(({ id }) => id).reverse();
    expect(expected.length).toBeGreaterThanOrEqual(250);
    expect(await historyIds(client)).toEqual(expected);
    await house.control.tell('post', { channel: 'shared', text: `by ${transport}` });
    const update = await pushedUpdate(client, 'updateNewChannelMessage');
    expect(update.message).toMatchObject({ message: `by ${transport}` });
    client.end();
    await client.untilClosed();
    const again = house.keep(await client.twin(house.info, 2, transport));
    expect((await again.call({ _: 'updates.getState' }))._).toBe('updates.state');
  });

  const hasQuickAcks = transport !== 'full';
  it(`${hasQuickAcks ? 'hears a quick acknowledgement before the answer' : 'asks for no quick acknowledgements'}, of what it asked for alone`, async () => {
    const client = house.keep(await RawClient.ready(house.info, 2, transport));
    const expected: number[] = [];
    for (const wanted of [true, false, true]) {
      const message = client.message(PING);
      client.write(client.seal(message), wanted);
      if (wanted && hasQuickAcks) expected.push(client.expectedQuickAck);
      await client.until(({ object }) => object._ === 'pong' && object.msgId === message.id);
      // What came before the answer is all there is to come.
      expect(client.quickAcks).toEqual(expected);
    }
  });

  it('is understood when its bytes come one at a time, and all at once', async () => {
    const client = house.keep(await RawClient.ready(house.info, 2, transport));
    const [slow, quick, last] = [client.message(PING), client.message(PING), client.message(PING)];
    client.socket.setNoDelay(true);
    for (const byte of client.frame(client.seal(slow))) {
      await new Promise((written) => client.socket.write(Buffer.from([byte]), written));
    }
    await client.until(({ object }) => object._ === 'pong' && object.msgId === slow.id);
    client.socket.write(Buffer.concat([quick, last].map((message) => client.frame(client.seal(message)))));
    for (const { id } of [quick, last]) await client.until(({ object }) => object._ === 'pong' && object.msgId === id);
  });

  it('hears transport errors: of an unknown key, and those that are asked for', async () => {
    const stranger = await connected(transport);
    stranger.key = Buffer.alloc(256, 5);
    stranger.send(stranger.message(PING));
    await stranger.untilClosed();
    expect(stranger.transportErrors).toEqual([-404]);
    const client = house.keep(await RawClient.ready(house.info, 2, transport));
    await house.control.tell('transportErrors', { errors: [-429] });
    client.send(client.message(PING));
    await client.untilClosed();
    expect(client.transportErrors).toEqual([-429]);
  });
});

describe('the making of a key', () => {
  const variants = [false, true].flatMap((olderForm) =>
    [false, true].flatMap((pads) => [undefined, 3_600].map((expiresIn) => ({ olderForm, pads, expiresIn }))),
  );

  it.each(variants)('works by %j, and with the salt that comes of it', async (options) => {
    const client = await connected('intermediate');
    await client.exchangeKey(house.info, { short: false, ...options });
    client.salt = client.firstSalt;
    client.send(client.message(PING));
    await client.until(({ object }) => object._ === 'pong');
    expect(client.received.map(({ object }) => object._)).toEqual(['new_session_created', 'pong']);
    const config = await client.call({ _: 'help.getConfig' });
    if (options.expiresIn === undefined) expect(config._).toBe('config');
    else expect(config).toMatchObject({ _: 'rpc_error', errorMessage: 'AUTH_KEY_PERM_EMPTY' });
  });

  it('ends with -444 for a key of another data centre', async () => {
    const client = await connected('abridged');
    const attempt = client.exchangeKey(house.info, { pads: true, short: false, dcId: 4 });
    await expect(attempt).rejects.toThrow('closed');
    expect(client.transportErrors).toEqual([-444]);
  });
});

describe('what is no transport', () => {
  it.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['TLS', Buffer.from('1603010200010001fc0303', 'hex')],
    ['an obfuscated transport that nobody knows', Buffer.alloc(64, 0xab)],
  ])('is closed: %s', async (_name, bytes) => {
    const client = await connected('full');
    client.socket.write(bytes);
    await client.untilClosed();
    expect(client.received).toEqual([]);
  });
});
