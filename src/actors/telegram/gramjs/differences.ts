import { Api } from 'telegram/tl/index.js';
import type { ChannelDifference, Difference, TelegramUpdate } from '../../../ports.ts';
import { toChannels, toMessage } from './convert.ts';
import { toUpdate } from './updates.ts';

/**
 * An account's difference as we pass it on. New messages come first, as Telegram means them to be applied; they come as they are now, so they
 * get the pts of the slice's end, which is no later.
 * @see https://core.telegram.org/api/updates#recovering-gaps
 */
export function toDifference(answer: Api.updates.TypeDifference): Difference {
  if (answer instanceof Api.updates.DifferenceEmpty) return { kind: 'empty', date: answer.date, seq: answer.seq };
  if (answer instanceof Api.updates.DifferenceTooLong) return { kind: 'too-long', pts: answer.pts };
  const final = answer instanceof Api.updates.Difference;
  const { pts, qts, date, seq } = final ? answer.state : answer.intermediateState;
  return {
    kind: 'difference',
    updates: [...newMessages(answer.newMessages, pts), ...answer.otherUpdates.map(toUpdate)],
    channels: toChannels(answer.chats),
    state: { box: 'account', pts, qts, date, seq },
    final,
  };
}

/**
 * A channel's difference as we pass it on; as {@link toDifference}.
 * @see https://core.telegram.org/method/updates.getChannelDifference
 */
export function toChannelDifference(answer: Api.updates.TypeChannelDifference): ChannelDifference {
  const timeoutS = answer.timeout ?? null;
  if (answer instanceof Api.updates.ChannelDifferenceEmpty) {
    return { kind: 'empty', pts: answer.pts, final: answer.final === true, timeoutS };
  }
  if (answer instanceof Api.updates.ChannelDifferenceTooLong) {
    const pts = answer.dialog instanceof Api.Dialog ? (answer.dialog.pts ?? 0) : 0;
    return { kind: 'too-long', pts, timeoutS };
  }
  return {
    kind: 'difference',
    updates: [...newMessages(answer.newMessages, answer.pts), ...answer.otherUpdates.map(toUpdate)],
    channels: toChannels(answer.chats),
    pts: answer.pts,
    final: answer.final === true,
    timeoutS,
  };
}

function newMessages(messages: readonly Api.TypeMessage[], pts: number): TelegramUpdate[] {
  return messages.flatMap((tl) => {
    const message = toMessage(tl, pts);
    return message ? [{ type: 'message' as const, message, edited: false, pts, ptsCount: 0 }] : [];
  });
}
