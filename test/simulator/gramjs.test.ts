import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import type { TelegramClient } from 'telegram/client/TelegramClient.js';
import { Raw } from 'telegram/events/index.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Api, allHistory, gramjsClient, inputChannel, inputPeer, logIn, resolve, sessionOf } from './gramjs-client.ts';
import { SimulatorProcess, type SimulatorProcessOptions, temporaryFolder } from './simulator-process.ts';

const EXPORTS = resolvePath(process.env.VIGILIA_TEST_EXPORTS ?? '../shared/data/telegram-export');

const clients: TelegramClient[] = [];
const simulators: SimulatorProcess[] = [];
const folders: { remove(): void }[] = [];

async function started(options: Partial<SimulatorProcessOptions> = {}): Promise<SimulatorProcess> {
  const folder = temporaryFolder();
  folders.push(folder);
  const simulator = await SimulatorProcess.start({ dataDir: folder.path, ...options });
  simulators.push(simulator);
  return simulator;
}

async function connected(
  simulator: SimulatorProcess,
  session = '',
  transport: 'full' | 'abridged' = 'full',
): Promise<TelegramClient> {
  const client = gramjsClient(simulator.info, session, transport);
  clients.push(client);
  expect(await client.connect()).toBe(true);
  return client;
}

async function loggedIn(simulator: SimulatorProcess): Promise<TelegramClient> {
  const client = await connected(simulator);
  await logIn(client, simulator.info);
  return client;
}

/** Collects what is pushed, and waits for as much as a test needs. */
function pushes(client: TelegramClient): { readonly all: Api.TypeUpdate[]; until(count: number): Promise<void> } {
  const all: Api.TypeUpdate[] = [];
  const wakes = new Set<() => void>();
  client.addEventHandler((update: Api.TypeUpdate) => {
    if (!(update instanceof Api.UpdateNewChannelMessage || update instanceof Api.UpdateEditChannelMessage)) {
      if (!(update instanceof Api.UpdateDeleteChannelMessages)) return;
    }
    all.push(update);
    for (const wake of wakes) wake();
    wakes.clear();
  }, new Raw({}));
  return {
    all,
    until: async (count) => {
      while (all.length < count) await new Promise<void>((done) => wakes.add(done));
    },
  };
}

const rpcError = (errorMessage: string): Record<string, unknown> => expect.objectContaining({ errorMessage });

async function cleanUp(): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.destroy()));
  await Promise.all(simulators.splice(0).map((simulator) => simulator.kill()));
  for (const folder of folders.splice(0)) folder.remove();
}

describe('login with unmodified GramJS', () => {
  let simulator: SimulatorProcess;
  beforeAll(async () => {
    simulator = await started();
  });
  afterAll(cleanUp);

  it.each(['full', 'abridged'] as const)('makes a key and logs in over the %s transport', async (transport) => {
    const client = await connected(simulator, '', transport);
    const user = await logIn(client, simulator.info);
    expect(user.id.toJSNumber()).toBe(simulator.info.accounts[0]?.userId);
    const me = await client.getMe();
    expect((me as Api.User).phone).toBe(simulator.info.accounts[0]?.phone);
    const resumed = await connected(simulator, sessionOf(client), transport);
    expect((await resumed.invoke(new Api.updates.GetState())).pts).toBe(1);
  });

  it('refuses numbers, codes and hashes that are not right', async () => {
    const client = await connected(simulator);
    const [account] = simulator.info.accounts;
    const phoneNumber = `+${account?.phone}`;
    const settings = new Api.CodeSettings({});
    const send = (number: string): Promise<unknown> =>
      client.invoke(new Api.auth.SendCode({ phoneNumber: number, apiId: 1, apiHash: 'hash', settings }));
    await expect(send('123')).rejects.toEqual(rpcError('PHONE_NUMBER_INVALID'));
    const { phoneCodeHash } = (await send(phoneNumber)) as Api.auth.SentCode;
    const signIn = (phoneCode: string, hash = phoneCodeHash): Promise<unknown> =>
      client.invoke(new Api.auth.SignIn({ phoneNumber, phoneCodeHash: hash, phoneCode }));
    await expect(signIn('00000')).rejects.toEqual(rpcError('PHONE_CODE_INVALID'));
    await expect(signIn('')).rejects.toEqual(rpcError('PHONE_CODE_EMPTY'));
    await expect(signIn(account?.code ?? '', 'another')).rejects.toEqual(rpcError('PHONE_CODE_EXPIRED'));
    await expect(client.invoke(new Api.updates.GetState())).rejects.toEqual(rpcError('AUTH_KEY_UNREGISTERED'));
    await signIn(account?.code ?? '');
    await client.invoke(new Api.updates.GetState());
    await client.invoke(new Api.auth.LogOut());
    await expect(client.invoke(new Api.updates.GetState())).rejects.toEqual(rpcError('AUTH_KEY_UNREGISTERED'));
  });

  it('fails a handshake when it is told to, and makes the next key', async () => {
    await simulator.control.tell('handshake', { answers: ['fail'] });
    const client = await connected(simulator);
    expect((await client.invoke(new Api.help.GetNearestDc())).thisDc).toBe(2);
    expect((await simulator.control.tell('stats', {})).accepted).toBeGreaterThan(1);
  });

  it('logs an account out everywhere when it is revoked, and forgets its keys on request', async () => {
    const client = await loggedIn(simulator);
    const { phone } = simulator.info.accounts[0] ?? { phone: '' };
    await simulator.control.tell('revoke', { phone });
    await expect(client.invoke(new Api.updates.GetState())).rejects.toEqual(rpcError('AUTH_KEY_UNREGISTERED'));
    await logIn(client, simulator.info);
    expect((await simulator.control.tell('revoke', { phone, forgetKeys: true })).keys).toBe(1);
  });
});

