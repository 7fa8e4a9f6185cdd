import type { ChatId, JsonObject, Message, TextEntity } from './ports.ts';

/** A message as the outside is told of it, over HTTP and in a job's result. Dates are ISO 8601, UTC. */
export interface MessageJson {
  readonly id: number;
  readonly channelId: ChatId;
  readonly date: string;
  readonly editDate: string | null;
  readonly kind: 'message' | 'service';
  readonly text: string;
  readonly entities: readonly TextEntity[];
  readonly fromId: ChatId | null;
  readonly replyToId: number | null;
  readonly views: number | null;
  readonly media: string | null;
  /** Of a service message: Telegram's MessageAction. */
  readonly action?: JsonObject;
}

/** @returns the message as the outside is told of it */
export function messageJson(message: Message): MessageJson {
  const action = shownAction(message);
  return {
    id: message.id,
    channelId: message.chatId,
    date: isoTime(message.date),
    editDate: message.editDate === null ? null : isoTime(message.editDate),
    kind: message.kind,
    text: message.text,
    entities: message.entities.map(entityJson),
    fromId: message.fromId,
    replyToId: message.replyToId,
    views: message.views,
    media: message.media,
    ...(action !== undefined && { action }),
  };
}

/** Takes off what the outside is never told, which is most of a message. @returns one of which {@link messageJson} makes the same */
export function toldPart(message: Message): Message {
  const action = shownAction(message);
  return { ...message, raw: action === undefined ? {} : { action } };
}

function shownAction({ kind, raw: { action } }: Message): JsonObject | undefined {
  const isShown = kind === 'service' && typeof action === 'object' && action !== null && !Array.isArray(action);
  return isShown ? (action as JsonObject) : undefined;
}

/** In the order in which people read it: the database keeps none. */
function entityJson({ type, offset, length, ...rest }: TextEntity): TextEntity {
  return { type, offset, length, ...rest };
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
