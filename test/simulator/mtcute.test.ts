import { IntermediatePacketCodec, ObfuscatedPacketCodec, PaddedIntermediatePacketCodec } from '@mtcute/core';
import type { TelegramClient } from '@mtcute/core/client.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from './house.ts';
import { canKnow, type MtcuteOptions, mtcuteClient, mtcuteLayer } from './mtcute-client.ts';

const [PLAIN, GUARDED, ELSEWHERE] = ['351900000001', '351900000002', '351900000003'] as const;
const PASSWORD = 'correct horse';
const WORLD = {
  accounts: [
    { phone: PLAIN, code: '11111' },
    { phone: GUARDED, code: '22222', password: PASSWORD },
    { phone: ELSEWHERE, code: '33333', dc: 4 },
  ],
  channels: [{ username: 'shared', title: 'Shared', messages: 250 }],
};

let house: House;
const clients: TelegramClient[] = [];

beforeAll(async () => {
  house = await House.open(WORLD);
  while (!canKnow(house.info)) {
    await house.close();
    house = await House.open(WORLD);
  }
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.destroy()));
  await house.close();
});

const intermediate = (): IntermediatePacketCodec => new IntermediatePacketCodec();
const padded = (): PaddedIntermediatePacketCodec => new PaddedIntermediatePacketCodec();
const WAYS = [
  { transport: 'intermediate', packetCodec: intermediate },
  { transport: 'padded intermediate', packetCodec: padded },
  { transport: 'obfuscated intermediate', packetCodec: () => new ObfuscatedPacketCodec(intermediate()) },
  { transport: 'obfuscated padded intermediate', packetCodec: () => new ObfuscatedPacketCodec(padded()) },
].flatMap((way) => [false, true].map((usePfs) => ({ ...way, usePfs })));

function client(options: Partial<MtcuteOptions> = {}): TelegramClient {
  const made = mtcuteClient({ info: () => house.info, packetCodec: intermediate, ...options });
  clients.push(made);
  return made;
}

/** What mtcute does for its users: it asks for a code, and for what else is wanted. @returns the user's id */
async function logIn(one: TelegramClient, phone: string, password?: string): Promise<number> {
  const code = house.info.accounts.find((account) => account.phone === phone)?.code ?? '';
  const user = await one.start({ phone, code, codeSentCallback: () => {}, ...(password === undefined ? {} : { password }) });
  // By itself it asks where it stands, then for the difference, and only then hears. Answers come in order: the second of these after both.
  await one.getMe();
  await one.getMe();
  return user.id;
}

function userId(phone: string): number | undefined {
  return house.info.accounts.find((account) => account.phone === phone)?.userId;
}

async function calls(method: string): Promise<number> {
  return (await house.control.tell('stats', {})).calls[method] ?? 0;
}

/** What a client hears of the channel, in words: `new <text>`, `edit <text>`, `delete <ids>`. */
class Hearing {
  readonly all: string[] = [];
  readonly #wakes = new Set<() => void>();

