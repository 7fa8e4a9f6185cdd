import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { Api, gramjsClient, logIn } from './gramjs-client.ts';
import { House, names, pushedUpdate } from './house.ts';
import type { RawClient } from './raw-client.ts';

const ANA = '351900000001';
const RUI = '351900000002';
const EVA = '351900000003';
const WORLD = {
  accounts: [
    { phone: ANA, code: '11111', firstName: 'Ana', channels: ['shared', '@Ana_Only'] },
    { phone: RUI, code: '22222', firstName: 'Rui', channels: ['shared'] },
    { phone: EVA, code: '33333', firstName: 'Eva' },
  ],
  channels: [
    { username: 'shared', title: 'Shared', messages: 5 },
    { username: 'ana_only', title: 'Of Ana', messages: 5 },
    { username: 'group_chat', title: 'Group', messages: 5, kind: 'supergroup' },
    { username: 'quiet', title: 'Large', messages: 5, pushed: false },
  ],
  groups: [{ title: 'Family', members: [ANA, RUI], messages: 4 }],
  chats: [{ members: [ANA, EVA], messages: 3 }],
};

let house: House;
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());

const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });

/** Logged in, and listening. */
async function listener(phone: string): Promise<RawClient> {
  const client = await house.rawLogin(phone);
  expect(await client.call({ _: 'updates.getState' })).toMatchObject({ _: 'updates.state' });
  return client;
}

const dialogs = (client: RawClient): Promise<TlObject> =>
  client.call({
    _: 'messages.getDialogs',
    offsetDate: 0,
    offsetId: 0,
    offsetPeer: { _: 'inputPeerEmpty' },
    limit: 100,
    hash: 0,
  });

const difference = (client: RawClient, state: TlObject, more: object = {}): Promise<TlObject> =>
  client.call({ _: 'updates.getDifference', pts: state.pts, date: state.date, qts: state.qts, ...more });

const history = (client: RawClient, peer: TlObject, more: object = {}): Promise<TlObject> =>
  client.call({
    _: 'messages.getHistory',
    peer,
    offsetId: 0,
    offsetDate: 0,
    addOffset: 0,
    limit: 100,
    maxId: 0,
    minId: 0,
    hash: 0,
    ...more,
  });

