import type { Answers } from './answers.ts';

const NEWS = {
  id: -1_001_558_614_306,
  username: 'vigilia_news',
  title: 'Vigília News',
  kind: 'channel',
  about: 'What is new in Vigília.',
  participants: 18_914,
  syncedAt: '2026-01-31T12:00:01.250Z',
  complete: false,
};
/** Known by what it was listed with; nobody has read its messages yet. */
const CHAT = {
  id: -1_001_802_653_009,
  username: 'vigilia_chat',
  title: 'Vigília Chat',
  kind: 'supergroup',
  about: null,
  participants: null,
  syncedAt: null,
  complete: false,
};

/** A post as answers and events have it. */
export const POST = {
  id: 2_252,
  channelId: NEWS.id,
  date: '2026-01-31T11:58:20.000Z',
  editDate: null,
  kind: 'message',
  text: 'Release 1.0 is out: https://example.org/a',
  entities: [
    { type: 'bold', offset: 0, length: 11 },
    { type: 'url', offset: 20, length: 21 },
  ],
  fromId: null,
  replyToId: null,
  views: 1_204,
  media: null,
};

/** One before it that was edited, with a picture. */
const OLDER = {
  ...POST,
  id: 2_251,
  date: '2026-01-30T19:57:18.000Z',
  editDate: '2026-01-30T20:01:02.000Z',
  text: 'The release candidate runs here.',
  entities: [],
  views: 893,
  media: 'Photo',
};

const FOLLOWED = { channel: { id: NEWS.id }, followed: { main: true, second: false } };

/** What is answered about channels and their messages. */
export const CHANNEL_ANSWERS: Answers = {
  'GET /channels': { 200: { channels: [CHAT, NEWS], next: null } },
  'GET /channels/:id': { 200: { ...NEWS, messages: 412 } },
  'GET /channels/:id/messages': { 200: { channel: NEWS, messages: [POST, OLDER], next: { before: OLDER.id } } },
  'GET /channels/:id/stats': {
    200: {
      channel: NEWS,
      from: '2026-01-24T12:00:00.000Z',
      to: '2026-01-31T12:00:00.000Z',
      messages: 5,
      hours: [
        { hour: '2026-01-30T19:00:00.000Z', messages: 4 },
        { hour: '2026-01-31T11:00:00.000Z', messages: 1 },
      ],
    },
  },
  'GET /channels/:id/follow': { 200: FOLLOWED },
  'PUT /channels/:id/follow': { 200: { channel: { id: NEWS.id }, followed: { main: true, second: true } } },
  'DELETE /channels/:id/follow': { 200: { channel: { id: NEWS.id }, followed: { main: false, second: false } } },
  'GET /messages': { 200: { messages: [POST, OLDER], next: { before: `1769803038_${NEWS.id}_${OLDER.id}` } } },
  'POST /sync-messages': {
    200: { source: 'cache', count: 2, messages: [POST, OLDER], next: null },
  },
};
