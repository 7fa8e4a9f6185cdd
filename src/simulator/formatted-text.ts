import type { TlObject } from './tl-codec.ts';

/** A part of a text as Telegram Desktop's export writes it. */
export interface TextPart {
  readonly type: string;
  readonly text: string;
  readonly href?: unknown;
  readonly language?: unknown;
  readonly user_id?: unknown;
  readonly document_id?: unknown;
  readonly collapsed?: unknown;
}

/** Desktop's names and TL's, where nothing but offset and length belongs to them. */
const PLAIN_ENTITIES: Readonly<Record<string, string>> = {
  bold: 'messageEntityBold',
  italic: 'messageEntityItalic',
  underline: 'messageEntityUnderline',
  strikethrough: 'messageEntityStrike',
  spoiler: 'messageEntitySpoiler',
  code: 'messageEntityCode',
  link: 'messageEntityUrl',
  mention: 'messageEntityMention',
  hashtag: 'messageEntityHashtag',
  cashtag: 'messageEntityCashtag',
  bot_command: 'messageEntityBotCommand',
  email: 'messageEntityEmail',
  phone: 'messageEntityPhone',
  bank_card: 'messageEntityBankCard',
};

function entityOf(part: TextPart, offset: number): TlObject | undefined {
  const place = { offset, length: part.text.length };
  const name = PLAIN_ENTITIES[part.type];
  if (name !== undefined) return { _: name, ...place };
  const digits = (value: unknown): string | undefined => (/^-?\d{1,19}$/.test(String(value)) ? String(value) : undefined);
  switch (part.type) {
    case 'plain':
      return undefined;
    case 'pre':
      return { _: 'messageEntityPre', ...place, language: typeof part.language === 'string' ? part.language : '' };
    case 'blockquote':
      return { _: 'messageEntityBlockquote', ...place, ...(part.collapsed === true ? { collapsed: true } : {}) };
    case 'text_link':
      return { _: 'messageEntityTextUrl', ...place, url: typeof part.href === 'string' ? part.href : '' };
    case 'mention_name': {
      const userId = digits(part.user_id);
      return userId === undefined ? { _: 'messageEntityUnknown', ...place } : { _: 'messageEntityMentionName', ...place, userId };
    }
    case 'custom_emoji': {
      const documentId = digits(part.document_id);
      return documentId === undefined
        ? { _: 'messageEntityUnknown', ...place }
        : { _: 'messageEntityCustomEmoji', ...place, documentId };
    }
    default:
      return { _: 'messageEntityUnknown', ...place };
  }
}

/** Lone surrogates become U+FFFD, which is as long: no offset moves. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/**
 * Joins parts to a text and its entities.
 * @returns entities in the text's order, offsets and lengths in UTF-16 code units; parts without text have none
 */
export function joinParts(parts: readonly TextPart[]): { readonly text: string; readonly entities: TlObject[] } {
  let text = '';
  const entities: TlObject[] = [];
  for (const part of parts) {
    const entity = part.text === '' ? undefined : entityOf(part, text.length);
    if (entity !== undefined) entities.push(entity);
    text += part.text;
  }
  return { text: wellFormed(text), entities };
}
