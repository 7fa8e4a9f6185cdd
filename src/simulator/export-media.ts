import type { TlObject, TlValue } from './tl-codec.ts';

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function whole(value: unknown, otherwise = 0): number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : otherwise;
}

function plainText(value: unknown): TlObject {
  const joined = Array.isArray(value)
    ? value.map((part: unknown) => (typeof part === 'string' ? part : text(record(part)?.text))).join('')
    : text(value);
  return { _: 'textWithEntities', text: joined, entities: [] };
}

/** What `media_type` says of a document. */
const DOCUMENT_FLAGS: Readonly<Record<string, TlObject>> = {
  video_file: { _: 'messageMediaDocument', video: true },
  video_message: { _: 'messageMediaDocument', video: true, round: true },
  animation: { _: 'messageMediaDocument', video: true },
  voice_message: { _: 'messageMediaDocument', voice: true },
};

function pollOf(poll: Fields, id: number): TlObject {
  const answers = (Array.isArray(poll.answers) ? poll.answers : []).map((answer: unknown) => record(answer) ?? {});
  return {
    _: 'messageMediaPoll',
    poll: {
      _: 'poll',
      id,
      question: plainText(poll.question),
      answers: answers.map((answer, index) => ({ _: 'pollAnswer', text: plainText(answer.text), option: String(index) })),
      ...(poll.closed === true ? { closed: true } : {}),
    },
    results: {
      _: 'pollResults',
      totalVoters: whole(poll.total_voters),
      results: answers.map((answer, index) => ({ _: 'pollAnswerVoters', option: String(index), voters: whole(answer.voters) })),
    },
  };
}

function locationOf(message: Fields, place: Fields): TlObject {
  const degrees = (value: unknown): number => (typeof value === 'number' ? value : 0);
  const geo: TlObject = { _: 'geoPoint', long: degrees(place.longitude), lat: degrees(place.latitude), accessHash: 0 };
  if (message.live_location_period_seconds !== undefined) {
    return { _: 'messageMediaGeoLive', geo, period: whole(message.live_location_period_seconds) };
  }
  if (message.place_name === undefined) return { _: 'messageMediaGeo', geo };
  return {
    _: 'messageMediaVenue',
    geo,
    title: text(message.place_name),
    address: text(message.address),
    provider: '',
    venueId: '',
    venueType: '',
  };
}

/**
 * What is attached to an exported message, as far as an export can say it: no file is in it, so photos and documents come without.
 * @param id the message's id, from which a poll gets its own
 * @returns a `messageMedia…` object, or null when nothing is attached
 */
export function exportedMedia(message: Fields, id: number): TlObject | null {
  const poll = record(message.poll);
  if (poll !== undefined) return pollOf(poll, id);
  const place = record(message.location_information);
  if (place !== undefined) return locationOf(message, place);
  const contact = record(message.contact_information);
  if (contact !== undefined) {
    return {
      _: 'messageMediaContact',
      phoneNumber: text(contact.phone_number),
      firstName: text(contact.first_name),
      lastName: text(contact.last_name),
      vcard: '',
      userId: 0,
    };
  }
  const invoice = record(message.invoice_information);
  if (invoice !== undefined) {
    return {
      _: 'messageMediaInvoice',
      title: text(invoice.title),
      description: text(invoice.description),
      currency: text(invoice.currency),
      totalAmount: whole(invoice.amount),
      startParam: '',
    };
  }
  if (message.photo !== undefined) return { _: 'messageMediaPhoto' };
  if (message.media_type !== undefined || message.file !== undefined) {
    return DOCUMENT_FLAGS[text(message.media_type)] ?? { _: 'messageMediaDocument' };
  }
  const unsupported = ['game_title', 'giveaway_information', 'giveaway_results', 'todo_list', 'dice', 'story_data'];
  const isUnsupported = message.type === 'unsupported' || unsupported.some((name) => message[name] !== undefined);
  return isUnsupported ? { _: 'messageMediaUnsupported' } : null;
}

/** @returns a `messageReactions`, or null when the message has none that can be told */
export function exportedReactions(value: unknown): TlObject | null {
  if (!Array.isArray(value)) return null;
  const results: TlValue[] = [];
  for (const reaction of value.map(record)) {
    const count = whole(reaction?.count);
    if (count <= 0) continue;
    const documentId = text(reaction?.document_id);
    if (reaction?.type === 'emoji') {
      results.push({ _: 'reactionCount', count, reaction: { _: 'reactionEmoji', emoticon: text(reaction.emoji) } });
    } else if (reaction?.type === 'custom_emoji' && /^\d{1,19}$/.test(documentId)) {
      results.push({ _: 'reactionCount', count, reaction: { _: 'reactionCustomEmoji', documentId } });
    }
  }
  return results.length === 0 ? null : { _: 'messageReactions', results };
}

/**
 * What an exported service message tells. Where the export names people only by their names, or the action is one this table does
 * not know, the action is a custom one that carries Desktop's word for it.
 */
export function exportedAction(message: Fields): TlObject {
  const action = text(message.action);
  switch (action) {
    case 'create_channel':
      return { _: 'messageActionChannelCreate', title: text(message.title) };
    case 'create_group':
      return { _: 'messageActionChatCreate', title: text(message.title), users: [] };
    case 'edit_group_title':
      return { _: 'messageActionChatEditTitle', title: text(message.title) };
    case 'edit_group_photo':
      return { _: 'messageActionChatEditPhoto', photo: { _: 'photoEmpty', id: 0 } };
    case 'delete_group_photo':
      return { _: 'messageActionChatDeletePhoto' };
    case 'invite_members':
      return { _: 'messageActionChatAddUser', users: [] };
    case 'join_group_by_request':
      return { _: 'messageActionChatJoinedByRequest' };
    case 'migrate_from_group':
      return { _: 'messageActionChannelMigrateFrom', title: text(message.title), chatId: 0 };
    case 'pin_message':
      return { _: 'messageActionPinMessage' };
    case 'clear_history':
      return { _: 'messageActionHistoryClear' };
    case 'take_screenshot':
      return { _: 'messageActionScreenshotTaken' };
    case 'set_messages_ttl':
      return { _: 'messageActionSetMessagesTTL', period: whole(message.period) };
    case 'edit_chat_theme':
      return { _: 'messageActionSetChatTheme', emoticon: text(message.emoticon) };
    case 'topic_created':
      return { _: 'messageActionTopicCreate', title: text(message.title), iconColor: 0 };
    case 'boost_apply':
      return { _: 'messageActionBoostApply', boosts: whole(message.boosts, 1) };
    default:
      return { _: 'messageActionCustomAction', message: action };
  }
}
