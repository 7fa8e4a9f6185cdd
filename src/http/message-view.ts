import Type, { type Static } from 'typebox';
import { ENTITY_TYPES, type JsonObject, type Message, type TextEntity } from '../ports.ts';
import { isoTime, nullable } from './view.ts';

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

/** A message as HTTP tells it. */
export const MessageSchema = Type.Object({
  id: Type.Integer({ description: 'Counts within its channel.' }),
  channelId: Type.Integer({ description: "The channel's marked id." }),
  date: Type.String({ format: 'date-time', description: 'ISO 8601, UTC.' }),
  editDate: nullable(Type.String({ format: 'date-time' })),
  kind: Type.Union([Type.Literal('message'), Type.Literal('service')]),
  text: Type.String(),
  entities: Type.Unsafe<readonly TextEntity[]>(Type.Array(EntitySchema)),
  fromId: nullable(Type.Integer()),
  replyToId: nullable(Type.Integer()),
  views: nullable(Type.Integer()),
  media: nullable(Type.String({ description: 'What is attached: Photo, Document, Poll …' })),
  action: Type.Optional(
    Type.Unsafe<JsonObject>(Type.Object({}, { description: "Of a service message: Telegram's MessageAction." })),
  ),
});
export type MessageView = Static<typeof MessageSchema>;

/** @returns the message as HTTP tells it */
export function messageView(message: Message): MessageView {
  const { action } = message.raw;
  return {
    id: message.id,
    channelId: message.chatId,
    date: isoTime(message.date * 1000),
    editDate: message.editDate === null ? null : isoTime(message.editDate * 1000),
    kind: message.kind,
    text: message.text,
    entities: message.entities,
    fromId: message.fromId,
    replyToId: message.replyToId,
    views: message.views,
    media: message.media,
    ...(message.kind === 'service' && isObject(action) && { action }),
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
