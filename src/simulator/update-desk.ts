import type { UpdateControlOps } from './control-updates.ts';
import { accountAt, boxCalled, groupCalled, present } from './desk-lookup.ts';
import type { MtprotoServer } from './mtproto-server.ts';

type Handlers = {
  readonly [Op in keyof UpdateControlOps]: (request: UpdateControlOps[Op]['request']) => UpdateControlOps[Op]['result'];
};

/** What the simulator does when it is told what is to happen, and how clients are to hear of it. */
export function updateDesk(server: MtprotoServer): Handlers {
  const { state, happenings, correspondence, pusher } = server;
  return {
    pin: ({ channel, messageId, on = true, announce = false }) => {
      const box = boxCalled(state, channel);
      const { pts } = present(happenings.pin(box, messageId, on), channel, messageId);
      if (!announce) return { pts };
      const action = { _: 'messageActionPinMessage' };
      return { pts: happenings.post(box, { text: '', action, replyToId: messageId }).pts };
    },
    views: ({ channel, messageId, views }) => {
      const { pts } = present(happenings.view(boxCalled(state, channel), messageId, views), channel, messageId);
      return { pts };
    },
    message: ({ from, to, group, form = 'full', ...letter }) => {
      const receiver = group === undefined ? accountAt(state, to ?? '') : groupCalled(state, group);
      const { message, pts } = correspondence.write(accountAt(state, from), receiver, letter, { form });
      return { id: message.id, pts, date: message.date };
    },
    editMessage: ({ phone, messageId, text }) =>
      present(correspondence.edit(accountAt(state, phone), messageId, text), phone, messageId),
    deleteMessages: ({ phone, ids, everywhere = false }) => correspondence.remove(accountAt(state, phone), ids, everywhere),
    pinMessage: ({ phone, messageId, on = true }) =>
      present(correspondence.pin(accountAt(state, phone), messageId, on), phone, messageId),
    secret: ({ phone, bytes }) => correspondence.sendSecret(accountAt(state, phone), bytes),
    notify: ({ phone, texts }) => {
      if (texts.length === 0) throw new Error('there is nothing to notify of');
      return correspondence.notify(accountAt(state, phone), texts);
    },
    tooLong: ({ phone }) => {
      pusher.tell(accountAt(state, phone), { _: 'updatesTooLong' });
      return {};
    },
    channelTooLong: ({ channel, withPts = true }) => {
      pusher.channelTooLong(boxCalled(state, channel), withPts);
      return {};
    },
    forget: ({ channel, phone }) => {
      const box = channel === undefined ? accountAt(state, phone ?? '').box : boxCalled(state, channel);
      box.tellsFrom = box.pts;
      return { pts: box.pts };
    },
    faults: ({ script, rates }) => {
      if (rates !== undefined) pusher.faults.rates(rates);
      if (script !== undefined) pusher.faults.script(script);
      return { ...pusher.faults.counts };
    },
    inbox: ({ phone }) => {
      const { box } = accountAt(state, phone);
      return { pts: box.pts, qts: box.qts, seq: box.seq, messages: box.all().reverse() };
    },
  };
}
