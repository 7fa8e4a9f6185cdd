import type { AccountMessage } from './account-box.ts';
import type { MessageForm } from './account-updates.ts';
import type { FaultRates, PushFate } from './push-faults.ts';
import type { TlObject } from './tl-codec.ts';

/** What the simulator can be told to let happen, and how clients are to hear of it. Message ids are those of the account that is named. */
export interface UpdateControlOps {
  /** Pins a channel's message, or takes that back; with `announce` a service message says so. */
  pin: {
    request: { channel: string; messageId: number; on?: boolean; announce?: boolean };
    result: { pts: number };
  };
  /** How often a post was seen; moves no pts. */
  views: { request: { channel: string; messageId: number; views: number }; result: { pts: number } };
  /** An account writes to another one (`to`, a phone) or in a basic group (`group`, a title). The id and pts are the sender's. */
  message: {
    request: {
      from: string;
      to?: string;
      group?: string;
      text: string;
      entities?: readonly TlObject[];
      date?: number;
      replyToId?: number;
      /** `short`: pushed as updateShortMessage or updateShortChatMessage. */
      form?: MessageForm;
    };
    result: { id: number; pts: number; date: number };
  };
  /** Edits a message in everybody's copy. */
  editMessage: { request: { phone: string; messageId: number; text: string }; result: { pts: number } };
  /** Deletes messages; with `everywhere` everybody's copies. */
  deleteMessages: {
    request: { phone: string; ids: readonly number[]; everywhere?: boolean };
    result: { ids: readonly number[]; pts: number };
  };
  /** Pins a message in everybody's copy, or takes that back. */
  pinMessage: { request: { phone: string; messageId: number; on?: boolean }; result: { pts: number } };
  /** A message of a secret chat, which moves qts. `bytes` is base64. */
  secret: { request: { phone: string; bytes: string }; result: { qts: number } };
  /** Service notifications, which move seq: one `updates`, or for several one `updatesCombined`. */
  notify: { request: { phone: string; texts: readonly string[] }; result: { seq: number } };
  /** Pushes updatesTooLong to an account. */
  tooLong: { request: { phone: string }; result: Record<never, never> };
  /** Pushes updateChannelTooLong to everybody in a channel. */
  channelTooLong: { request: { channel: string; withPts?: boolean }; result: Record<never, never> };
  /** From now on what happened before is too long to be told in a difference, of a channel or of an account. Not kept through a restart. */
  forget: { request: { channel?: string; phone?: string }; result: { pts: number } };
  /** What becomes of the next pushes (each session's counts), in order, and how often each fault befalls the others. Tells what befell so far. */
  faults: {
    request: { script?: readonly PushFate[]; rates?: FaultRates };
    result: Readonly<Record<PushFate, number>>;
  };
  /** Where an account stands, and its own messages, oldest first. */
  inbox: {
    request: { phone: string };
    result: { pts: number; qts: number; seq: number; messages: readonly AccountMessage[] };
  };
}
