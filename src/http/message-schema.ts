import type { MessageJson } from '../message-json.ts';
import { ENTITY_TYPES } from '../ports.ts';
import { Type } from './typebox.ts';
import { nullable } from './view.ts';

/** A formatted part of a text, named as in Telegram's Bot API; offset and length count UTF-16 code units. */
const EntitySchema = Type.Object({
  type: Type.Enum([...ENTITY_TYPES], { description: 'As in the Bot API.' }),
  offset: Type.Integer({ description: 'Where it begins, in UTF-16 code units.' }),
  length: Type.Integer({ description: 'In UTF-16 code units.' }),
  url: Type.Optional(Type.String({ description: 'Of a text_link: where it leads.' })),
  language: Type.Optional(Type.String({ description: 'Of a pre: which programming language it is.' })),
  userId: Type.Optional(Type.Integer({ description: 'Of a text_mention: who is meant.' })),
  customEmojiId: Type.Optional(Type.String({ description: 'Of a custom_emoji.' })),
});

/** A message as `messageJson` tells it. */
export const MessageSchema = Type.Unsafe<MessageJson>(
  Type.Object({
    id: Type.Integer({ description: 'Counts within its channel.' }),
    channelId: Type.Integer({ description: "The channel's marked id." }),
    date: Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' }),
    editDate: nullable(Type.String({ format: 'date-time', description: 'When it was edited last.' })),
    kind: Type.Union([Type.Literal('message'), Type.Literal('service')], {
      description: 'service: it tells of something that happened, as somebody joining; `action` says what.',
    }),
    text: Type.String({ description: 'Without its formatting; empty where there is none.' }),
    entities: Type.Array(EntitySchema, { description: 'What is formatted in it, named as in the Bot API.' }),
    fromId: nullable(Type.Integer({ description: 'Who wrote it; null for a post of the channel itself.' })),
    replyToId: nullable(Type.Integer({ description: 'The message that it answers, in the same channel.' })),
    views: nullable(Type.Integer({ description: 'How often it was seen, when it was read last.' })),
    media: nullable(Type.String({ description: 'What is attached: Photo, Document, Poll …' })),
    action: Type.Optional(Type.Object({}, { description: "Of a service message: Telegram's MessageAction." })),
  }),
);