describe('accounts in channels', () => {
  it('see and hear those they are in, and can read the others', async () => {
    const [ana, rui, eva] = [await listener(ANA), await listener(RUI), await listener(EVA)];
    const titles = async (client: RawClient): Promise<unknown[]> =>
      ((await dialogs(client)).chats as TlObject[]).map(({ title }) => title).sort();
    expect(await titles(ana)).toEqual(['Family', 'Of Ana', 'Shared']);
    expect(await titles(rui)).toEqual(['Family', 'Shared']);
    expect(await titles(eva)).toEqual(['Group', 'Large', 'Of Ana', 'Shared']);
    await house.control.tell('post', { channel: 'ana_only', text: 'not for Rui' });
    await house.control.tell('post', { channel: 'shared', text: 'for all' });
    for (const [client, texts] of [
      [ana, ['not for Rui', 'for all']],
      [eva, ['not for Rui', 'for all']],
      [rui, ['for all']],
    ] as const) {
      const last = await pushedUpdate(client, 'updateNewChannelMessage', texts.length - 1);
      expect((last.message as TlObject).message).toBe(texts.at(-1));
    }
    const resolved = await rui.call({ _: 'contacts.resolveUsername', username: 'ana_only' });
    expect(resolved.chats).toMatchObject([{ left: true }]);
  });

  it('join and leave, and their other sessions hear of it', async () => {
    const [rui, other] = [await listener(RUI), await listener(RUI)];
    const { chats } = await rui.call({ _: 'contacts.resolveUsername', username: 'group_chat' });
    const [{ id, accessHash }] = chats as [TlObject];
    const channel = { _: 'inputChannel', channelId: id, accessHash };
    const joined = await rui.call({ _: 'channels.joinChannel', channel });
    expect(joined).toMatchObject({ _: 'updates', updates: [{ _: 'updateChannel', channelId: id }] });
    expect(await pushedUpdate(other, 'updateChannel')).toMatchObject({ channelId: id });
    const random = { randomId: 1, message: 'hello' };
    const sent = await rui.call({ _: 'messages.sendMessage', peer: { ...channel, _: 'inputPeerChannel' }, ...random });
    expect(names(sent.updates)).toEqual(['updateMessageID', 'updateNewChannelMessage']);
    expect(await pushedUpdate(other, 'updateNewChannelMessage')).toMatchObject({ message: { message: 'hello' } });
    await house.restart();
    const later = await listener(RUI);
    expect((await dialogs(later)).chats).toHaveLength(3);
    expect(await later.call({ _: 'channels.leaveChannel', channel })).toMatchObject({ chats: [{ left: true }] });
    expect(await later.call({ _: 'channels.leaveChannel', channel })).toMatchObject(failed(400, 'USER_NOT_PARTICIPANT'));
    await house.control.tell('join', { phone: RUI, channel: 'group_chat', on: true });
    expect((await dialogs(later)).chats).toHaveLength(3);
    await house.control.tell('join', { phone: RUI, channel: 'group_chat', on: false });
  });

  it('are kept out of a channel one by one, or all of them', async () => {
    const [ana, rui] = [await listener(ANA), await listener(RUI)];
    const ask = async (client: RawClient): Promise<TlObject> => {
      const { chats } = await client.call({ _: 'contacts.resolveUsername', username: 'shared' });
      const [{ id, accessHash }] = chats as [TlObject];
      return history(client, { _: 'inputPeerChannel', channelId: id, accessHash });
    };
    await house.control.tell('forbid', { channel: 'shared', phone: ANA, message: 'CHANNEL_PRIVATE' });
    expect(await ask(ana)).toMatchObject(failed(400, 'CHANNEL_PRIVATE'));
    expect(await ask(rui)).toMatchObject({ _: 'messages.channelMessages' });
    await house.control.tell('forbid', { channel: 'shared', phone: ANA, message: null });
    await house.control.tell('fail', { method: 'messages.getHistory', code: 420, message: 'FLOOD_WAIT_9', phone: RUI });
    expect(await ask(ana)).toMatchObject({ _: 'messages.channelMessages' });
    expect(await ask(rui)).toMatchObject(failed(420, 'FLOOD_WAIT_9'));
    await house.control.tell('fail', { method: 'messages.getHistory', code: 0, message: '', phone: RUI, times: 0 });
    expect(await ask(rui)).toMatchObject({ _: 'messages.channelMessages' });
  });

  it('lose their connections, and are kept waiting, one without the other', async () => {
    const [ana, rui] = [await listener(ANA), await listener(RUI)];
    await house.control.tell('freeze', { phone: ANA });
    const asked = ana.message({ _: 'ping', pingId: 5 });
    ana.send(asked);
    await house.control.tell('post', { channel: 'shared', text: 'while frozen' });
    await pushedUpdate(rui, 'updateNewChannelMessage');
    const back = house.keep(await ana.twin(house.info));
    expect(await back.call({ _: 'updates.getState' })).toMatchObject({ _: 'updates.state' });
    expect(ana.received.some(({ object }) => object.pingId === 5n || object._ === 'updates')).toBe(false);
    await house.control.tell('thaw', { phone: ANA });
    await ana.until(({ object }) => object._ === 'pong' && object.pingId === 5n);
    expect(await house.control.tell('drop', { phone: ANA })).toMatchObject({ connections: expect.any(Number) });
    await Promise.all([ana.untilClosed(), back.untilClosed()]);
    expect(await rui.call({ _: 'updates.getState' })).toMatchObject({ _: 'updates.state' });
  });

  it('hear nothing of channels that are not pushed, not even in a difference', async () => {
    const eva = await listener(EVA);
    const state = await eva.call({ _: 'updates.getState' });
    await house.control.tell('post', { channel: 'quiet', text: 'only for who asks' });
    await house.control.tell('post', { channel: 'shared', text: 'for all' });
    const { message } = await pushedUpdate(eva, 'updateNewChannelMessage');
    expect((message as TlObject).message).toBe('for all');
    const { chats } = await difference(eva, state);
    expect((chats as TlObject[]).map(({ title }) => title)).not.toContain('Large');
  });
});