describe('reading', () => {
  let simulator: SimulatorProcess;
  let client: TelegramClient;
  beforeAll(async () => {
    simulator = await started();
    client = await loggedIn(simulator);
  });
  afterAll(cleanUp);

  it('pages through a generated channel of 20,000 messages, each once, newest first', async () => {
    const channel = await resolve(client, 'vigilia_signals');
    const started = performance.now();
    const all = await allHistory(client, channel);
    const seconds = (performance.now() - started) / 1000;
    console.info(`20,000 messages in ${seconds.toFixed(2)} s: ${Math.round(20_000 / seconds)}/s`);
    const dump = await simulator.control.tell('dump', { channel: 'vigilia_signals' });
    expect(all.map(({ id }) => id).reverse()).toEqual(dump.map(({ id }) => id));
    expect(dump).toHaveLength(20_000);
    expect(new Set(all.map(({ className }) => className))).toEqual(new Set(['Message', 'MessageService']));
    expect(all.length / seconds).toBeGreaterThan(1_000);
  }, 60_000);

  it('lists dialogs newest first, in pages that meet without a hole', async () => {
    const empty = new Api.InputPeerEmpty();
    const whole = await client.invoke(new Api.messages.GetDialogs({ offsetPeer: empty, limit: 100 }));
    expect(whole).toBeInstanceOf(Api.messages.Dialogs);
    const wanted = (whole as Api.messages.Dialogs).dialogs.map(({ peer }) => String((peer as Api.PeerChannel).channelId));
    const found: string[] = [];
    let request = new Api.messages.GetDialogs({ offsetPeer: empty, limit: 1 });
    for (;;) {
      const slice = (await client.invoke(request)) as Api.messages.DialogsSlice;
      const [dialog, message, chat] = [slice.dialogs[0], slice.messages[0] as Api.Message, slice.chats[0] as Api.Channel];
      if (dialog === undefined) break;
      found.push(String((dialog.peer as Api.PeerChannel).channelId));
      request = new Api.messages.GetDialogs({
        offsetPeer: inputPeer(chat),
        offsetId: message.id,
        offsetDate: message.date,
        limit: 1,
      });
    }
    expect(found).toEqual(wanted);
    expect((await client.getDialogs({})).map(({ title }) => title)).toHaveLength(3);
  });

  it('gives single messages, and empty ones for ids that are not there', async () => {
    const channel = await resolve(client, 'vigilia_chat');
    const [first, second] = await simulator.control.tell('dump', { channel: 'vigilia_chat', limit: 2 });
    const id = [first?.id ?? 0, 4_000_000, second?.id ?? 0].map((id) => new Api.InputMessageID({ id }));
    const answer = (await client.invoke(
      new Api.channels.GetMessages({ channel: inputChannel(channel), id }),
    )) as Api.messages.ChannelMessages;
    expect(answer.messages.map(({ className }) => className)).toEqual(['MessageService', 'MessageEmpty', 'Message']);
    expect((answer.messages[2] as Api.Message).message).toBe(second?.text);
    expect(answer.users.length).toBeGreaterThan(0);
  });

  it('tells the particulars of a channel', async () => {
    const channel = await resolve(client, 'VIGILIA_News');
    expect(channel.broadcast).toBe(true);
    const full = await client.invoke(new Api.channels.GetFullChannel({ channel: inputChannel(channel) }));
    expect((full.fullChat as Api.ChannelFull).pts).toBe(2001);
    const chats = await client.invoke(new Api.channels.GetChannels({ id: [inputChannel(channel)] }));
    expect((chats.chats[0] as Api.Channel).username).toBe('vigilia_news');
    const users = await client.invoke(new Api.users.GetFullUser({ id: new Api.InputUserSelf() }));
    expect((users.users[0] as Api.User).self).toBe(true);
  });

  it('refuses names, hashes and peers that are not right', async () => {
    const channel = await resolve(client, 'vigilia_news');
    const wrong = new Api.InputChannel({ channelId: channel.id, accessHash: channel.id });
    const asPeer = new Api.InputPeerChannel({ channelId: channel.id, accessHash: channel.id });
    await expect(resolve(client, 'nobody_here')).rejects.toEqual(rpcError('USERNAME_NOT_OCCUPIED'));
    await expect(resolve(client, 'no-name')).rejects.toEqual(rpcError('USERNAME_INVALID'));
    await expect(client.invoke(new Api.channels.GetFullChannel({ channel: wrong }))).rejects.toEqual(rpcError('CHANNEL_INVALID'));
    await expect(client.invoke(new Api.messages.GetHistory({ peer: asPeer, limit: 1 }))).rejects.toEqual(
      rpcError('CHANNEL_INVALID'),
    );
    await expect(client.invoke(new Api.messages.GetHistory({ peer: new Api.InputPeerEmpty(), limit: 1 }))).rejects.toEqual(
      rpcError('PEER_ID_INVALID'),
    );
    await expect(client.invoke(new Api.account.GetAccountTTL())).rejects.toEqual(rpcError('METHOD_NOT_SUPPORTED'));
  });
});