  constructor(one: TelegramClient) {
    one.onNewMessage.add((message) => this.#hear(`new ${message.text}`));
    one.onEditMessage.add((message) => this.#hear(`edit ${message.text}`));
    one.onDeleteMessage.add((update) => this.#hear(`delete ${update.messageIds.join()}`));
  }

  async until(what: string): Promise<void> {
    while (!this.all.includes(what)) await new Promise<void>((resolve) => this.#wakes.add(resolve));
  }

  #hear(what: string): void {
    this.all.push(what);
    for (const wake of [...this.#wakes]) wake();
    this.#wakes.clear();
  }
}

const post = (text: string): Promise<{ id: number }> => house.control.tell('post', { channel: 'shared', text });

it('reads and writes most of layer 198 with code of its own, and what it cannot write it does not call', () => {
  const { replaced, missing } = mtcuteLayer();
  // Which ones these are depends on the version of mtcute; that they are few is what makes this a check.
  expect(replaced.length).toBeLessThan(150);
  expect(replaced).toEqual(expect.arrayContaining(['message', 'channel', 'user']));
  for (const method of ['auth.signIn', 'auth.bindTempAuthKey', 'messages.getHistory', 'updates.getChannelDifference']) {
    expect(missing).not.toContain(method);
  }
});

describe.each(WAYS)('mtcute over the $transport transport, temporary keys: $usePfs', ({ packetCodec, usePfs }) => {
  it('logs in, reads a history, hears what happens, and comes back after a restart without a login', async () => {
    const bindings = await calls('auth.bindTempAuthKey');
    const first = client({ packetCodec, usePfs });
    expect(await logIn(first, PLAIN)).toBe(userId(PLAIN));
    expect((await calls('auth.bindTempAuthKey')) - bindings).toBe(usePfs ? 1 : 0);

    const hearing = new Hearing(first);
    const history: { id: number; text: string }[] = [];
    for await (const { id, text } of first.iterHistory('shared', { chunkSize: 100 })) history.unshift({ id, text });
    const dumped = await house.control.tell('dump', { channel: 'shared', limit: 10_000 });
    expect(history.length).toBeGreaterThanOrEqual(250);
    expect(history).toEqual(dumped.map(({ id, text }) => ({ id, text })));

    const { id } = await post('one');
    await house.control.tell('edit', { channel: 'shared', messageId: id, text: 'one, better' });
    await house.control.tell('delete', { channel: 'shared', ids: [id] });
    await hearing.until(`delete ${id}`);
    expect(hearing.all).toEqual(['new one', 'edit one, better', `delete ${id}`]);

    await house.restart();
    expect((await first.getMe()).id).toBe(userId(PLAIN));
    await post('after the restart');
    await hearing.until('new after the restart');

    const session = await first.exportSession();
    await first.destroy();
    const later = client({ packetCodec, usePfs });
    await later.importSession(session);
    expect((await later.getMe()).id).toBe(userId(PLAIN));
    expect(await calls('auth.signIn')).toBe(0);
  });
});

describe('mtcute', () => {
  it('proves a password with its own arithmetic', async () => {
    expect(await logIn(client(), GUARDED, PASSWORD)).toBe(userId(GUARDED));
  });

  it('is let in by a QR code that another device accepts', async () => {
    const one = client();
    const shown: string[] = [];
    const user = await one.start({
      qrCodeHandler: (url) => {
        shown.push(url);
        void house.control.tell('acceptToken', { phone: PLAIN });
      },
    });
    expect(user.id).toBe(userId(PLAIN));
    expect(shown).toEqual([expect.stringMatching(/^tg:\/\/login\?token=/)]);
  });

  it('binds another temporary key when its own is not known any more', async () => {
    const one = client({ usePfs: true });
    await logIn(one, PLAIN);
    const bindings = await calls('auth.bindTempAuthKey');
    await house.control.tell('transportErrors', { errors: [-404] });
    expect((await one.getMe()).id).toBe(userId(PLAIN));
    expect((await calls('auth.bindTempAuthKey')) - bindings).toBe(1);
  });

  it.each([false, true])('follows an account to its data centre, temporary keys: %s', async (usePfs) => {
    const one = client({ usePfs });
    expect(await logIn(one, ELSEWHERE)).toBe(userId(ELSEWHERE));
    expect(await one.getPrimaryDcId()).toBe(4);
  });

  it.each([false, true])('makes its keys by the older RSA form too, temporary keys: %s', async (usePfs) => {
    expect(await logIn(client({ usePfs, olderForm: true }), PLAIN)).toBe(userId(PLAIN));
  });

  it('makes another key when the first is to be replaced, and when the exchange fails', async () => {
    await house.control.tell('handshake', { answers: ['retry', 'fail'] });
    expect(await logIn(client(), PLAIN)).toBe(userId(PLAIN));
  });

  it('asks for what it missed while it was away', async () => {
    const one = client();
    await logIn(one, PLAIN);
    const hearing = new Hearing(one);
    await post('before');
    await hearing.until('new before');
    await house.control.tell('push', { channel: 'shared', on: false });
    for (let nth = 0; nth < 30; nth++) await post(`missed ${nth}`);
    await house.control.tell('push', { channel: 'shared', on: true });
    await house.control.tell('drop', {});
    await one.getMe();
    await post('after');
    await hearing.until('new after');
    const missed = Array.from({ length: 30 }, (_, nth) => `new missed ${nth}`);
    expect(hearing.all).toEqual(['new before', ...missed, 'new after']);
  });

  it('is told CONNECTION_LAYER_INVALID at the layer of its own', async () => {
    const one = client({ layer: 227 });
    await expect(one.call({ _: 'help.getNearestDc' })).rejects.toMatchObject({ code: 400, text: 'CONNECTION_LAYER_INVALID' });
  });
});
