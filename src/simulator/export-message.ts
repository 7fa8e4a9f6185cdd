import { exportedAction, exportedMedia, exportedReactions } from './export-media.ts';
import { joinParts, type TextPart, wellFormed } from './formatted-text.ts';
import type { TlObject } from './tl-codec.ts';
import { type WorldMessage, type WorldPeer, worldMessage } from './world.ts';

/** What makes a message of an export unreadable; the text says what, for people. */
export class ExportFault extends Error {
  override readonly name = 'ExportFault';
}

type Fields = Readonly<Record<string, unknown>>;

const MAX_INT = 2 ** 31 - 1;

/** The epoch in any local time: before 2021 Desktop wrote it as the time of editing of a message that never was edited. */
const NEVER_EDITED = /^(1969-12-31|1970-01-01)T/;

function seconds(unix: unknown, written: unknown, field: string): number | undefined {
  if (unix === undefined && written === undefined) return undefined;
  if (unix !== undefined) {
    const value = typeof unix === 'string' && /^\d+$/.test(unix) ? Number(unix) : unix;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_INT) return value;
    throw new ExportFault(`${field}_unixtime is not a time in seconds: ${JSON.stringify(unix)}`);
  }
  const match = typeof written === 'string' ? /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d+)?Z?$/.exec(written) : null;
  const value = match === null ? Number.NaN : Date.parse(`${match[1]}Z`) / 1000;
  if (Number.isInteger(value) && value >= 0 && value <= MAX_INT) return value;
  throw new ExportFault(`${field} is not a time: ${JSON.stringify(written)}`);
}

function partsOf(value: unknown, field: string): TextPart[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return [{ type: 'plain', text: value }];
  if (!Array.isArray(value)) throw new ExportFault(`${field} is neither a text nor a list`);
  return value.map((part: unknown) => {
    if (typeof part === 'string') return { type: 'plain', text: part };
    const fields = part as Fields | null;
    if (typeof fields !== 'object' || fields === null || typeof fields.type !== 'string' || typeof fields.text !== 'string') {
      throw new ExportFault(`a part of ${field} has no type or no text`);
    }
    return fields as unknown as TextPart;
  });
}

function writtenEdit(message: Fields): unknown {
  return typeof message.edited === 'string' && NEVER_EDITED.test(message.edited) ? undefined : message.edited;
}

/**
 * Which times of a message were taken as UTC, because the export does not say in which zone they are.
 * @param message one that `exportedMessage` takes
 */
export function zonelessTimes(message: Fields): { readonly date: boolean; readonly edited: boolean } {
  return {
    date: message.date_unixtime === undefined,
    edited: message.edited_unixtime === undefined && writtenEdit(message) !== undefined,
  };
}

/** @param value `user123` or `channel456` as Desktop writes peers, or the number alone that it wrote of users before 2021 */
export function exportedPeer(value: unknown): WorldPeer | null {
  if (typeof value === 'number')
    return Number.isInteger(value) && value > 0 && value <= MAX_INT ? { kind: 'user', id: value } : null;
  const match = typeof value === 'string' ? /^(user|channel)(\d{1,15})$/.exec(value) : null;
  return match === null ? null : { kind: match[1] === 'user' ? 'user' : 'channel', id: Number(match[2]) };
}

function replyOf(message: Fields): WorldMessage['replyTo'] {
  const id = message.reply_to_message_id ?? (message.action === 'pin_message' ? message.message_id : undefined);
  if (typeof id !== 'number' || !Number.isInteger(id) || id <= 0 || id > MAX_INT) return null;
  return { id, peer: exportedPeer(message.reply_to_peer_id) };
}

function forwardOf(message: Fields, date: number): TlObject | null {
  if (message.forwarded_from === undefined && message.forwarded_from_id === undefined) return null;
  const peer = exportedPeer(message.forwarded_from_id);
  const fromId: TlObject | undefined =
    peer === null
      ? undefined
      : peer.kind === 'user'
        ? { _: 'peerUser', userId: peer.id }
        : { _: 'peerChannel', channelId: peer.id };
  return {
    _: 'messageFwdHeader',
    date,
    ...(fromId === undefined ? {} : { fromId }),
    ...(typeof message.forwarded_from === 'string' ? { fromName: wellFormed(message.forwarded_from) } : {}),
  };
}

/**
 * One message of a Telegram Desktop export (`result.json`). `date_unixtime` decides, `date` is taken as UTC where it is absent;
 * `text_entities` decides, `text` is read where they are absent.
 * @returns the message, or undefined for one from before a group's migration, which Desktop writes with a negative id
 * @throws ExportFault
 */
export function exportedMessage(value: unknown): WorldMessage | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ExportFault('is not an object');
  const message = value as Fields;
  const { id } = message;
  if (typeof id !== 'number' || !Number.isInteger(id) || id === 0 || id > MAX_INT) {
    throw new ExportFault(`id is not a message's: ${JSON.stringify(id)}`);
  }
  if (id < 0) return undefined;
  const date = seconds(message.date_unixtime, message.date, 'date');
  if (date === undefined) throw new ExportFault('has neither date_unixtime nor date');
  const isService = message.type === 'service';
  const hasEntities = Array.isArray(message.text_entities) && (message.text_entities.length > 0 || message.text === undefined);
  const parts = hasEntities ? partsOf(message.text_entities, 'text_entities') : partsOf(message.text, 'text');
  const { text, entities } = isService ? { text: '', entities: [] } : joinParts(parts);
  return worldMessage({
    id,
    date,
    text,
    entities,
    editDate: seconds(message.edited_unixtime, writtenEdit(message), 'edited') ?? null,
    from: exportedPeer(isService ? message.actor_id : message.from_id),
    replyTo: replyOf(message),
    media: isService ? null : exportedMedia(message, id),
    action: isService ? exportedAction(message) : null,
    forward: isService ? null : forwardOf(message, date),
    reactions: exportedReactions(message.reactions),
    author: typeof message.author === 'string' ? wellFormed(message.author) : null,
  });
}