describe('several accounts', () => {
  afterAll(cleanUp);

  it('have each their own access hashes, and cannot use those of another', async () => {
    const folder = temporaryFolder();
    folders.push(folder);
    const accounts = ['111111', '222222'].map((phone) => ({ phone, code: '55555', firstName: phone }));
    const channels = [{ username: 'only_one', title: 'Only', messages: 3 }];
    writeFileSync(resolvePath(folder.path, 'world.json'), JSON.stringify({ accounts, channels }));
    const simulator = await started({ worldPath: folder.path });
    const [one, two] = [await connected(simulator), await connected(simulator)];
    const users = [
      await logIn(one, simulator.info, simulator.info.accounts[0]),
      await logIn(two, simulator.info, simulator.info.accounts[1]),
    ];
    expect(users.map(({ firstName }) => firstName)).toEqual(['111111', '222222']);
    const [mine, yours] = [await resolve(one, 'only_one'), await resolve(two, 'only_one')];
    expect(mine.id).toEqual(yours.id);
    expect(mine.accessHash).not.toEqual(yours.accessHash);
    expect(await allHistory(one, mine)).toHaveLength(3);
    await expect(allHistory(two, mine)).rejects.toEqual(rpcError('CHANNEL_INVALID'));
  });
});

describe.skipIf(!existsSync(EXPORTS))('exports', () => {
  let simulator: SimulatorProcess;
  let client: TelegramClient;
  beforeAll(async () => {
    simulator = await started({ worldPath: EXPORTS });
    client = await loggedIn(simulator);
  });
  afterAll(cleanUp);

  const files = existsSync(EXPORTS) ? readdirSync(EXPORTS).filter((file) => file.endsWith('.json')) : [];

  it.each(files)('gives exactly the messages of %s', async (file) => {
    interface Part {
      type: string;
      text: string;
      href?: string;
    }
    const chat = JSON.parse(readFileSync(resolvePath(EXPORTS, file), 'utf8')) as {
      id: number;
      messages: { id: number; date_unixtime: string; text_entities: Part[] }[];
    };
    const names: Record<string, string> = { bold: 'Bold', text_link: 'TextUrl', hashtag: 'Hashtag', link: 'Url' };
    const wanted = chat.messages.map(({ id, date_unixtime, text_entities }) => {
      let offset = 0;
      const entities: unknown[] = [];
      for (const { type, text, href } of text_entities) {
        const name = names[type] ?? (type === 'plain' ? undefined : type);
        if (name !== undefined) entities.push([`MessageEntity${name}`, offset, text.length, href ?? null]);
        offset += text.length;
      }
      return { id, date: Number(date_unixtime), text: text_entities.map(({ text }) => text).join(''), entities };
    });
    const channel = await resolve(client, file.replace('.json', ''));
    expect(channel.id.toJSNumber()).toBe(chat.id);
    const found = (await allHistory(client, channel)).reverse() as Api.Message[];
    const got = found.map(({ id, date, message, entities }) => ({
      id,
      date,
      text: message,
      entities: (entities ?? []).map((entity) => [
        entity.className,
        entity.offset,
        entity.length,
        entity instanceof Api.MessageEntityTextUrl ? entity.url : null,
      ]),
    }));
    expect(got).toEqual(wanted);
  });
});

