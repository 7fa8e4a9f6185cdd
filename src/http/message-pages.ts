import type { MessagePage } from '../actors/cache/window-pages.ts';
import { messageJson } from '../message-json.ts';
import { entityTag } from './answer-once.ts';
import { channelView } from './channel-view.ts';

/** Where a walk goes on. */
type NextPage = { readonly before: number } | { readonly after: number } | null;

/** A page as it is sent. */
export interface PageAnswer {
  /** JSON as it goes over the wire: to make bytes of text anew with each answer would take as long as everything else. */
  readonly body: Buffer;
  readonly tag: string;
  readonly next: NextPage;
}

/** Writes pages of messages as JSON, each once: while a channel is as it was, the reader gives the same page again. */
export class MessagePages {
  readonly #written = new WeakMap<MessagePage, PageAnswer>();

  /** @param upwards whether the walk goes to newer messages: the same for the same page */
  answerTo(page: MessagePage, upwards: boolean): PageAnswer {
    const before = this.#written.get(page);
    if (before !== undefined) return before;
    const answer = written(page, upwards);
    this.#written.set(page, answer);
    return answer;
  }
}

function written({ channel, messages, more }: MessagePage, upwards: boolean): PageAnswer {
  const edge = upwards ? messages[0] : messages.at(-1);
  const next = !more || edge === undefined ? null : upwards ? { after: edge.id } : { before: edge.id };
  const body = Buffer.from(JSON.stringify({ channel: channelView(channel), messages: messages.map(messageJson), next }));
  return { body, tag: entityTag(body), next };
}
