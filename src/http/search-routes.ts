import { VigiliaError } from '../errors.ts';
import { messageJson } from '../message-json.ts';
import type { Message, MessagePlace } from '../ports.ts';
import type { App } from './app.ts';
import type { Caller } from './callers.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { MessageSchema } from './message-schema.ts';
import { LAST_SECOND, refused } from './moment.ts';
import { patterned } from './patterned.ts';
import { Type } from './typebox.ts';
import { nullable, SeenBySchema } from './view.ts';

/** Searches of one caller in a minute: without an index each reads everything that is stored. */
const SEARCHES = { most: 30, periodMs: 60_000 };
/** Searches of a process at a time; the database has others to answer. */
const AT_ONCE = 2;
/** When to come back while there are as many, in ms. */
const BUSY_MS = 1_000;

const PLACE = '^([0-9]{1,12})_(-[0-9]{1,16})_([0-9]{1,10})$';

const SearchQuery = Type.Object(
  {
    q: Type.String({ minLength: 3, maxLength: 256, description: 'A part of the text, upper or lower case.' }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'How many a page has.' }),
    before: Type.Optional(patterned(PLACE, 'next.before of a page', { description: "The page before's next.before." })),
    accountId: Type.Optional(SeenBySchema),
  },
  { additionalProperties: false },
);

const FoundSchema = Type.Object({
  messages: Type.Array(MessageSchema, { description: 'Newest first, of all channels.' }),
  next: nullable(
    Type.Object(
      { before: Type.String() },
      {
        description: 'What to ask next, in place of the same parameter; null when there are no more. The last page may be empty.',
      },
    ),
  ),
});

/** What is stored of all channels, by a part of its text. */
export function addSearchRoutes(app: App, { clock, store, intake, counter }: GatewayDeps, base: string): void {
  let running = 0;

  /** @throws RATE_LIMITED */
  const spend = async (caller: Caller | null): Promise<void> => {
    // Whoever is alone on this machine takes nothing from others.
    if (caller === null || caller.by === 'local') return;
    const { granted, retryAfterMs } = await counter.use(`search:${caller.id}`, SEARCHES);
    if (granted) return;
    const why = `${SEARCHES.most} searches a minute are what a caller may make; each may read all that is stored.`;
    throw new VigiliaError('RATE_LIMITED', why, { retryAfterMs });
  };

  /** @throws RATE_LIMITED */
  const oneOfFew = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= AT_ONCE) {
      const why = `${AT_ONCE} searches are under way; try again in a moment.`;
      throw new VigiliaError('RATE_LIMITED', why, { retryAfterMs: BUSY_MS });
    }
    running += 1;
    // Until the database is done with it, whoever has given up waiting.
    const search = work().finally(() => {
      running -= 1;
    });
    return withinDeadline(clock, READ_MS, search);
  };

  app.get(
    `${base}/messages`,
    {
      config: {
        scope: 'read',
        summary: 'Search the stored messages of all channels',
        errors: ['UNKNOWN_ACCOUNT', 'STORE_UNAVAILABLE'],
      },
      schema: { querystring: SearchQuery, response: { 200: FoundSchema } },
    },
    async (request) => {
      const { q: text, limit, before, accountId } = request.query;
      if (accountId !== undefined) await withinDeadline(clock, READ_MS, intake.checkAccount(accountId));
      await spend(request.caller);
      const query = {
        text,
        limit: limit + 1,
        ...(before !== undefined && { before: placeOf(before) }),
        ...(accountId !== undefined && { accountId }),
      };
      const found = await oneOfFew(() => store.searchMessages(query));
      const messages = found.slice(0, limit);
      const last = messages.at(-1);
      return {
        messages: messages.map(messageJson),
        next: found.length > limit && last !== undefined ? { before: cursorOf(last) } : null,
      };
    },
  );
}

function cursorOf({ date, chatId, id }: Message): string {
  return `${date}_${chatId}_${id}`;
}

/** @param cursor as the schema lets it through @throws INVALID_REQUEST */
function placeOf(cursor: string): MessagePlace {
  const [date, chatId, id] = cursor.split('_').map(Number) as [number, number, number];
  if (date > LAST_SECOND) throw refused('before', 'is not one that a page gave');
  return { date, chatId, id: Math.min(id, 2 ** 31 - 1) };
}