describe('updates', () => {
  afterEach(cleanUp);

  it('pushes posts, edits and deletions with the pts that follow, to every session that is logged in', async () => {
    const simulator = await started();
    const [one, two, stranger] = [await loggedIn(simulator), await loggedIn(simulator), await connected(simulator)];
    const [first, second, none] = [pushes(one), pushes(two), pushes(stranger)];
    const channel = 'vigilia_news';
    const pts = (await simulator.control.tell('channels', {})).find(({ username }) => username === channel)?.pts ?? 0;
    const post = await simulator.control.tell('post', {
      channel,
      text: 'Olá 🌍',
      entities: [{ _: 'messageEntityBold', offset: 0, length: 3 }],
    });
    await simulator.control.tell('edit', { channel, messageId: post.id, text: 'Olá\u0000' });
    const [a, b] = await simulator.control.tell('dump', { channel, limit: 2 });
    await simulator.control.tell('delete', { channel, ids: [post.id, a?.id ?? 0, b?.id ?? 0, 99_999_999] });
    for (const session of [first, second]) {
      await session.until(3);
      const [posted, edited, deleted] = session.all as [
        Api.UpdateNewChannelMessage,
        Api.UpdateEditChannelMessage,
        Api.UpdateDeleteChannelMessages,
      ];
      expect(posted).toMatchObject({ className: 'UpdateNewChannelMessage', pts: pts + 1, ptsCount: 1 });
      expect((posted.message as Api.Message).message).toBe('Olá 🌍');
      expect((posted.message as Api.Message).entities?.[0]).toMatchObject({ offset: 0, length: 3 });
      expect(edited).toMatchObject({ className: 'UpdateEditChannelMessage', pts: pts + 2, ptsCount: 1 });
      expect((edited.message as Api.Message).message).toBe('Olá\u0000');
      expect((edited.message as Api.Message).editDate).toBeGreaterThan(0);
      expect(deleted).toMatchObject({ pts: pts + 5, ptsCount: 3, messages: [post.id, a?.id, b?.id] });
    }
    expect(none.all).toHaveLength(0);
    expect((await simulator.control.tell('stats', {})).pushed).toBe(6);
  });

  it('tells afterwards what was missed, in slices, each thing as it is now', async () => {
    const simulator = await started();
    const client = await loggedIn(simulator);
    const channel = await resolve(client, 'vigilia_chat');
    const username = 'vigilia_chat';
    let { pts } = (await simulator.control.tell('channels', {})).find((one) => one.username === username) ?? { pts: 0 };
    const state = await client.invoke(new Api.updates.GetState());
    await simulator.control.tell('drop', {});
    const posted: number[] = [];
    for (let index = 0; index < 25; index++) {
      posted.push((await simulator.control.tell('post', { channel: username, text: `missed ${index}` })).id);
    }
    await simulator.control.tell('edit', { channel: username, messageId: posted[0] ?? 0, text: 'changed' });
    await simulator.control.tell('delete', { channel: username, ids: [posted[1] ?? 0, posted[2] ?? 0] });
    const difference = await client.invoke(new Api.updates.GetDifference({ pts: state.pts, date: state.date, qts: state.qts }));
    expect((difference as Api.updates.Difference).otherUpdates).toHaveLength(1);
    const texts = new Map<number, string>();
    const deleted: number[] = [];
    let slices = 0;
    for (let final = false; !final; slices++) {
      const filter = new Api.ChannelMessagesFilterEmpty();
      const answer = (await client.invoke(
        new Api.updates.GetChannelDifference({ channel: inputChannel(channel), filter, pts, limit: 10 }),
      )) as Api.updates.ChannelDifference;
      for (const message of answer.newMessages as Api.Message[]) texts.set(message.id, message.message);
      for (const update of answer.otherUpdates) {
        if (update instanceof Api.UpdateEditChannelMessage) texts.set(update.message.id, (update.message as Api.Message).message);
        if (update instanceof Api.UpdateDeleteChannelMessages) deleted.push(...update.messages);
      }
      expect(answer.pts).toBeGreaterThan(pts);
      pts = answer.pts;
      final = Boolean(answer.final);
    }
    expect(slices).toBe(3);
    expect(deleted).toEqual([posted[1], posted[2]]);
    const dump = await simulator.control.tell('dump', { channel: username, after: (posted[0] ?? 0) - 1 });
    expect([...texts.entries()]).toEqual(dump.map(({ id, text }) => [id, text]));
    expect(dump[0]?.text).toBe('changed');
    const again = new Api.updates.GetChannelDifference({
      channel: inputChannel(channel),
      filter: new Api.ChannelMessagesFilterEmpty(),
      pts,
      limit: 10,
    });
    expect(await client.invoke(again)).toBeInstanceOf(Api.updates.ChannelDifferenceEmpty);
    again.pts = 1;
    const tooLong = (await client.invoke(again)) as Api.updates.ChannelDifferenceTooLong;
    expect(tooLong).toBeInstanceOf(Api.updates.ChannelDifferenceTooLong);
    expect((tooLong.dialog as Api.Dialog).pts).toBe(pts);
    again.pts = pts + 1;
    await expect(client.invoke(again)).rejects.toEqual(rpcError('PERSISTENT_TIMESTAMP_INVALID'));
  });

  it('posts, edits and deletes by itself at the rate it is given', async () => {
    const simulator = await started({ ratePerSecond: 400 });
    const client = await loggedIn(simulator);
    // Until GramJS knows who it is, each update waits in it for an answer to that question, and later ones overtake it.
    await client.getMe();
    const pushed = pushes(client);
    await pushed.until(300);
    const kinds = new Set(pushed.all.map(({ className }) => className));
    expect(kinds).toContain('UpdateNewChannelMessage');
    expect(kinds).toContain('UpdateEditChannelMessage');
    const latest = new Map<string, number>();
    for (const update of pushed.all as (Api.UpdateNewChannelMessage | Api.UpdateDeleteChannelMessages)[]) {
      const channelId =
        update instanceof Api.UpdateDeleteChannelMessages
          ? update.channelId
          : ((update.message as Api.Message).peerId as Api.PeerChannel).channelId;
      const before = latest.get(String(channelId));
      if (before !== undefined) expect(update.pts).toBe(before + update.ptsCount);
      latest.set(String(channelId), update.pts);
    }
    expect(latest.size).toBe(3);
  });
});

