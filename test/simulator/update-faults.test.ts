import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { House, names, pushedUpdate } from './house.ts';
import type { RawClient } from './raw-client.ts';

const PHONE = '351900000001';
const WORLD = {
  accounts: [{ phone: PHONE, code: '11111' }],
  channels: [{ username: 'news', title: 'News', messages: 20 }],
};
const channel = 'news';

let house: House;
const listeners: RawClient[] = [];
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());
// A script counts the pushes to every session: whoever listened before must not take part in it.
afterEach(async () => {
  for (const client of listeners) client.end();
  await Promise.all(listeners.splice(0).map((client) => client.untilClosed()));
});

const failed = (errorCode: number, errorMessage: string): object => ({ _: 'rpc_error', errorCode, errorMessage });

async function listener(): Promise<RawClient> {
  const client = await house.rawLogin(PHONE);
  await client.call({ _: 'updates.getState' });
  listeners.push(client);
  return client;
}

async function inputChannel(client: RawClient): Promise<TlObject> {
  const { chats } = await client.call({ _: 'contacts.resolveUsername', username: channel });
  const [{ id, accessHash }] = chats as [TlObject];
  return { _: 'inputChannel', channelId: id, accessHash };
}

async function difference(client: RawClient, pts: number, limit = 100): Promise<TlObject> {
  const filter = { _: 'channelMessagesFilterEmpty' };
  return client.call({ _: 'updates.getChannelDifference', channel: await inputChannel(client), filter, pts, limit });
}

const post = async (text: string): Promise<number> => (await house.control.tell('post', { channel, text })).id;
const ptsNow = async (): Promise<number> => (await house.control.tell('channels', {}))[0]?.pts ?? 0;
const texts = (client: RawClient): unknown[] =>
  client.received.flatMap(({ object }) =>
    object._ === 'updates'
      ? (object.updates as TlObject[]).flatMap(({ message }) => (message === undefined ? [] : [(message as TlObject).message]))
      : [],
  );