describe('private chats and basic groups', () => {
  it('have what was said, as each account has it', async () => {
    const ana = await listener(ANA);
    const inbox = await house.control.tell('inbox', { phone: ANA });
    const before = inbox.messages.filter(({ date }) => date < 1_710_000_000);
    expect(before).toHaveLength(7);
    expect(before.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(inbox.pts).toBe(8);
    const { users, chats } = await dialogs(ana);
    expect((users as TlObject[]).map(({ firstName }) => firstName)).toEqual(expect.arrayContaining(['Ana', 'Eva']));
    const family = (chats as TlObject[]).find(({ _ }) => _ === 'chat') as TlObject;
    const inGroup = await history(ana, { _: 'inputPeerChat', chatId: family.id });
    expect((inGroup.messages as TlObject[]).map(({ id }) => id)).toEqual(
      before
        .filter(({ peer }) => peer.kind === 'chat')
        .map(({ id }) => id)
        .reverse(),
    );
    const page = await history(ana, { _: 'inputPeerChat', chatId: family.id }, { limit: 1 });
    expect(page).toMatchObject({ _: 'messages.messagesSlice', count: 4 });
    const { participants } = (await ana.call({ _: 'messages.getFullChat', chatId: family.id })).fullChat as TlObject;
    expect((participants as TlObject).participants).toHaveLength(2);
    const eva = await listener(EVA);
    expect(await history(eva, { _: 'inputPeerChat', chatId: family.id })).toMatchObject(failed(400, 'CHAT_ID_INVALID'));
    const found = await ana.call({ _: 'messages.getMessages', id: [1, 99].map((id) => ({ _: 'inputMessageID', id })) });
    expect(names(found.messages)).toEqual(['message', 'messageEmpty']);
  });

  it('move pts of both sides, each in its own count, and tell all sessions of both', async () => {
    const [ana, ana2, eva] = [await listener(ANA), await listener(ANA), await listener(EVA)];
    const [own, hers] = [await ana.call({ _: 'updates.getState' }), await eva.call({ _: 'updates.getState' })];
    const { users } = await dialogs(ana);
    const { id: userId, accessHash } = (users as TlObject[]).find(({ firstName }) => firstName === 'Eva') as TlObject;
    const peer = { _: 'inputPeerUser', userId, accessHash };
    const sent = await ana.call({ _: 'messages.sendMessage', peer, message: 'olá', randomId: 2 });
    expect(sent).toMatchObject({ _: 'updateShortSentMessage', pts: (own.pts as number) + 1, ptsCount: 1, out: true });
    expect(await pushedUpdate(eva, 'updateNewMessage')).toMatchObject({
      pts: (hers.pts as number) + 1,
      ptsCount: 1,
      message: { message: 'olá', peerId: { _: 'peerUser', userId: BigInt(house.info.accounts[0]?.userId ?? 0) } },
    });
    expect(await pushedUpdate(ana2, 'updateNewMessage')).toMatchObject({ pts: (own.pts as number) + 1, message: { out: true } });
    expect(ana.received.some(({ object }) => object._ === 'updates')).toBe(false);
    await house.control.tell('editMessage', { phone: ANA, messageId: sent.id as number, text: 'adeus' });
    expect(await pushedUpdate(eva, 'updateEditMessage')).toMatchObject({ message: { message: 'adeus' } });
    await house.control.tell('pinMessage', { phone: ANA, messageId: sent.id as number });
    expect(await pushedUpdate(eva, 'updatePinnedMessages')).toMatchObject({ pinned: true, pts: (hers.pts as number) + 3 });
    const gone = await ana.call({ _: 'messages.deleteMessages', revoke: true, id: [sent.id as number, 9_999] });
    expect(gone).toMatchObject({ _: 'messages.affectedMessages', pts: (own.pts as number) + 4, ptsCount: 1 });
    expect(await pushedUpdate(eva, 'updateDeleteMessages')).toMatchObject({ pts: (hers.pts as number) + 4 });
    expect(
      await ana.call({ _: 'messages.sendMessage', peer: { ...peer, accessHash: 1n }, message: 'x', randomId: 3 }),
    ).toMatchObject(failed(400, 'PEER_ID_INVALID'));
  });

  it('come in short forms where a test wants them', async () => {
    const [ana, rui] = [await listener(ANA), await listener(RUI)];
    await house.control.tell('message', { from: RUI, to: ANA, text: 'short', form: 'short' });
    expect(await pushedUpdate(ana, 'updateShortMessage')).toMatchObject({ message: 'short', ptsCount: 1 });
    expect(await pushedUpdate(rui, 'updateShortMessage')).toMatchObject({ out: true });
    const { pts } = await house.control.tell('message', { from: RUI, group: 'Family', text: 'all of you', form: 'short' });
    expect(await pushedUpdate(rui, 'updateShortChatMessage')).toMatchObject({ pts, message: 'all of you' });
    expect(await pushedUpdate(ana, 'updateShortChatMessage')).toMatchObject({ message: 'all of you' });
    await expect(house.control.tell('message', { from: RUI, group: 'Nobody', text: '' })).rejects.toThrow('no group Nobody');
  });

  it('tell afterwards what was missed: in slices, each message as it is now', async () => {
    const ana = await listener(ANA);
    const state = await ana.call({ _: 'updates.getState' });
    const ids: number[] = [];
    for (let index = 0; index < 12; index++) {
      const to = index % 2 === 0 ? { to: EVA } : { group: 'Family' };
      ids.push((await house.control.tell('message', { from: ANA, ...to, text: `missed ${index}` })).id);
    }
    await house.control.tell('editMessage', { phone: ANA, messageId: ids[0] ?? 0, text: 'changed' });
    await house.control.tell('deleteMessages', { phone: ANA, ids: [ids[1] ?? 0, ids[2] ?? 0], everywhere: true });
    await house.control.tell('limits', { differenceSlice: 5 });
    const texts = new Map<unknown, unknown>();
    const deleted: unknown[] = [];
    let current = state;
    let slices = 0;
    for (let answer = await difference(ana, current); ; answer = await difference(ana, current)) {
      for (const { id, message } of answer.newMessages as TlObject[]) texts.set(id, message);
      for (const update of answer.otherUpdates as TlObject[]) {
        if (update._ === 'updateDeleteMessages') deleted.push(...(update.messages as number[]));
        if (update._ === 'updateEditMessage') texts.set((update.message as TlObject).id, (update.message as TlObject).message);
      }
      slices++;
      current = (answer.intermediateState ?? answer.state) as TlObject;
      if (answer._ === 'updates.difference') break;
      expect(answer._).toBe('updates.differenceSlice');
    }
    await house.control.tell('limits', { differenceSlice: 100 });
    expect(slices).toBe(3);
    expect(deleted).toEqual([ids[1], ids[2]]);
    const { messages, pts } = await house.control.tell('inbox', { phone: ANA });
    const wanted = messages.filter(({ id }) => ids.includes(id)).map(({ id, text }) => [id, text]);
    expect([...texts]).toEqual(wanted);
    expect(wanted[0]?.[1]).toBe('changed');
    expect(current.pts).toBe(pts);
    expect(await difference(ana, current, { date: (current.date as number) + 1_000 })).toMatchObject({
      _: 'updates.differenceEmpty',
    });
    expect(await difference(ana, { ...current, pts: pts + 1 })).toMatchObject(failed(400, 'PERSISTENT_TIMESTAMP_INVALID'));
    expect(await difference(ana, { ...current, pts: 0 })).toMatchObject(failed(400, 'PERSISTENT_TIMESTAMP_EMPTY'));
    expect(await difference(ana, { ...current, date: 0 })).toMatchObject(failed(400, 'DATE_EMPTY'));
    expect(await difference(ana, state, { ptsTotalLimit: 3 })).toMatchObject({ _: 'updates.differenceTooLong', pts });
    expect(await difference(ana, state, { ptsLimit: 2 })).toMatchObject({
      _: 'updates.differenceSlice',
      intermediateState: { pts: (state.pts as number) + 2 },
    });
    await house.control.tell('forget', { phone: ANA });
    expect(await difference(ana, state)).toMatchObject({ _: 'updates.differenceTooLong', pts });
  });

  it('count secret messages in qts and notices in seq, pushed and missed alike', async () => {
    const ana = await listener(ANA);
    const state = await ana.call({ _: 'updates.getState' });
    const bytes = Buffer.from('sealed').toString('base64');
    const { qts } = await house.control.tell('secret', { phone: ANA, bytes });
    expect(qts).toBe((state.qts as number) + 1);
    expect(await pushedUpdate(ana, 'updateNewEncryptedMessage')).toMatchObject({
      qts,
      message: { bytes: Buffer.from('sealed') },
    });
    const { seq } = await house.control.tell('notify', { phone: ANA, texts: ['one'] });
    expect(seq).toBe((state.seq as number) + 1);
    await house.control.tell('notify', { phone: ANA, texts: ['two', 'three'] });
    await ana.until(({ object }) => object._ === 'updatesCombined');
    expect(ana.received.flatMap(({ object }) => (object.seq ? [[object._, object.seqStart, object.seq]] : []))).toEqual([
      ['updates', undefined, seq],
      ['updatesCombined', seq + 1, seq + 2],
    ]);
    const missed = await difference(ana, state);
    expect(missed).toMatchObject({ newEncryptedMessages: [{ date: expect.any(Number) }], state: { qts, seq: seq + 2 } });
    const notices = (missed.otherUpdates as TlObject[]).filter(({ _ }) => _ === 'updateServiceNotification');
    expect(notices.map(({ message }) => message)).toEqual(['one', 'two', 'three']);
    expect(await difference(ana, { ...state, qts })).toMatchObject({ newEncryptedMessages: [] });
  });

  it('are as they were after kill -9', async () => {
    const before = await house.control.tell('inbox', { phone: ANA });
    await house.restart();
    expect(await house.control.tell('inbox', { phone: ANA })).toEqual(before);
  });
});

describe('a world of 500 accounts', () => {
  it('starts at once, and each can log in', async () => {
    const started = performance.now();
    const many = await House.open({
      accounts: [{ phone: '15551000000', code: '12345', count: 500, channels: ['only_one'] }],
      channels: [{ username: 'only_one', title: 'One', messages: 1_000 }],
    });
    try {
      console.info(`500 accounts: listening after ${Math.round(performance.now() - started)} ms`);
      const { accounts } = many.info;
      expect(accounts).toHaveLength(500);
      expect(new Set(accounts.map(({ userId }) => userId)).size).toBe(500);
      expect(accounts.at(-1)).toMatchObject({ phone: '15551000499' });
      const client = gramjsClient(many.info);
      expect(await client.connect()).toBe(true);
      expect((await logIn(client, many.info, accounts[499])).firstName).toBe('Account 500');
      expect((await client.invoke(new Api.updates.GetState())).pts).toBe(1);
      await client.destroy();
      const last = await many.rawLogin('15551000250');
      expect((await dialogs(last)).chats).toHaveLength(1);
    } finally {
      await many.close();
    }
  }, 30_000);
});
