/** Who logs in, and which channels are his alone. */
export const PEOPLE = [1, 2, 3, 4].map((number) => ({
  id: number === 1 ? 'main' : `account-${number}`,
  phone: `1555001000${number}`,
  code: '12345',
  own: `own_${number}`,
}));

/** Channels that nobody asks for: what is stored of them came by itself, and all of it has been told. */
export const QUIET: readonly string[] = ['own_3', 'own_4'];
/** What everybody is in. */
export const SHARED = ['shared', 'archive'] as const;
/** In these something happens all the time. */
export const LIVELY: readonly string[] = [...PEOPLE.map(({ own }) => own), 'shared'];
/** What jobs ask for: the last one is large. */
export const ASKED: readonly string[] = [...LIVELY.filter((channel) => !QUIET.includes(channel)), 'archive'];
/** How many messages the large one has. */
export const ARCHIVE_MESSAGES = 4_000;

/** The simulator's `world.json`. */
export const WORLD = {
  accounts: PEOPLE.map(({ phone, code, own }) => ({ phone, code, channels: [own, ...SHARED] })),
  channels: [
    ...PEOPLE.map(({ own }, index) => ({ username: own, title: own, kind: 'channel', messages: 120, seed: index + 1 })),
    { username: 'shared', title: 'Shared', kind: 'supergroup', messages: 120, seed: 8 },
    { username: 'archive', title: 'Archive', kind: 'channel', messages: ARCHIVE_MESSAGES, seed: 9 },
  ],
  chats: [{ members: PEOPLE.slice(0, 2).map(({ phone }) => phone), messages: 3 }],
};

/** @returns the chat id under which a channel is stored, of its bare id */
export function chatIdOf(bareId: number): number {
  return -1_000_000_000_000 - bareId;
}
