import type { MessageJson } from '../message-json.ts';
import { ENTITY_TYPES } from '../ports.ts';
import { Type } from './typebox.ts';
import { nullable } from './view.ts';

/** A formatted part of a text, named as in Telegram's Bot API; offset and length count UTF-16 code units. */
const EntitySchema = Type.Object({
  type: Type.Enum([...ENTITY_TYPES]),
  offset: Type.Integer(),
  length: Type.Integer(),
  url: Type.Optional(Type.String()),
  language: Type.Optional(Type.String()),
  userId: Type.Optional(Type.Integer()),
  customEmojiId: Type.Optional(Type.String()),
});

/** A message as `messageJson` tells it. */
export const MessageSchema = Type.Unsafe<MessageJson>(
  Type.Object({
    id: Type.Integer({ description: 'Counts within its channel.' }),
    channelId: Type.Integer({ description: "The channel's marked id." }),
    date: Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' }),
    editDate: nullable(Type.String({ format: 'date-time' })),
    kind: Type.Union([Type.Literal('message'), Type.Literal('service')]),
    text: Type.String(),
    entities: Type.Array(EntitySchema),
    fromId: nullable(Type.Integer()),
    replyToId: nullable(Type.Integer()),
    views: nullable(Type.Integer()),
    media: nullable(Type.String({ description: 'What is attached: Photo, Document, Poll …' })),
    action: Type.Optional(Type.Object({}, { description: "Of a service message: Telegram's MessageAction." })),
  }),
);