describe('pushed updates', () => {
  it('come in order, none left out and none twice, as long as nothing spoils them', async () => {
    const clients = [await listener(), await listener()];
    const pts = await ptsNow();
    await Promise.all(Array.from({ length: 300 }, (_, index) => post(`${index}`)));
    for (const client of clients) {
      await pushedUpdate(client, 'updateNewChannelMessage', 299);
      const found = client.received.flatMap(({ object }) => (object._ === 'updates' ? (object.updates as TlObject[]) : []));
      expect(found.map((update) => update.pts)).toEqual(Array.from({ length: 300 }, (_, index) => pts + 1 + index));
    }
  });

  it('are lost, doubled and swapped by a script', async () => {
    const client = await listener();
    const before = await house.control.tell('faults', {});
    await house.control.tell('faults', { script: ['drop', 'duplicate', 'hold', 'pass'] });
    for (const text of ['lost', 'twice', 'late', 'early', 'last']) await post(text);
    await client.until(() => texts(client).includes('last'));
    expect(texts(client)).toEqual(['twice', 'twice', 'early', 'late', 'last']);
    const after = await house.control.tell('faults', {});
    expect([after.drop - before.drop, after.duplicate - before.duplicate, after.hold - before.hold]).toEqual([1, 1, 1]);
  });

  it('come after a while where none follows the one that was held back', async () => {
    const client = await listener();
    await house.control.tell('faults', { script: ['hold'] });
    await post('alone');
    await client.until(() => texts(client).includes('alone'));
  });

  it('are spoilt by chance, the same for the same seed', async () => {
    const client = await listener();
    const runs: unknown[][] = [];
    for (const run of [0, 1]) {
      client.received.length = 0;
      await house.control.tell('faults', { rates: { drop: 0.2, duplicate: 0.2, hold: 0.2, seed: 7 } });
      for (let index = 0; index < 40; index++) await post(`${index}`);
      await house.control.tell('faults', { rates: { drop: 0, duplicate: 0, hold: 0, seed: 7 } });
      await post(`end ${run}`);
      await client.until(() => texts(client).includes(`end ${run}`));
      runs.push(texts(client).filter((text) => !String(text).startsWith('end')));
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(new Set(runs[0]).size).toBeLessThan(40);
    expect(runs[0]?.length).toBeGreaterThan(new Set(runs[0]).size);
    expect(runs[0]).not.toEqual([...(runs[0] ?? [])].sort((a, b) => Number(a) - Number(b)));
  });

  it('say that there are too many to say', async () => {
    const client = await listener();
    await house.control.tell('tooLong', { phone: PHONE });
    await client.until(({ object }) => object._ === 'updatesTooLong');
    await house.control.tell('channelTooLong', { channel });
    expect(await pushedUpdate(client, 'updateChannelTooLong')).toMatchObject({ pts: await ptsNow() });
    await house.control.tell('channelTooLong', { channel, withPts: false });
    expect((await pushedUpdate(client, 'updateChannelTooLong', 1)).pts).toBeUndefined();
  });

  it('tell of pins, in order of pts, and of view counts, which have none', async () => {
    const client = await listener();
    const messageId = await post('to be pinned');
    const pts = await ptsNow();
    expect(await house.control.tell('pin', { channel, messageId, announce: true })).toEqual({ pts: pts + 2 });
    expect(await pushedUpdate(client, 'updatePinnedChannelMessages')).toMatchObject({
      pinned: true,
      messages: [messageId],
      pts: pts + 1,
      ptsCount: 1,
    });
    expect(await pushedUpdate(client, 'updateNewChannelMessage', 1)).toMatchObject({
      message: { _: 'messageService', action: { _: 'messageActionPinMessage' }, replyTo: { replyToMsgId: messageId } },
    });
    expect(await house.control.tell('views', { channel, messageId, views: 4_321 })).toEqual({ pts: pts + 2 });
    expect(await pushedUpdate(client, 'updateChannelMessageViews')).toMatchObject({ id: messageId, views: 4_321 });
    await house.control.tell('pin', { channel, messageId, on: false });
    expect((await pushedUpdate(client, 'updatePinnedChannelMessages', 1)).pinned).toBeUndefined();
    await house.control.tell('pin', { channel, messageId });
    await house.restart();
    const [dumped] = await house.control.tell('dump', { channel, after: messageId - 1, limit: 1 });
    expect(dumped).toMatchObject({ id: messageId, pinned: true, views: 4_321 });
    await expect(house.control.tell('pin', { channel, messageId: 9_999 })).rejects.toThrow('no message 9999');
  });
});

describe('differences of a channel', () => {
  it('hold pins, view counts and deletions, in slices that keep to the limit', async () => {
    const client = await listener();
    const pts = await ptsNow();
    const ids = [await post('a'), await post('b'), await post('c')];
    await house.control.tell('views', { channel, messageId: ids[2] ?? 0, views: 9 });
    await house.control.tell('pin', { channel, messageId: ids[0] ?? 0 });
    const [service, old] = await house.control.tell('dump', { channel, limit: 2 });
    const edit = (messageId: number): Promise<unknown> => house.control.tell('edit', { channel, messageId, text: 'edited' });
    await expect(edit(service?.id ?? 0)).rejects.toThrow('is a service message');
    await edit(old?.id ?? 0);
    await house.control.tell('delete', { channel, ids: [ids[1] ?? 0] });
    const first = await difference(client, pts, 3);
    expect(first).toMatchObject({ _: 'updates.channelDifference', pts: pts + 3 });
    expect(first.final).toBeUndefined();
    expect(first.timeout).toBeUndefined();
    expect((first.newMessages as TlObject[]).map(({ id }) => id)).toEqual([ids[0], ids[2]]);
    expect(first.newMessages).toMatchObject([{ pinned: true }, { views: 9 }]);
    expect(names(first.otherUpdates)).toEqual(['updateChannelMessageViews']);
    const second = await difference(client, pts + 3, 100);
    expect(second).toMatchObject({ final: true, timeout: 30, pts: await ptsNow() });
    expect(names(second.otherUpdates)).toEqual([
      'updatePinnedChannelMessages',
      'updateEditChannelMessage',
      'updateDeleteChannelMessages',
    ]);
    const views = await client.call({
      _: 'messages.getMessagesViews',
      peer: { ...(await inputChannel(client)), _: 'inputPeerChannel' },
      id: [ids[2] ?? 0, ids[1] ?? 0],
      increment: false,
    });
    expect(views.views).toEqual([{ _: 'messageViews', views: 9, forwards: 0 }, { _: 'messageViews' }]);
  });

  it('are sliced, and timed, as the server likes', async () => {
    const client = await listener();
    const pts = await ptsNow();
    for (const text of ['a', 'b', 'c']) await post(text);
    await house.control.tell('limits', { channelSlice: 2, pollSeconds: 1 });
    const first = await difference(client, pts, 100);
    expect(first.pts).toBe(pts + 2);
    expect(await difference(client, pts + 2)).toMatchObject({ final: true, timeout: 1 });
    expect(await difference(client, pts + 3)).toMatchObject({ _: 'updates.channelDifferenceEmpty', final: true, timeout: 1 });
    await house.control.tell('limits', { channelSlice: 100, channelDifferenceMost: 2 });
    expect(await difference(client, pts)).toMatchObject({ _: 'updates.channelDifferenceTooLong', dialog: { pts: pts + 3 } });
    await house.control.tell('limits', { channelDifferenceMost: 5_000 });
    expect(await difference(client, pts)).toMatchObject({ _: 'updates.channelDifference' });
    await house.control.tell('forget', { channel });
    expect(await difference(client, pts)).toMatchObject({ _: 'updates.channelDifferenceTooLong', dialog: { pts: pts + 3 } });
    expect(await difference(client, pts + 3)).toMatchObject({ _: 'updates.channelDifferenceEmpty' });
  });

  it('can be out of date', async () => {
    const client = await listener();
    const method = 'updates.getChannelDifference';
    await house.control.tell('fail', { method, code: 500, message: 'PERSISTENT_TIMESTAMP_OUTDATED', times: 1 });
    expect(await difference(client, 21)).toMatchObject(failed(500, 'PERSISTENT_TIMESTAMP_OUTDATED'));
  });
});