describe('what tests can do to it', () => {
  let simulator: SimulatorProcess;
  afterEach(cleanUp);

  it('answers a method with an error as often as it is told', async () => {
    simulator = await started();
    const client = await loggedIn(simulator);
    await simulator.control.tell('fail', { method: 'updates.getState', code: 420, message: 'FLOOD_WAIT_23', times: 2 });
    for (let time = 0; time < 2; time++) {
      await expect(client.invoke(new Api.updates.GetState())).rejects.toMatchObject({ errorMessage: 'FLOOD', seconds: 23 });
    }
    expect((await client.invoke(new Api.updates.GetState())).pts).toBe(1);
    await simulator.control.tell('fail', { method: '*', code: 400, message: 'PEER_FLOOD' });
    for (let time = 0; time < 5; time++) await expect(resolve(client, 'vigilia_news')).rejects.toEqual(rpcError('PEER_FLOOD'));
    await simulator.control.tell('fail', { method: '*', code: 400, message: '', times: 0 });
    expect((await resolve(client, 'vigilia_news')).title).toBe('Vigília News');
    await simulator.control.tell('fail', { method: 'updates.GetState', code: 420, message: 'FLOOD_WAIT_23', times: 1 });
    await expect(client.invoke(new Api.updates.GetState())).rejects.toMatchObject({ seconds: 23 });
    await expect(simulator.control.tell('fail', { method: 'updates.getStates', code: 420, message: 'X' })).rejects.toThrow(
      /no method updates\.getStates; it has .*updates\.getState/,
    );
  });

  it('answers nothing while frozen, and all of it once thawed', async () => {
    simulator = await started();
    const client = await loggedIn(simulator);
    await simulator.control.tell('freeze', {});
    let answered = false;
    const call = client.invoke(new Api.updates.GetState()).then((state) => {
      answered = true;
      return state;
    });
    await simulator.control.tell('post', { channel: 'vigilia_news', text: 'while frozen' });
    expect((await simulator.control.tell('stats', {})).connections).toBe(1);
    expect(answered).toBe(false);
    const pushed = pushes(client);
    await simulator.control.tell('thaw', {});
    expect((await call).pts).toBe(1);
    await pushed.until(1);
  });

  it('holds answers back, closes connections, and ends when its parent lets go', async () => {
    simulator = await started();
    const client = await loggedIn(simulator);
    await simulator.control.tell('delay', { method: 'updates.getState', delayMs: 300 });
    const from = performance.now();
    await client.invoke(new Api.updates.GetState());
    expect(performance.now() - from).toBeGreaterThan(290);
    expect((await simulator.control.tell('drop', {})).connections).toBe(1);
    await expect(simulator.control.tell('post', { channel: 'nobody', text: '' })).rejects.toThrow('there is no channel nobody');
    const entities = [{ _: 'messageEntityBold', offset: 0 }];
    const unfit = simulator.control.tell('post', { channel: 'vigilia_news', text: 'x', entities });
    await expect(unfit).rejects.toThrow('messageEntityBold.length');
    expect((await simulator.control.tell('channels', {}))[0]?.messages).toBe(2000);
    expect(await simulator.disconnect()).toBe(0);
    await expect(simulator.control.tell('stats', {})).rejects.toThrow('gone');
  });
});

