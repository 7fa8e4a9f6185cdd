import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import { type Log, silentLog } from '../../src/log.ts';
import { generatedChannel } from '../../src/simulator/generated-channel.ts';
import { messageObject } from '../../src/simulator/message-view.ts';
import { tl } from '../../src/simulator/tl.ts';
import type { World, WorldChannel, WorldMessage } from '../../src/simulator/world.ts';
import { loadWorld } from '../../src/simulator/world-loader.ts';
import { temporaryFolder } from './simulator-process.ts';

let folder: ReturnType<typeof temporaryFolder>;
let warnings: string[];
let infos: { readonly fields: object; readonly line: string }[];
const log: Log = {
  ...silentLog,
  warn: (fields) => warnings.push(JSON.stringify(fields)),
  info: (fields, line) => infos.push({ fields, line }),
};

beforeEach(() => {
  folder = temporaryFolder();
  warnings = [];
  infos = [];
});
afterEach(() => folder.remove());

function write(name: string, value: unknown): string {
  const path = join(folder.path, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

const chat = (messages: unknown[], more: object = {}): object => ({
  name: 'Chat',
  type: 'public_channel',
  id: 77,
  messages,
  ...more,
});
const post = (id: number, more: object = {}): object => ({
  id,
  type: 'message',
  date_unixtime: '1700000000',
  text: 'x',
  ...more,
});

function messagesOf(channel: WorldChannel | undefined): WorldMessage[] {
  if (channel === undefined) throw new Error('no channel');
  return Array.from({ length: channel.source.size }, (_, index) => channel.source.messageAt(index));
}

/** The only message of a world of one chat with that message. */
function loaded(message: object, more: object = {}): WorldMessage {
  const world = loadWorld(write('one.json', chat([message], more)), log);
  const [found] = messagesOf(world.channels[0]);
  if (found === undefined || world.channels[0] === undefined) throw new Error('no message');
  // Whatever an export says has to fit the wire.
  tl.encode(messageObject(world.channels[0], found));
  return found;
}

describe('messages of an export', () => {
  it.each([
    ['bold', {}, 'messageEntityBold', {}],
    ['italic', {}, 'messageEntityItalic', {}],
    ['underline', {}, 'messageEntityUnderline', {}],
    ['strikethrough', {}, 'messageEntityStrike', {}],
    ['spoiler', {}, 'messageEntitySpoiler', {}],
    ['code', {}, 'messageEntityCode', {}],
    ['pre', { language: 'sql' }, 'messageEntityPre', { language: 'sql' }],
    ['blockquote', {}, 'messageEntityBlockquote', {}],
    ['blockquote', { collapsed: true }, 'messageEntityBlockquote', { collapsed: true }],
    ['link', {}, 'messageEntityUrl', {}],
    ['text_link', { href: 'https://example.org' }, 'messageEntityTextUrl', { url: 'https://example.org' }],
    ['mention', {}, 'messageEntityMention', {}],
    ['mention_name', { user_id: 5_000_000_123 }, 'messageEntityMentionName', { userId: '5000000123' }],
    ['hashtag', {}, 'messageEntityHashtag', {}],
    ['cashtag', {}, 'messageEntityCashtag', {}],
    ['bot_command', {}, 'messageEntityBotCommand', {}],
    ['email', {}, 'messageEntityEmail', {}],
    ['phone', {}, 'messageEntityPhone', {}],
    ['bank_card', {}, 'messageEntityBankCard', {}],
    ['custom_emoji', { document_id: '5368324170671202286' }, 'messageEntityCustomEmoji', { documentId: '5368324170671202286' }],
    ['custom_emoji', { document_id: 'stickers/a.tgs' }, 'messageEntityUnknown', {}],
    ['something_new', {}, 'messageEntityUnknown', {}],
  ])('keeps %s %j as %s', (type, more, name, fields) => {
    const parts = [
      { type: 'plain', text: '🙂é ' },
      { type, text: '日本🎌', ...more },
      { type: 'plain', text: '!' },
    ];
    for (const field of ['text_entities', 'text']) {
      const { text, entities } = loaded(post(1, field === 'text' ? { text: parts } : { text_entities: parts }));
      expect(text).toBe('🙂é 日本🎌!');
      expect(entities).toEqual([{ _: name, offset: 4, length: 4, ...fields }]);
    }
  });

  it('lets text_entities decide, and reads text where they are missing', () => {
    expect(loaded(post(1, { text: 'a', text_entities: [{ type: 'plain', text: 'b' }] })).text).toBe('b');
    expect(loaded(post(1, { text: 'a', text_entities: [] })).text).toBe('a');
    expect(loaded(post(1, { text: ['a', { type: 'bold', text: 'b' }, 'c'] })).entities).toMatchObject([{ offset: 1, length: 1 }]);
    expect(loaded(post(1, { text: '' })).text).toBe('');
  });

  it('keeps NUL and right-to-left text, and turns lone surrogates into U+FFFD without moving anything', () => {
    const parts = ['\ud83d', { type: 'bold', text: '\ude00' }, { type: 'italic', text: '\ud800\u0000שלום' }];
    const { text, entities } = loaded(post(1, { text: parts }));
    expect(text).toBe('😀\ufffd\u0000שלום');
    expect(entities).toMatchObject([
      { offset: 1, length: 1 },
      { offset: 2, length: 6 },
    ]);
  });

  it('lets date_unixtime decide, and takes date as UTC where it is missing', () => {
    expect(loaded(post(1, { date: '2001-01-01T00:00:00' })).date).toBe(1_700_000_000);
    expect(loaded({ id: 1, type: 'message', date: '2023-11-14T22:13:20', text: '' }).date).toBe(1_700_000_000);
    expect(loaded(post(1, { edited_unixtime: '1700000100', edited: '2001-01-01T00:00:00' })).editDate).toBe(1_700_000_100);
    expect(loaded(post(1, { edited: '2023-11-14T22:13:20' })).editDate).toBe(1_700_000_000);
  });

  it('takes what old exports write of a message that was never edited for what it is', () => {
    const old = (edited: string) => loaded({ id: 1, type: 'message', date: '2018-08-27T14:43:16', edited, text: '' }).editDate;
    expect(old('1970-01-01T05:00:00')).toBeNull();
    expect(old('1969-12-31T16:00:00')).toBeNull();
    expect(old('2018-08-27T14:43:17')).toBe(1_535_380_997);
  });

  it.each([
    [{ photo: 'photos/1.jpg' }, { _: 'messageMediaPhoto' }],
    [{ file: 'a.pdf' }, { _: 'messageMediaDocument' }],
    [
      { media_type: 'video_file', file: '(none)' },
      { _: 'messageMediaDocument', video: true },
    ],
    [{ media_type: 'voice_message' }, { _: 'messageMediaDocument', voice: true }],
    [{ media_type: 'video_message' }, { _: 'messageMediaDocument', video: true, round: true }],
    [{ media_type: 'sticker', sticker_emoji: '👍' }, { _: 'messageMediaDocument' }],
    [{ location_information: { latitude: 38.7, longitude: -9.1 } }, { _: 'messageMediaGeo', geo: { lat: 38.7, long: -9.1 } }],
    [
      { location_information: { latitude: 1, longitude: 2 }, place_name: 'Cais', address: 'Rua' },
      { _: 'messageMediaVenue', title: 'Cais', address: 'Rua' },
    ],
    [
      { location_information: { latitude: 1, longitude: 2 }, live_location_period_seconds: 60 },
      { _: 'messageMediaGeoLive', period: 60 },
    ],
    [{ contact_information: { first_name: 'Ana', phone_number: '351' } }, { _: 'messageMediaContact', firstName: 'Ana' }],
    [
      { invoice_information: { title: 'T', amount: 5, currency: 'EUR' } },
      { _: 'messageMediaInvoice', title: 'T', totalAmount: 5 },
    ],
    [{ type: 'unsupported' }, { _: 'messageMediaUnsupported' }],
    [
      { poll: { question: '?', closed: true, total_voters: 3, answers: [{ text: 'a', voters: 3, chosen: false }] } },
      { _: 'messageMediaPoll', poll: { question: { text: '?' }, closed: true }, results: { totalVoters: 3 } },
    ],
  ])('keeps what %j attaches', (more, media) => {
    expect(loaded(post(1, more)).media).toMatchObject(media);
  });

  it('keeps replies, forwards, signatures and reactions', () => {
    const message = loaded(
      post(9, {
        reply_to_message_id: 4,
        forwarded_from: 'Ana',
        author: 'Rui',
        reactions: [
          { type: 'emoji', count: 3, emoji: '👍' },
          { type: 'custom_emoji', count: 1, document_id: '5' },
          { type: 'paid', count: 1 },
        ],
      }),
    );
    expect(message).toMatchObject({ replyTo: { id: 4, peer: null }, forward: { fromName: 'Ana' }, author: 'Rui' });
    expect(message.reactions?.results).toHaveLength(2);
  });

  it.each([
    [
      { action: 'create_channel', title: 'T' },
      { _: 'messageActionChannelCreate', title: 'T' },
    ],
    [
      { action: 'edit_group_title', title: 'T' },
      { _: 'messageActionChatEditTitle', title: 'T' },
    ],
    [{ action: 'edit_group_photo', photo: 'x' }, { _: 'messageActionChatEditPhoto' }],
    [{ action: 'pin_message', message_id: 3 }, { _: 'messageActionPinMessage' }],
    [
      { action: 'set_messages_ttl', period: 86_400 },
      { _: 'messageActionSetMessagesTTL', period: 86_400 },
    ],
    [{ action: 'invite_members', members: ['a'] }, { _: 'messageActionChatAddUser' }],
    [
      { action: 'remove_members', members: ['a'] },
      { _: 'messageActionCustomAction', message: 'remove_members' },
    ],
    [{ action: 'never_heard_of' }, { _: 'messageActionCustomAction', message: 'never_heard_of' }],
  ])('keeps the service message %j', (more, action) => {
    const message = loaded({ ...post(5, more), type: 'service', text: '', actor: 'Ana', actor_id: 'user8' });
    expect(message.action).toMatchObject(action);
    expect(message).toMatchObject({ from: { kind: 'user', id: 8 }, text: '' });
    if (more.action === 'pin_message') expect(message.replyTo?.id).toBe(3);
  });

  it('names senders in groups only', () => {
    const message = post(1, { from: 'Ana', from_id: 'user8' });
    const group = loadWorld(write('g.json', chat([message], { type: 'private_supergroup' })), log).channels[0] as WorldChannel;
    expect(group.kind).toBe('supergroup');
    expect(group.nameOf(8)).toBe('Ana');
    expect(messageObject(group, messagesOf(group)[0] as WorldMessage).fromId).toEqual({ _: 'peerUser', userId: 8 });
    const old = chat([post(1, { from: 'Ana', from_id: 8 })], { type: 'private_supergroup' });
    expect(loadWorld(write('o.json', old), log).channels[0]?.nameOf(8)).toBe('Ana');
    const channel = loadWorld(write('c.json', chat([message])), log).channels[0] as WorldChannel;
    expect(messageObject(channel, messagesOf(channel)[0] as WorldMessage)).toMatchObject({ post: true });
    expect(messageObject(channel, messagesOf(channel)[0] as WorldMessage).fromId).toBeUndefined();
  });
});

describe('worlds', () => {
  const usernames = (world: World): string[] => world.channels.map(({ username }) => username);

  it('calls a channel by its file, or its folder where the file is a result.json in a folder of its own', () => {
    write('habr_com.json', chat([post(1)]));
    write('два слова.json', chat([], { id: 78 }));
    write('9lives-news!.json', chat([], { id: 79 }));
    write('ab.json', chat([], { id: 80 }));
    write('Export_2024/result.json', chat([], { id: 81 }));
    write('notes.txt', 'not read');
    expect(usernames(loadWorld(folder.path, log))).toEqual([
      'lives_news',
      'Export_2024',
      'ab_chat',
      'habr_com',
      expect.stringMatching(/^channel_\d+$/),
    ]);
    expect(usernames(loadWorld(join(folder.path, 'habr_com.json'), log))).toEqual(['habr_com']);
    expect(usernames(loadWorld(join(folder.path, 'Export_2024', 'result.json'), log))).toEqual(['result']);
    expect(warnings.join()).toContain('"username":"lives_news"');
  });

  it('takes the channels and groups of a full export, and says what it leaves out', () => {
    const list = [
      chat([post(1)], { name: 'First Channel' }),
      chat([], { id: 5, type: 'personal_chat', name: 'Ana' }),
      chat([], { id: 6, type: 'private_group', name: 'Grupo' }),
      chat([], { id: 7, name: 'Хабр' }),
      chat([], { id: 77, name: 'First Channel' }),
    ];
    const world = loadWorld(write('result.json', { about: '', chats: { about: '', list } }), log);
    expect(usernames(world)).toEqual(['First_Channel', 'Grupo', 'channel_7', 'First_Channel_2']);
    expect(new Set(world.channels.map(({ id }) => id)).size).toBe(4);
    expect(warnings.join()).toContain('personal_chat');
  });

  it('takes the chats one has left of a full export, also where there are no others', () => {
    const left = { about: '', list: [chat([post(1)], { name: 'Gone', id: 9 })] };
    const chats = { about: '', list: [chat([post(1)], { name: 'Here' })] };
    expect(usernames(loadWorld(write('full.json', { chats, left_chats: left }), log))).toEqual(['Here', 'Gone']);
    expect(usernames(loadWorld(write('left.json', { left_chats: left }), log))).toEqual(['Gone']);
    const bad = write('bad.json', { chats, left_chats: { list: [7] } });
    expect(() => loadWorld(bad, log)).toThrow(/bad\.json left_chats\.list\[0\]: is not a JSON object/);
    expect(() => loadWorld(write('odd.json', { chats, left_chats: { list: {} } }), log)).toThrow(
      /left_chats\.list is not a list/,
    );
  });

  it('takes result.json files up to four folders deep', () => {
    write('nested/inner/result.json', chat([post(1)]));
    write('1/2/3/deep/result.json', chat([post(1)], { id: 78 }));
    expect(usernames(loadWorld(folder.path, log))).toEqual(['deep', 'inner']);
    expect(warnings).toEqual([]);
  });

  it('says what it does not read of a folder, and never reads what is attached to an export', () => {
    write('aaa/result.json', chat([post(1)]));
    write('aaa/files/result.json', { sent: 'by somebody' });
    write('aaa/files/settings.json', { sent: 'by somebody' });
    write('b/other.json', chat([post(1)]));
    write('html/messages.html', '<html>');
    write('html/messages2.html', '<html>');
    write('1/2/3/4/5/result.json', chat([post(1)]));
    expect(usernames(loadWorld(folder.path, log))).toEqual(['aaa']);
    const said = (of: string): string[] => warnings.filter((warning) => warning.includes(of));
    expect(said('aaa/files/result.json')).toHaveLength(1);
    expect(said('settings.json')).toHaveLength(0);
    expect(said('b/other.json')).toHaveLength(1);
    expect(said('html/messages.html')).toHaveLength(1);
    expect(said('1/2/3/4/5')).toHaveLength(1);
    expect(warnings).toHaveLength(4);
  });

  it('says which id a chat without one got, and which title', () => {
    const [{ id }] = loadWorld(write('noid.json', chat([], { id: undefined })), log).channels as [WorldChannel];
    expect(warnings).toEqual([expect.stringContaining(`has no id; it got ${id}`)]);
    loadWorld(write('odd.json', chat([], { id: 'x', name: null })), log);
    expect(warnings.slice(1)).toEqual([
      expect.stringContaining('has no name; its title is odd'),
      expect.stringMatching(/id \\"x\\" is not a chat's; it got \d+/),
    ]);
  });

  it('says once for each chat how many times of day were taken as UTC', () => {
    const undated = (id: number) => post(id, { date_unixtime: undefined, date: '2023-11-14T22:13:20' });
    loadWorld(write('one.json', chat([undated(1), undated(2), post(3)])), log);
    expect(warnings).toEqual([expect.stringContaining('2 messages have no date_unixtime; their date was taken as UTC')]);
    loadWorld(write('two.json', chat([undated(1), post(2, { edited: '2023-11-14T22:13:20' })])), log);
    expect(warnings.slice(1)).toEqual([
      expect.stringContaining('1 message has no date_unixtime; its date was taken as UTC'),
      expect.stringContaining('1 message has no edited_unixtime; its time of editing was taken as UTC'),
    ]);
  });

  it('says that a basic group is served as a supergroup, and whose writers it cannot tell', () => {
    loadWorld(write('one.json', chat([post(1, { from_id: 'robot7' })], { type: 'private_group' })), log);
    expect(warnings).toEqual([
      expect.stringContaining('1 message has a writer whose id cannot be read'),
      expect.stringContaining('a private_group is served as a supergroup'),
    ]);
  });

  it('says the name that a channel really has where two would have the same', () => {
    write('foo bar.json', chat([]));
    write('foo-bar.json', chat([], { id: 78 }));
    write('same/result.json', chat([], { id: 79 }));
    write('b/same/result.json', chat([], { id: 80 }));
    write('world.json', { channels: [{ username: 'Same', messages: 1 }] });
    expect(usernames(loadWorld(folder.path, log))).toEqual(['same', 'foo_bar', 'foo_bar_2', 'same_2', 'Same_3']);
    const named = warnings.map((warning) => JSON.parse(warning) as { file: string; username: string });
    expect(named.map(({ file, username }) => [file.slice(folder.path.length + 1), username])).toEqual([
      ['foo bar.json', 'foo_bar'],
      ['foo-bar.json', 'foo_bar_2'],
      ['same/result.json', 'same_2'],
      ['world.json', 'Same_3'],
    ]);
  });

  it('says what the channels of a result.json and of a full export are called, and is silent about plainly named files', () => {
    write('plain.json', chat([post(1)]));
    write('Some Chat/result.json', chat([post(1), post(2)], { id: 78 }));
    write('full.json', { chats: { list: [chat([post(1)], { id: 79, name: 'Хабр' }), chat([], { type: 'saved_messages' })] } });
    loadWorld(folder.path, log);
    expect(infos).toEqual([
      { line: 'world: channel', fields: { username: 'Some_Chat', id: 78, title: 'Chat', messages: 2 } },
      { line: 'world: channel', fields: { username: 'channel_79', id: 79, title: 'Хабр', messages: 1 } },
    ]);
  });

  it('counts ids that are there more than once, in words that fit', () => {
    loadWorld(write('one.json', chat([post(1), post(1), post(1), post(-1)])), log);
    expect(warnings).toEqual([
      expect.stringContaining('1 id is there more than once'),
      expect.stringContaining("1 message from before the group's migration was left out"),
    ]);
    loadWorld(write('two.json', chat([post(1), post(1), post(2), post(2)])), log);
    expect(warnings.join()).toContain('2 ids are there more than once');
  });

  it('sorts messages, keeps gaps, lets the last of duplicates count, and says so', () => {
    const [channel] = loadWorld(
      write('a.json', chat([post(9), post(3, { text: 'old' }), post(3, { text: 'new' }), post(-5)])),
      log,
    ).channels;
    expect(messagesOf(channel).map(({ id, text }) => [id, text])).toEqual([
      [3, 'new'],
      [9, 'x'],
    ]);
    expect(warnings.join()).toMatch(/more than once.*order of their ids.*migration/);
  });

  it('takes a channel without messages, a file with a byte order mark, an id with its mark', () => {
    const [channel] = loadWorld(write('a.json', `\ufeff${JSON.stringify(chat([], { id: -1_000_000_000_077 }))}`), log).channels;
    expect(channel).toMatchObject({ id: 77, title: 'Chat' });
    expect(channel?.source.size).toBe(0);
  });

  it('names every bad file and its reasons at once', () => {
    write('a.json', '{');
    write(
      'b.json',
      chat([post(1), { ...post(2), date_unixtime: 'soon' }, { id: 'x' }, 7, post(3, { text: [{ text: 'no type' }] })]),
    );
    write('c.json', { name: 'no type' });
    write('d.json', chat([post(1)]));
    write('world.json', { accounts: [{ phone: 'x' }], channels: [{ username: '1' }], colour: 1 });
    let error: unknown;
    try {
      loadWorld(folder.path, log);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(VigiliaError);
    const { code, message } = error as VigiliaError;
    expect(code).toBe('WORLD_INVALID');
    for (const part of [
      /a\.json: is not JSON/,
      /b\.json: messages\[1\] date_unixtime/,
      /b\.json: messages\[2\] id/,
      /b\.json: messages\[3\] is not an object/,
      /b\.json: messages\[4\] a part of text/,
      /c\.json: type is missing/,
      /c\.json: messages is not a list/,
      /accounts\[0\]\.phone/,
      /channels\[0\]\.username/,
      /channels\[0\]\.messages/,
      /colour is unknown/,
    ]) {
      expect(message).toMatch(part);
    }
    expect(message).not.toContain('/d.json');
  });

  it('refuses a path that is not there, and a folder without a file', () => {
    expect(() => loadWorld(join(folder.path, 'nowhere'), log)).toThrow(/cannot be read/);
    expect(() => loadWorld(folder.path, log)).toThrow(/has no \.json file/);
  });

  it('adds the accounts and generated channels of a world.json', () => {
    write('world.json', {
      accounts: [{ phone: '+351 900 000 001', code: '11111', firstName: 'Ana' }],
      channels: [{ username: 'big_one', title: 'Big', messages: 20_000, seed: 4, kind: 'supergroup' }],
    });
    write('small.json', chat([post(1)]));
    const world = loadWorld(folder.path, log);
    expect(usernames(world)).toEqual(['small', 'big_one']);
    expect(world.accounts).toMatchObject([{ phone: '351900000001', code: '11111', firstName: 'Ana' }]);
  });
});

describe('accounts and chats of a world.json', () => {
  const ana = { phone: '351 900 000 001', code: '11111' };
  const rui = { phone: '351900000002', code: '22222' };

  it('may have passwords, data centres, channels, states, and be many at once', () => {
    write('world.json', {
      accounts: [
        { ...ana, password: 'p', hint: 'h', dc: 4, channels: ['@Big_One'], number: 'banned' },
        { phone: '15550009998', code: '123', count: 4, firstName: 'Many' },
      ],
      channels: [{ username: 'big_one', messages: 1, pushed: false }],
    });
    const { accounts, channels } = loadWorld(folder.path, log);
    expect(accounts[0]).toMatchObject({ password: 'p', hint: 'h', dcId: 4, channels: new Set(['big_one']), number: 'banned' });
    expect(accounts.slice(1).map(({ phone }) => phone)).toEqual(['15550009998', '15550009999', '15550010000', '15550010001']);
    expect(accounts[4]).toMatchObject({ firstName: 'Many 4', password: null, dcId: 2, channels: null, number: 'good' });
    expect(channels[0]?.pushes).toBe(false);
  });

  it('give everybody an id of his own, the same each time', () => {
    write('world.json', { accounts: [{ phone: '15550000000', code: '123', count: 10_000 }] });
    const ids = loadWorld(folder.path, log).accounts.map(({ userId }) => userId);
    expect(new Set(ids).size).toBe(10_000);
    expect(loadWorld(folder.path, log).accounts.map(({ userId }) => userId)).toEqual(ids);
  });

  it('may write to each other', () => {
    write('world.json', {
      accounts: [ana, rui],
      groups: [{ title: 'Family', members: [ana.phone, rui.phone], messages: 3 }],
      chats: [{ members: [ana.phone, '+351 900000002'], messages: 2, seed: 4 }],
    });
    const { chats, accounts } = loadWorld(folder.path, log);
    const members = accounts.map(({ userId }) => userId);
    expect(chats).toMatchObject([
      { title: 'Family', members, messages: 3, groupId: expect.any(Number) },
      { title: '', members, messages: 2, seed: 4, groupId: null },
    ]);
  });

  it('are refused with every reason when they are not right', () => {
    write('world.json', {
      accounts: [
        { ...ana, password: '', hint: 3, dc: 3, channels: 'x', number: 'odd', count: 0 },
        { ...rui, channels: ['nowhere'] },
      ],
      channels: [{ username: 'big_one', messages: 1, pushed: 'no' }],
      groups: [{ members: [rui.phone] }],
      chats: [{ members: [rui.phone, '999999'], messages: 1e9, seed: 0.5 }],
    });
    let message = '';
    try {
      loadWorld(folder.path, log);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const reason of [
      'accounts[0].password is not a text',
      'accounts[0].hint is not a text',
      'accounts[0].dc is none of 2, 4',
      'accounts[0].channels is not a list of usernames',
      'accounts[0].number is none of good, banned, flooded',
      'accounts[0].count is not a whole number from 1 to 10000',
      'an account is in nowhere, which is not there',
      'channels[0].pushed is neither true nor false',
      'groups[0].title is not a text',
      'groups[0].members is not a list of 2 to 200 phone numbers',
      'chats[0].members: nobody has 999999',
      'chats[0].messages is not a whole number from 0 to 10000',
      'chats[0].seed is not a whole number',
    ]) {
      expect(message).toContain(reason);
    }
  });
});

describe('generated channels', () => {
  const options = { username: 'gen', title: 'Gen', kind: 'channel', messages: 3_000, seed: 9 } as const;

  it('are the same for the same seed, and others for another', () => {
    const one = messagesOf(generatedChannel(options));
    expect(messagesOf(generatedChannel(options))).toEqual(one);
    expect(messagesOf(generatedChannel({ ...options, seed: 10 }))).not.toEqual(one);
  });

  it('have gaps, growing ids and dates, and all there is in real ones', () => {
    const channel = generatedChannel(options);
    const messages = messagesOf(channel);
    for (const [index, { id, date }] of messages.entries()) {
      expect(channel.source.idAt(index)).toBe(id);
      expect(channel.source.dateAt(index)).toBe(date);
      expect(channel.source.countBelow(id)).toBe(index);
      const before = messages[index - 1];
      if (before !== undefined) expect(id > before.id && date >= before.date).toBe(true);
    }
    expect(messages.at(-1)?.id).toBeGreaterThan(3_200);
    expect(messages[0]).toMatchObject({ id: 1, action: { _: 'messageActionChannelCreate' } });
    const ids = new Set(messages.map(({ id }) => id));
    expect(messages.filter(({ replyTo }) => replyTo !== null).length).toBeGreaterThan(50);
    for (const { replyTo } of messages) if (replyTo !== null) expect(ids.has(replyTo.id)).toBe(true);
    expect(messages.filter(({ editDate }) => editDate !== null).length).toBeGreaterThan(30);
    expect(messages.filter(({ action }) => action !== null).length).toBeGreaterThan(5);
    expect(messages.filter(({ media }) => media !== null).length).toBeGreaterThan(200);
    expect(new Set(messages.flatMap(({ entities }) => entities.map(({ _ }) => _))).size).toBeGreaterThan(8);
  });

  it('cost no memory for their messages, and no time for their size', () => {
    const before = process.memoryUsage().heapUsed;
    const { source } = generatedChannel({ ...options, messages: 500_000_000 });
    const last = source.messageAt(source.size - 1);
    expect(source.countBelow(last.id)).toBe(499_999_999);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
  });
});
