import type { TelegramClient } from 'telegram/client/TelegramClient.js';
import { Raw } from 'telegram/events/index.js';
import { returnBigInt } from 'telegram/Helpers.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, givePassword, inputChannel, inputPeer, logIn, resolve } from './gramjs-client.ts';
import { House } from './house.ts';

const ANA = '351900000001';
const RUI = '351900000002';
const AWAY = '351900000003';
const WORLD = {
  accounts: [
    { phone: ANA, code: '11111', firstName: 'Ana' },
    { phone: RUI, code: '22222', firstName: 'Rui' },
    { phone: AWAY, code: '33333', firstName: 'Away', dc: 4, password: 'secret' },
  ],
  channels: [
    { username: 'news', title: 'News', messages: 5 },
    { username: 'group_chat', title: 'Group', messages: 5, kind: 'supergroup' },
  ],
  groups: [{ title: 'Family', members: [ANA, RUI], messages: 4 }],
  chats: [{ members: [ANA, RUI], messages: 3 }],
};

let house: House;
let ana: TelegramClient;
const heard: { readonly className: string }[] = [];
const wakes = new Set<() => void>();

beforeAll(async () => {
  house = await House.open(WORLD);
  ana = await house.gramjs();
  await logIn(ana, house.info, house.info.accounts[0]);
  ana.addEventHandler((update: Api.TypeUpdate) => {
    heard.push(update);
    for (const wake of wakes) wake();
    wakes.clear();
  }, new Raw({}));
});
afterAll(() => house.close());

async function hears<T>(kind: abstract new (...args: never[]) => T): Promise<T> {
  for (;;) {
    const found = heard.find((update) => update instanceof kind);
    if (found !== undefined) return found as unknown as T;
    await new Promise<void>((wake) => wakes.add(wake));
  }
}

