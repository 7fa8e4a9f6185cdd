import { VigiliaError } from './errors.ts';
import type { ChannelRef } from './ports.ts';

/** Marked ids of channels lie below this (https://core.telegram.org/api/bots/ids). */
const MARK = 1_000_000_000_000;
/** The greatest bare id of a channel, as TDLib has it (`ChannelId::MAX_CHANNEL_ID`). */
const GREATEST_ID = 997_852_516_352;
const USERNAME = /^[A-Za-z][A-Za-z0-9_]{2,31}$/;
const SITES = ['t.me', 'telegram.me', 'telegram.dog'];
/** First parts of a t.me path that name no channel (https://core.telegram.org/api/links). */
const NO_CHANNELS = new Set(
  (
    'addemoji addlist addstickers addstyle addtheme auction bg boost call confirmphone contact giftcode invoice iv ' +
    'login m msg nft proxy setlanguage share socks stars'
  ).split(' '),
);
const INVITE = 'an invite link names a channel only to those who accept it: join it, then use its id';
const FORMS = 'expected a numeric id, a username or a t.me link';

/** A reason on its way to {@link parseChannelRef}, which knows the field. */
class NotAChannel extends Error {}

/**
 * Reads how a person names a channel: its bare id (1032086354), its marked id (-1001032086354), a username with or without `@`,
 * or a link (`t.me/name`, `t.me/s/name`, `t.me/name/123`, `t.me/c/1032086354/5`, `name.t.me`, `tg://resolve?domain=name`).
 * A username keeps its spelling; Telegram compares without case.
 * @param field what a refusal names as the request's field that is at fault
 * @throws INVALID_CHANNEL with the reason
 */
export function parseChannelRef(input: string | number, field = 'channelId'): ChannelRef {
  try {
    return read(input);
  } catch (error) {
    if (error instanceof NotAChannel) throw new VigiliaError('INVALID_CHANNEL', `Not a channel: ${error.message}.`, { field });
    throw error;
  }
}

/** @returns the one way to write it that {@link parseChannelRef} reads back as the same: the username, or the marked id */
export function formatChannelRef(ref: ChannelRef): string {
  return ref.kind === 'id' ? String(ref.chatId) : ref.username;
}

function read(input: string | number): ChannelRef {
  if (typeof input === 'number') return byId(input);
  const name = input.trim();
  if (/^-?\d{1,17}$/.test(name)) return byId(Number(name));
  if (name.startsWith('@')) return byUsername(name.slice(1));
  if (USERNAME.test(name)) return { kind: 'username', username: name };
  if (/^tg:/i.test(name)) return byAppLink(name);
  const link = /^(?:https?:\/\/)?(?:www\.)?([^/?#]+)([^?#]*)/i.exec(name);
  if (link === null) throw new NotAChannel(FORMS);
  return byWebLink((link[1] ?? '').toLowerCase(), (link[2] ?? '').split('/').slice(1), FORMS);
}

function byId(id: number): ChannelRef {
  const bare = id < -MARK ? -id - MARK : id;
  if (Number.isSafeInteger(bare) && bare >= 1 && bare <= GREATEST_ID) return { kind: 'id', chatId: -(MARK + bare) };
  if (Number.isSafeInteger(id) && id < 0 && id >= -MARK)
    throw new NotAChannel('a negative id without -100 is that of a basic group');
  throw new NotAChannel(`a channel's id is a whole number from 1 to ${GREATEST_ID}, with or without -100 before it`);
}

function byUsername(username: string): ChannelRef {
  if (USERNAME.test(username)) return { kind: 'username', username };
  throw new NotAChannel('a username has 3 to 32 letters, digits or _, and begins with a letter');
}

function byWebLink(site: string, path: readonly string[], otherwise: string): ChannelRef {
  const subdomain = /^([^.]+)\.t\.me$/.exec(site)?.[1];
  if (subdomain !== undefined) return byUsername(subdomain);
  if (!SITES.includes(site)) throw new NotAChannel(otherwise);
  const [first = '', second = ''] = path;
  if (first.startsWith('+') || first.startsWith('%2B') || first.toLowerCase() === 'joinchat') throw new NotAChannel(INVITE);
  if (first === 'c' && /^\d{1,16}$/.test(second)) return byId(Number(second));
  if (first === 's') return byUsername(second);
  if (first === '' || first === 'c' || NO_CHANNELS.has(first.toLowerCase()))
    throw new NotAChannel('this link does not name a channel');
  return byUsername(first);
}

function byAppLink(link: string): ChannelRef {
  const [, method = '', query = ''] = /^tg:(?:\/\/)?([a-z_]+)\/?\?([^#]*)/i.exec(link) ?? [];
  const parameters = new URLSearchParams(query);
  if (method.toLowerCase() === 'join') throw new NotAChannel(INVITE);
  if (method.toLowerCase() === 'resolve') return byUsername(parameters.get('domain') ?? '');
  const id = parameters.get('channel') ?? '';
  if (method.toLowerCase() === 'privatepost' && /^\d{1,16}$/.test(id)) return byId(Number(id));
  throw new NotAChannel('this link does not name a channel');
}