describe('after kill -9', () => {
  afterEach(cleanUp);

  it('knows keys, logins, posts, edits, deletions and pts as it answered them', async () => {
    const folder = temporaryFolder();
    folders.push(folder);
    let simulator = await SimulatorProcess.start({ dataDir: folder.path });
    simulators.push(simulator);
    const first = await loggedIn(simulator);
    const session = sessionOf(first);
    const before = await resolve(first, 'vigilia_news');
    await first.destroy();
    const channel = 'vigilia_news';
    const { worldId } = simulator.info;
    for (let round = 0; round < 5; round++) {
      const posts = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          simulator.control.tell('post', { channel, text: `round ${round} post ${index}` }),
        ),
      );
      await simulator.control.tell('edit', { channel, messageId: posts[0]?.id ?? 0, text: `edited in round ${round}` });
      await simulator.control.tell('delete', { channel, ids: [posts[1]?.id ?? 0] });
      const [dump, channels] = [await simulator.control.tell('dump', { channel }), await simulator.control.tell('channels', {})];
      // Unanswered posts may be in flight when it dies.
      for (let index = 0; index < 20; index++) simulator.control.tell('post', { channel, text: 'in flight' }).catch(() => {});
      await simulator.kill();
      simulator = await SimulatorProcess.start({ dataDir: folder.path });
      simulators.push(simulator);
      expect(simulator.info.worldId).toBe(worldId);
      const dumpAfter = await simulator.control.tell('dump', { channel });
      expect(dumpAfter.slice(0, dump.length)).toEqual(dump);
      const inFlight = dumpAfter.length - dump.length;
      const after = await simulator.control.tell('channels', {});
      const pts = (list: typeof after): number => list.find(({ username }) => username === channel)?.pts ?? 0;
      expect(pts(after)).toBe(pts(channels) + inFlight);
      const client = await connected(simulator, session);
      expect((await client.invoke(new Api.updates.GetState())).pts).toBe(1);
      expect((await resolve(client, channel)).accessHash).toEqual(before.accessHash);
      await client.destroy();
    }
  }, 60_000);

  it('is refused its folder while another holds it, and gets it when that one dies', async () => {
    const folder = temporaryFolder();
    folders.push(folder);
    const holder = await SimulatorProcess.start({ dataDir: folder.path });
    simulators.push(holder);
    await expect(SimulatorProcess.start({ dataDir: folder.path })).rejects.toThrow('DATA_DIR_LOCKED');
    const waiting = SimulatorProcess.start({ dataDir: folder.path });
    await holder.kill();
    simulators.push(await waiting);
  }, 30_000);

  it('refuses a port that is taken', async () => {
    const simulator = await started();
    await expect(started({ port: simulator.info.address.port })).rejects.toThrow('PORT_IN_USE');
  });
});
