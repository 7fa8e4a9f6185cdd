import type { ChannelRevision } from '../../../ports.ts';
import { forgetChannels } from '../../cache/forget-window.ts';
import type { Action } from '../action.ts';
import { knowFields } from '../given-fields.ts';

/** Reads the account's channels and supergroups from Telegram and stores them with their access hashes. */
export const getChannels: Action = {
  name: 'get-channels',
  idPrefix: 'channels',
  request: {
    readsOnly: true,
    params: (given) => {
      knowFields(given, []);
      return {};
    },
  },
  run: async ({ job, calls, cache }) => {
    const found = await calls.dialogs();
    const channels = found.map(({ channel }) => ({
      id: channel.chatId,
      username: channel.username,
      title: channel.title,
      kind: channel.kind,
      participants: channel.participants,
    }));
    let changed: readonly ChannelRevision[] = [];
    return {
      result: { count: channels.length, channels: channels.slice(0, 100), more: '/api/telegram-gateway/channels' },
      effect: async (tx) => {
        changed = await tx.upsertChannels(found.map(({ channel }) => channel));
        await tx.upsertEntities(
          job.accountId,
          found.map(({ entity }) => entity),
        );
      },
      after: () => forgetChannels(cache, changed),
    };
  },
};