/** What the raw client reads with the server's own codec, read by one that shares nothing with it. */
describe('unmodified GramJS', () => {
  it('reads whatever is pushed', async () => {
    const { control } = house;
    const { id } = await control.tell('message', { from: RUI, to: ANA, text: 'olá' });
    expect(((await hears(Api.UpdateNewMessage)).message as Api.Message).message).toBe('olá');
    await control.tell('message', { from: RUI, to: ANA, text: 'short', form: 'short', replyToId: id });
    const short = await hears(Api.UpdateShortMessage);
    expect(short).toMatchObject({ message: 'short', ptsCount: 1 });
    expect((short.replyTo as Api.MessageReplyHeader).replyToMsgId).toBe(short.id - 1);
    await control.tell('message', { from: RUI, group: 'Family', text: 'all', form: 'short' });
    expect((await hears(Api.UpdateShortChatMessage)).message).toBe('all');
    await control.tell('editMessage', { phone: RUI, messageId: id, text: 'changed' });
    expect(((await hears(Api.UpdateEditMessage)).message as Api.Message).message).toBe('changed');
    await control.tell('pinMessage', { phone: RUI, messageId: id });
    expect((await hears(Api.UpdatePinnedMessages)).pinned).toBe(true);
    await control.tell('deleteMessages', { phone: RUI, ids: [id], everywhere: true });
    expect((await hears(Api.UpdateDeleteMessages)).messages).toHaveLength(1);
    await control.tell('secret', { phone: ANA, bytes: 'c2VhbGVk' });
    expect((await hears(Api.UpdateNewEncryptedMessage)).qts).toBe(1);
    await control.tell('notify', { phone: ANA, texts: ['one', 'two'] });
    expect((await hears(Api.UpdateServiceNotification)).message).toBe('one');
    const post = await control.tell('post', { channel: 'news', text: 'post' });
    await control.tell('pin', { channel: 'news', messageId: post.id });
    expect((await hears(Api.UpdatePinnedChannelMessages)).messages).toEqual([post.id]);
    await control.tell('views', { channel: 'news', messageId: post.id, views: 77 });
    expect((await hears(Api.UpdateChannelMessageViews)).views).toBe(77);
    await control.tell('channelTooLong', { channel: 'news' });
    expect((await hears(Api.UpdateChannelTooLong)).pts).toBe(post.pts + 1);
    await control.tell('tooLong', { phone: ANA });
    await hears(Api.UpdatesTooLong);
  });

  it('reads what it missed', async () => {
    const difference = await ana.invoke(new Api.updates.GetDifference({ pts: 8, date: 1, qts: 0 }));
    const whole = difference as Api.updates.Difference;
    expect(whole).toBeInstanceOf(Api.updates.Difference);
    expect(whole.newMessages.map((message) => (message as Api.Message).message)).toEqual(['short', 'all']);
    expect(whole.newEncryptedMessages).toHaveLength(1);
    expect(whole.otherUpdates.map(({ className }) => className)).toEqual([
      'UpdatePinnedMessages',
      'UpdateDeleteMessages',
      'UpdateServiceNotification',
      'UpdateServiceNotification',
      'UpdateChannelTooLong',
    ]);
    const { pts, seq, qts } = whole.state;
    expect([pts, seq, qts]).toEqual([14, 3, 1]);
    const slice = await ana.invoke(new Api.updates.GetDifference({ pts: 8, date: 1, qts: 0, ptsLimit: 2 }));
    expect((slice as Api.updates.DifferenceSlice).intermediateState.pts).toBe(10);
    const tooLong = await ana.invoke(new Api.updates.GetDifference({ pts: 8, date: 1, qts: 0, ptsTotalLimit: 2 }));
    expect((tooLong as Api.updates.DifferenceTooLong).pts).toBe(14);
    const news = await resolve(ana, 'news');
    const filter = new Api.ChannelMessagesFilterEmpty();
    const inChannel = (await ana.invoke(
      new Api.updates.GetChannelDifference({ channel: inputChannel(news), filter, pts: 6, limit: 100 }),
    )) as Api.updates.ChannelDifference;
    expect(inChannel.newMessages[0]).toMatchObject({ message: 'post', pinned: true, views: 77 });
    expect(inChannel.otherUpdates.map(({ className }) => className)).toEqual([
      'UpdatePinnedChannelMessages',
      'UpdateChannelMessageViews',
    ]);
  });

  it('reads what it asks for, and writes', async () => {
    const dialogs = [...(await ana.getDialogs({}))].map(({ title }) => title).sort();
    expect(dialogs).toEqual(['Family', 'Group', 'News', 'Rui']);
    const family = (await ana.getDialogs({})).find(({ title }) => title === 'Family')?.entity as Api.Chat;
    const full = await ana.invoke(new Api.messages.GetFullChat({ chatId: family.id }));
    expect((full.fullChat as Api.ChatFull).participants).toBeInstanceOf(Api.ChatParticipants);
    expect((await ana.invoke(new Api.messages.GetChats({ id: [family.id] }))).chats).toHaveLength(1);
    expect(await ana.getMessages(family, { limit: 100 })).toHaveLength(5);
    const sent = await ana.sendMessage(family, { message: 'from GramJS' });
    expect(sent.message).toBe('from GramJS');
    const rui = (await ana.getDialogs({})).find(({ title }) => title === 'Rui')?.inputEntity;
    if (rui === undefined) throw new Error('no dialog with Rui');
    expect((await ana.sendMessage(rui, { message: 'to Rui' })).message).toBe('to Rui');
    const group = await resolve(ana, 'group_chat');
    expect((await ana.sendMessage(inputPeer(group), { message: 'to all' })).message).toBe('to all');
    const news = await resolve(ana, 'news');
    const channel = inputChannel(news);
    await ana.invoke(new Api.channels.LeaveChannel({ channel }));
    expect((await resolve(ana, 'news')).left).toBe(true);
    await ana.invoke(new Api.channels.JoinChannel({ channel }));
    const peers = [new Api.InputDialogPeer({ peer: inputPeer(news) })];
    expect((await ana.invoke(new Api.messages.GetPeerDialogs({ peers }))).dialogs).toHaveLength(1);
    const views = await ana.invoke(new Api.messages.GetMessagesViews({ peer: inputPeer(news), id: [1], increment: false }));
    expect(views.views).toHaveLength(1);
    expect(await ana.invoke(new Api.messages.ReceivedQueue({ maxQts: 1 }))).toEqual([]);
  });

  it('manages its logins', async () => {
    const other = await house.gramjs();
    await logIn(other, house.info, house.info.accounts[0]);
    const { authorizations } = await ana.invoke(new Api.account.GetAuthorizations());
    expect(authorizations.map(({ current }) => current === true)).toEqual([true, false]);
    const hash = authorizations[1]?.hash ?? returnBigInt(0);
    expect(await ana.invoke(new Api.account.ResetAuthorization({ hash }))).toBe(true);
    await expect(other.invoke(new Api.updates.GetState())).rejects.toMatchObject({ errorMessage: 'SESSION_REVOKED' });
  });

  it('resends and cancels codes', async () => {
    const client = await house.gramjs();
    const settings = new Api.CodeSettings({});
    const sent = (await client.invoke(
      new Api.auth.SendCode({ phoneNumber: RUI, apiId: 1, apiHash: 'hash', settings }),
    )) as Api.auth.SentCode;
    expect(sent.nextType).toBeInstanceOf(Api.auth.CodeTypeSms);
    const again = (await client.invoke(
      new Api.auth.ResendCode({ phoneNumber: RUI, phoneCodeHash: sent.phoneCodeHash }),
    )) as Api.auth.SentCode;
    expect(again.type).toBeInstanceOf(Api.auth.SentCodeTypeSms);
    const cancel = new Api.auth.CancelCode({ phoneNumber: RUI, phoneCodeHash: again.phoneCodeHash });
    expect(await client.invoke(cancel)).toBe(true);
  });

  it('logs in by QR, at the other data centre, with a password', async () => {
    const client = await house.gramjs();
    const ask = (): Promise<Api.auth.TypeLoginToken> =>
      client.invoke(new Api.auth.ExportLoginToken({ apiId: 1, apiHash: 'hash', exceptIds: [] }));
    const shown = (await ask()) as Api.auth.LoginToken;
    expect(shown.token).toHaveLength(32);
    await house.control.tell('acceptToken', { phone: AWAY, token: shown.token.toString('base64url') });
    const migrate = (await ask()) as Api.auth.LoginTokenMigrateTo;
    expect(migrate.dcId).toBe(4);
    await client._switchDC(migrate.dcId);
    await expect(client.invoke(new Api.auth.ImportLoginToken({ token: migrate.token }))).rejects.toMatchObject({
      errorMessage: 'SESSION_PASSWORD_NEEDED',
    });
    expect((await givePassword(client, 'secret')).firstName).toBe('Away');
    expect((await client.invoke(new Api.updates.GetState())).pts).toBe(1);
  });

  it('accepts the QR code of another', async () => {
    const client = await house.gramjs();
    const ask = (): Promise<Api.auth.TypeLoginToken> =>
      client.invoke(new Api.auth.ExportLoginToken({ apiId: 1, apiHash: 'hash', exceptIds: [] }));
    const { token } = (await ask()) as Api.auth.LoginToken;
    expect((await ana.invoke(new Api.auth.AcceptLoginToken({ token }))).appVersion).not.toBe('');
    const success = (await ask()) as Api.auth.LoginTokenSuccess;
    expect(((success.authorization as Api.auth.Authorization).user as Api.User).firstName).toBe('Ana');
  });

  it('borrows a connection to the other data centre with an exported authorisation', async () => {
    const sender = await ana.getSender(4);
    const nearest = await ana.invokeWithSender(new Api.help.GetNearestDc(), sender);
    expect(nearest.thisDc).toBe(4);
    await sender.disconnect();
  });
});
