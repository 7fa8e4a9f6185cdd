import type { Static } from 'typebox';
import type { StoredChannel } from '../ports.ts';
import { Type } from './typebox.ts';
import { isoTimeOrNull, nullable } from './view.ts';

/** A channel as HTTP tells it. */
export const ChannelSchema = Type.Object({
  id: Type.Integer({ description: 'Marked: -100 before the bare id.' }),
  username: nullable(Type.String({ description: 'Without @.' })),
  title: Type.String({ description: 'As Telegram shows it.' }),
  kind: Type.Union([Type.Literal('channel'), Type.Literal('supergroup')], {
    description: 'channel: its owners post; supergroup: its members do.',
  }),
  about: nullable(Type.String({ description: 'Its description; null where it has none, or was not read yet.' })),
  participants: nullable(Type.Integer({ description: 'Members, when it was read last; null where that is not known.' })),
  messages: Type.Optional(Type.Integer({ description: 'How many are stored; left out in lists.' })),
  syncedAt: nullable(Type.String({ format: 'date-time', description: 'When its newest messages were last read from Telegram.' })),
  complete: Type.Boolean({ description: 'True when that reading reached its first message.' }),
});
export type ChannelView = Static<typeof ChannelSchema>;

/** @param messages how many are stored, where that was counted @returns the channel as HTTP tells it */
export function channelView(channel: StoredChannel, messages?: number): ChannelView {
  return {
    id: channel.chatId,
    username: channel.username,
    title: channel.title,
    kind: channel.kind,
    about: channel.about,
    participants: channel.participants,
    ...(messages !== undefined && { messages }),
    syncedAt: isoTimeOrNull(channel.syncedAt),
    complete: channel.complete,
  };
}
