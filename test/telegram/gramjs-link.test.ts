import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { TALES_ID, TelegramHouse } from './telegram-house.ts';

const T0 = 1_700_000_000;

let house: TelegramHouse;

beforeAll(async () => {
  house = await TelegramHouse.start();
});
afterEach(async () => {
  await house.closeLinks();
});
afterAll(async () => {
  await house.close();
});

/** Asks as fast as the answers come; the test's own time-out bounds it. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a link that works', () => {
  test('logs in, keeps a session, and resumes it without a login', async () => {
    const first = await house.loggedIn();
    const session = first.link.session();
    expect(session.length).toBeGreaterThan(300);
    await first.link.close();
    const { calls } = await house.control.tell('stats', {});
    const second = house.open(session);
    await second.link.connect();
    expect(await second.link.state()).toMatchObject({ box: 'account', pts: expect.any(Number), date: expect.any(Number) });
    await second.link.ping();
    expect((await house.control.tell('stats', {})).calls['auth.signIn']).toBe(calls['auth.signIn']);
    expect(second.link.session()).toBe(session);
  });

  test('is not logged in with a new key', async () => {
    const { link } = house.open();
    await link.connect();
    await expect(link.state()).rejects.toEqual(code('TELEGRAM_REAUTH'));
    await expect(link.signIn(house.account.phone, 'no hash', '00000')).rejects.toEqual(code('TELEGRAM_REFUSED'));
  });

  test('finds a channel by name, in any spelling, and by id once it was met', async () => {
    const { link } = await house.loggedIn();
    await expect(link.history(TALES_ID, 0, 10)).rejects.toEqual(code('CHANNEL_NOT_FOUND'));
    const { channel, entity } = await link.resolve({ kind: 'username', username: 'TALES' });
    expect(channel).toMatchObject({ chatId: TALES_ID, username: 'tales', title: 'Tales', kind: 'channel' });
    expect(entity).toMatchObject({ peerId: TALES_ID, accessHash: expect.stringMatching(/^-?\d+$/), username: 'tales' });
    expect((await link.resolve({ kind: 'id', chatId: TALES_ID })).channel).toMatchObject({ chatId: TALES_ID });
    expect((await link.fullChannel(TALES_ID)).channel).toMatchObject({ participants: expect.any(Number) });
    await expect(link.resolve({ kind: 'username', username: 'nobody_here' })).rejects.toEqual(code('CHANNEL_NOT_FOUND'));
  });

  test('knows the channels whose access hashes were stored', async () => {
    const first = await house.loggedIn();
    const { entity } = await first.link.resolve({ kind: 'username', username: 'tales' });
    const again = house.open(first.link.session(), systemClock, [entity]);
    await first.link.close();
    await again.link.connect();
    expect((await again.link.history(TALES_ID, 0, 3)).messages).toHaveLength(3);
  });

  test('lists the channels of the dialogs', async () => {
    const { link } = await house.loggedIn();
    expect((await link.dialogs()).map(({ channel }) => channel.chatId)).toContain(TALES_ID);
  });

  test('reads history newest first, by pages, until an empty one', async () => {
    const { link } = await house.loggedIn();
    await link.dialogs();
    const ids: number[] = [];
    for (;;) {
      const page = await link.history(TALES_ID, ids.at(-1) ?? 0, 4);
      expect(page.total).toBe(10);
      if (page.messages.length === 0) break;
      ids.push(...page.messages.map(({ id }) => id));
    }
    expect(ids).toEqual([25, 22, 19, 16, 13, 10, 6, 5, 2, 1]);
  });

  test('keeps nothing of what was answered, however long it lives', async () => {
    // V8 has it only on demand; a context of its own is how one gets it after the start.
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { link } = await house.loggedIn();
    await link.dialogs();
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => new WeakRef((await link.history(TALES_ID, 0, 4)).messages)),
    );
    // The last request may still lie in the buffers of the client: later ones take its place.
    await link.ping();
    await until(async () => {
      await link.ping();
      collectGarbage();
      return answers.every((answer) => answer.deref() === undefined);
    });
  });

  test('converts texts, entities, edits, replies, media and service messages', async () => {
    const { link } = await house.loggedIn();
    await link.dialogs();
    const { messages } = await link.history(TALES_ID, 10, 10);
    expect(messages).toMatchObject([
      { id: 6, kind: 'message', text: 'a picture', media: 'Photo' },
      { id: 5, text: 'edited answer', editDate: T0 + 50, replyToId: 2, media: null },
      {
        id: 2,
        chatId: TALES_ID,
        date: T0 + 2,
        editDate: null,
        pts: 0,
        kind: 'message',
        text: '🌍 olá negrito e aqui #tagx = 1👍',
        replyToId: null,
      },
      { id: 1, kind: 'service', text: '', entities: [], date: T0, raw: { action: { _: 'MessageActionChannelCreate' } } },
    ]);
    const text = messages[2]?.text ?? '';
    const parts = messages[2]?.entities.map(({ offset, length, ...rest }) => ({
      ...rest,
      text: text.slice(offset, offset + length),
    }));
    expect(parts).toEqual([
      { type: 'bold', text: 'negrito' },
      { type: 'text_link', text: 'aqui', url: 'https://example.org/a?b=1' },
      { type: 'hashtag', text: '#tag' },
      { type: 'pre', text: 'x = 1', language: 'python' },
      { type: 'custom_emoji', text: '👍', customEmojiId: '5368324170671202286' },
    ]);
    expect(JSON.parse(JSON.stringify(messages))).toEqual(messages);
  });

  test('tells posts, edits and deletions as they are pushed, with their pts', async () => {
    const { link, updates, until } = await house.loggedIn();
    await link.dialogs();
    const post = await house.control.tell('post', { channel: 'tales', text: 'pushed' });
    const edit = await house.control.tell('edit', { channel: 'tales', messageId: post.id, text: 'pushed, edited' });
    const gone = await house.control.tell('delete', { channel: 'tales', ids: [post.id] });
    await until(3);
    expect(updates).toMatchObject([
      { type: 'message', edited: false, pts: post.pts, ptsCount: 1, message: { id: post.id, text: 'pushed', pts: post.pts } },
      {
        type: 'message',
        edited: true,
        pts: edit.pts,
        ptsCount: 1,
        message: { text: 'pushed, edited', editDate: edit.editDate, pts: edit.pts },
      },
      { type: 'deleted', chatId: TALES_ID, ids: [post.id], pts: gone.pts, ptsCount: 1 },
    ]);
  });
});

describe('a call that Telegram refuses', () => {
  test.each([
    [420, 'FLOOD_WAIT_33', 'TELEGRAM_FLOOD', 33_000],
    [420, 'FLOOD_PREMIUM_WAIT_7', 'TELEGRAM_FLOOD', 7_000],
    [420, 'SLOWMODE_WAIT_5', 'TELEGRAM_FLOOD', 5_000],
    [420, 'TAKEOUT_INIT_DELAY_86400', 'TELEGRAM_FLOOD', 86_400_000],
    [400, 'PEER_FLOOD', 'TELEGRAM_LIMITED', undefined],
    [500, 'INTERNAL', 'TELEGRAM_TRANSIENT', undefined],
    [500, 'RPC_CALL_FAIL', 'TELEGRAM_TRANSIENT', undefined],
    [500, 'AUTH_RESTART', 'TELEGRAM_TRANSIENT', undefined],
    [-503, 'Timeout', 'TELEGRAM_TRANSIENT', undefined],
    [401, 'AUTH_KEY_UNREGISTERED', 'TELEGRAM_REAUTH', undefined],
    [401, 'SESSION_REVOKED', 'TELEGRAM_REAUTH', undefined],
    [401, 'USER_DEACTIVATED_BAN', 'TELEGRAM_DEACTIVATED', undefined],
    [401, 'SESSION_PASSWORD_NEEDED', 'TELEGRAM_REAUTH', undefined],
    [406, 'AUTH_KEY_DUPLICATED', 'TELEGRAM_KEY_DUPLICATED', undefined],
    [400, 'CHANNEL_PRIVATE', 'CHANNEL_NOT_FOUND', undefined],
    [400, 'MSG_ID_INVALID', 'TELEGRAM_REFUSED', undefined],
    [400, 'CONNECTION_NOT_INITED', 'TELEGRAM_GENERATION', undefined],
  ] as const)('with %d %s throws %s, after one call', async (errorCode, message, expected, retryAfterMs) => {
    const { link, downs } = await house.loggedIn();
    await link.dialogs();
    const method = 'messages.getHistory';
    const before = (await house.control.tell('stats', {})).calls[method] ?? 0;
    await house.control.tell('fail', { method, code: errorCode, message, times: 1 });
    const error = await link.history(TALES_ID, 0, 10).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    await house.control.tell('fail', { method, code: 0, message: '', times: 0 });
    expect(error).toMatchObject({ code: expected, retryAfterMs });
    expect((error as Error).message).toContain('etHistory');
    expect((await house.control.tell('stats', {})).calls[method]).toBe(before + 1);
    // The link itself is as good as before.
    expect((await link.history(TALES_ID, 0, 2)).messages).toHaveLength(2);
    expect(downs).toEqual([]);
  });

  test('does not take the calls beside it with it', async () => {
    const { link } = await house.loggedIn();
    await link.dialogs();
    const calls = Array.from({ length: 24 }, (_, index) =>
      index % 3 === 0
        ? link.resolve({ kind: 'username', username: `nobody_${index}` }).then(
            () => 'found',
            (error: { code: string }) => error.code,
          )
        : link.history(TALES_ID, 0, 1).then(({ messages }) => messages.length),
    );
    expect(await Promise.all(calls)).toEqual(
      Array.from({ length: 24 }, (_, index) => (index % 3 === 0 ? 'CHANNEL_NOT_FOUND' : 1)),
    );
  });
});

describe('a link that breaks', () => {
  test('says so once, and its calls in flight are over', async () => {
    const { link, downs, down } = await house.loggedIn();
    await link.dialogs();
    await house.control.tell('delay', { method: 'messages.getHistory', delayMs: 60_000 });
    const calls = [link.history(TALES_ID, 0, 1), link.history(TALES_ID, 0, 2)];
    const endings = Promise.all(calls.map((call) => call.catch((error: { code: string }) => error.code)));
    await link.ping();
    await house.control.tell('drop', {});
    await down;
    expect(await endings).toEqual(['TELEGRAM_OFFLINE', 'TELEGRAM_OFFLINE']);
    await expect(link.ping()).rejects.toEqual(code('TELEGRAM_OFFLINE'));
    await expect(link.history(TALES_ID, 0, 1)).rejects.toEqual(code('TELEGRAM_OFFLINE'));
    await link.close();
    expect(downs).toHaveLength(1);
    await house.control.tell('delay', { method: 'messages.getHistory', delayMs: 0 });
  });

  test('never opens a second connection, dropped, closed or both', async () => {
    const one = await house.loggedIn();
    const two = await house.loggedIn();
    const { accepted } = await house.control.tell('stats', {});
    await two.link.close();
    await house.control.tell('drop', {});
    await one.down;
    await one.link.close();
    // GramJS by itself would be back after a second: that nothing comes can only be waited for.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await house.control.tell('stats', {})).toMatchObject({ accepted, connections: 0 });
    expect(two.downs).toEqual([]);
  });

  test('tells nothing more after it was closed', async () => {
    const { link, downs, updates } = await house.loggedIn();
    await link.dialogs();
    await link.close();
    await house.control.tell('post', { channel: 'tales', text: 'too late' });
    await house.control.tell('drop', {});
    await expect(link.dialogs()).rejects.toEqual(code('TELEGRAM_OFFLINE'));
    expect([downs, updates]).toEqual([[], []]);
  });

  test('closes though it was never opened, and twice, and does not open then', async () => {
    const { accepted } = await house.control.tell('stats', {});
    const { link } = house.open();
    await link.close();
    await link.close();
    await expect(link.connect()).rejects.toEqual(code('TELEGRAM_OFFLINE'));
    // A connection that was being opened would arrive before that of a later link.
    await house.loggedIn();
    expect((await house.control.tell('stats', {})).accepted).toBe(accepted + 1);
  });

  test.each(['before', 'after'])(
    'closed while it connects, %s the server has accepted, leaves no connection behind',
    async (moment) => {
      const { accepted } = await house.control.tell('stats', {});
      await house.control.tell('freeze', {});
      const { link } = house.open();
      const ending = link.connect().catch((error: unknown) => error);
      if (moment === 'after') await until(async () => (await house.control.tell('stats', {})).accepted > accepted);
      await link.close();
      expect(await ending).toEqual(code('TELEGRAM_OFFLINE'));
      await house.control.tell('thaw', {});
      // Whatever was sent before the close has arrived by then.
      const { link: later } = await house.loggedIn();
      await later.close();
      await until(async () => (await house.control.tell('stats', {})).connections === 0);
    },
  );

  test('a call without an answer ends after 10 s, a ping too', async () => {
    const clock = new VirtualClock();
    const { link, downs } = await house.loggedIn(clock);
    await link.dialogs();
    await house.control.tell('freeze', {});
    const endings = [link.history(TALES_ID, 0, 1), link.ping()].map((call) => call.catch((error: unknown) => error));
    await clock.advance(9_999);
    const early = await Promise.race([...endings, Promise.resolve('nothing yet')]);
    expect(early).toBe('nothing yet');
    await clock.advance(1);
    expect(await Promise.all(endings)).toEqual([code('TELEGRAM_TIMEOUT'), code('TELEGRAM_TIMEOUT')]);
    expect(downs).toEqual([]);
    await house.control.tell('thaw', {});
  });

  test('a server that accepts and says nothing is given up after 20 s', async () => {
    const clock = new VirtualClock();
    await house.control.tell('freeze', {});
    const { link } = house.open('', clock);
    const ending = link.connect().catch((error: unknown) => error);
    await clock.advance(20_000);
    expect(await ending).toEqual(code('TELEGRAM_TIMEOUT'));
    await link.close();
    await house.control.tell('thaw', {});
  });

  test('a server that is not there is offline', async () => {
    const gone = await TelegramHouse.start();
    await gone.simulator.kill();
    const { link, downs } = gone.open();
    await expect(link.connect()).rejects.toEqual(code('TELEGRAM_OFFLINE'));
    expect(downs.length).toBeLessThanOrEqual(1);
    await gone.close();
  });
});

describe('a login that is gone', () => {
  test('a revoked session: calls and the state say so, pings do not', async () => {
    const { link } = await house.loggedIn();
    const session = link.session();
    await house.control.tell('revoke', { phone: house.account.phone });
    await link.ping();
    await expect(link.dialogs()).rejects.toEqual(code('TELEGRAM_REAUTH'));
    await link.close();
    const again = house.open(session);
    await again.link.connect();
    await expect(again.link.state()).rejects.toEqual(code('TELEGRAM_REAUTH'));
  });

  test('a forgotten key: the link is down, and the next one does not open', async () => {
    const { link, down } = await house.loggedIn();
    const session = link.session();
    await house.control.tell('revoke', { phone: house.account.phone, forgetKeys: true });
    await link.ping().catch(() => {});
    await down;
    const again = house.open(session);
    await expect(again.link.connect()).rejects.toEqual(code('TELEGRAM_KEY_UNKNOWN'));
    expect(again.downs).toEqual([code('TELEGRAM_KEY_UNKNOWN')]);
  });
});
