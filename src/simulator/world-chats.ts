import type { AccountMessage } from './account-box.ts';
import { generatedText } from './generated-text.ts';
import { between, pick, seededRandom, seedOf } from './seeded.ts';
import type { WorldChat } from './world.ts';

const MOST_SECONDS_APART = 3_600;

interface Said {
  readonly chat: WorldChat;
  readonly index: number;
  readonly fromId: number;
  readonly date: number;
  readonly text: string;
  readonly entities: AccountMessage['entities'];
}

/** What was said in a chat before anything happened, oldest first; the same for the same seed. */
function said(chat: WorldChat): Said[] {
  const random = seededRandom(seedOf(chat.seed, 'chat', ...chat.members));
  let date = chat.createdAt;
  return Array.from({ length: chat.messages }, (_, index) => {
    date += between(random, 1, MOST_SECONDS_APART);
    const fromId = pick(random, chat.members);
    return { chat, index, fromId, date, ...generatedText(random) };
  });
}

/**
 * What each account has of the world's chats before anything happened, by user id, ascending by message id: the messages of all its
 * chats in the order of their dates.
 */
export function initialMessages(chats: readonly WorldChat[]): ReadonlyMap<number, readonly AccountMessage[]> {
  const boxes = new Map<number, AccountMessage[]>();
  const all = chats.flatMap(said).sort((a, b) => a.date - b.date);
  for (const { chat, index, fromId, date, text, entities } of all) {
    for (const member of chat.members) {
      const box = boxes.get(member) ?? [];
      boxes.set(member, box);
      const other = chat.members.find((id) => id !== member) ?? member;
      box.push({
        id: box.length + 1,
        origin: `${chat.groupId ?? chat.members.join('-')}:${index}`,
        peer: chat.groupId === null ? { kind: 'user', id: other } : { kind: 'chat', id: chat.groupId },
        fromId,
        out: fromId === member,
        date,
        editDate: null,
        text,
        entities,
        replyToId: null,
        pinned: false,
        action: null,
      });
    }
  }
  return boxes;
}
