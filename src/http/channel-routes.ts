import type { MessagePage } from '../actors/cache/window-pages.ts';
import { parseChannelRef } from '../channel-ref.ts';
import { VigiliaError } from '../errors.ts';
import type { ChannelRef } from '../ports.ts';
import type { App } from './app.ts';
import { ChannelSchema, channelView } from './channel-view.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { MessagePages } from './message-pages.ts';
import { MessageSchema } from './message-schema.ts';
import { momentSchema, rangeOf, refused } from './moment.ts';
import { linkNextPage, NEXT } from './next-link.ts';
import { Type } from './typebox.ts';
import { ChannelPathSchema, isoTime, NoQuery, nullable, SeenBySchema } from './view.ts';

const messageId = (description: string) => Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description });

const ListQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 100, description: 'How many a page has.' }),
    after: Type.Optional(
      Type.Integer({
        minimum: -Number.MAX_SAFE_INTEGER,
        maximum: -1,
        description: "The page before's next.after: its last channel's id.",
      }),
    ),
    accountId: Type.Optional(SeenBySchema),
  },
  { additionalProperties: false },
);

const MessagesQuery = Type.Object(
  {
    before: Type.Optional(messageId('Messages older than the one of this id: walks to older ones.')),
    after: Type.Optional(messageId('Messages newer than the one of this id: walks to newer ones.')),
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'How many a page has.' }),
    accountId: Type.Optional(SeenBySchema),
    search: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'A part of the text, upper or lower case.' })),
  },
  { additionalProperties: false },
);

const WEEK_MS = 7 * 86_400_000;
/** Hours told at once, in ms: a leap year of them is half a megabyte. */
const LONGEST_MS = 366 * 86_400_000;

const StatsQuery = Type.Object(
  {
    from: Type.Optional(
      momentSchema(
        'The hours that begin from this moment on; at most 366 days before `to`, and 7 days before it where it is not given.',
      ),
    ),
    to: Type.Optional(momentSchema('The hours that begin before this moment; now where it is not given.')),
  },
  { additionalProperties: false },
);

const StatsSchema = Type.Object({
  channel: ChannelSchema,
  from: Type.String({ format: 'date-time', description: 'A week before `to` where it was not given.' }),
  to: Type.String({ format: 'date-time', description: 'Now where it was not given.' }),
  messages: Type.Integer({ description: 'Of all these hours.' }),
  hours: Type.Array(
    Type.Object({
      hour: Type.String({ format: 'date-time', description: 'Its beginning (UTC).' }),
      messages: Type.Integer({ minimum: 1, description: 'Stored and not deleted.' }),
    }),
    { description: 'The hours that begin from `from` on and before `to`, in order; those without messages are left out.' },
  ),
});

const MessagesSchema = Type.Object({
  channel: ChannelSchema,
  messages: Type.Array(MessageSchema, { description: 'Newest first.' }),
  next: nullable(
    Type.Object(
      { before: Type.Optional(Type.Integer()), after: Type.Optional(Type.Integer()) },
      {
        description:
          'What to ask next, in place of the same parameter: before walks to older messages (the default), after to newer ones. ' +
          'Null when there are no more. Walking until null gives every stored message once; the last page may be empty.',
      },
    ),
  ),
});

/** What is stored of channels and their messages: from the cache, then from the store, never from Telegram. */
export function addChannelRoutes(app: App, { clock, store, reader, intake }: GatewayDeps, base: string): void {
  const pages = new MessagePages();
  /** What is stored of a channel is the same for all accounts; who names one asks for what that one may see. */
  const mustKnow = async (accountId: string, ref: ChannelRef): Promise<void> => {
    await withinDeadline(clock, READ_MS, intake.checkAccount(accountId));
    const knowing = await withinDeadline(clock, READ_MS, store.accountsKnowing(ref));
    if (knowing.includes(accountId)) return;
    throw new VigiliaError('NOT_FOUND', `Account ${accountId} has not met this channel; ask for it with sync-messages.`, {
      field: 'accountId',
    });
  };
  const unknown = (): VigiliaError =>
    new VigiliaError('NOT_FOUND', 'This channel is not stored; ask for it with sync-messages.', { field: 'id' });

  app.get(
    `${base}/channels`,
    {
      config: { scope: 'read', summary: 'The stored channels, by title', errors: ['UNKNOWN_ACCOUNT', 'STORE_UNAVAILABLE'] },
      schema: {
        querystring: ListQuery,
        response: {
          200: Type.Object({
            channels: Type.Array(ChannelSchema),
            next: nullable(Type.Object({ after: Type.Integer() }, { description: NEXT })),
          }),
        },
      },
    },
    async (request) => {
      const { limit, after, accountId } = request.query;
      if (accountId !== undefined) await withinDeadline(clock, READ_MS, intake.checkAccount(accountId));
      const found = await withinDeadline(clock, READ_MS, store.listChannels(limit + 1, after, accountId));
      const channels = found.slice(0, limit);
      const last = channels.at(-1);
      return {
        channels: channels.map((channel) => channelView(channel)),
        next: found.length > limit && last !== undefined ? { after: last.chatId } : null,
      };
    },
  );

  app.get(
    `${base}/channels/:id`,
    {
      config: { scope: 'read', summary: 'A stored channel', errors: ['INVALID_CHANNEL', 'STORE_UNAVAILABLE'] },
      schema: { params: ChannelPathSchema, querystring: NoQuery, response: { 200: ChannelSchema } },
    },
    async (request) => {
      const ref = parseChannelRef(request.params.id, 'id');
      const channel = await withinDeadline(clock, READ_MS, reader.channel(ref));
      if (channel === undefined) throw unknown();
      return channelView(channel, await withinDeadline(clock, READ_MS, store.countMessages(channel.chatId)));
    },
  );

  app.get(
    `${base}/channels/:id/messages`,
    {
      config: {
        scope: 'read',
        summary: 'Its stored messages, newest first',
        errors: ['INVALID_CHANNEL', 'UNKNOWN_ACCOUNT', 'STORE_UNAVAILABLE'],
      },
      schema: { params: ChannelPathSchema, querystring: MessagesQuery, response: { 200: MessagesSchema } },
    },
    (request, reply) => {
      const ref = parseChannelRef(request.params.id, 'id');
      const { before, after, limit, search, accountId } = request.query;
      const query = {
        limit,
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
        ...(search !== undefined && { search }),
      };
      const answer = (page: MessagePage | undefined) => {
        if (page === undefined) throw unknown();
        const { body, tag, next } = pages.answerTo(page, after !== undefined);
        linkNextPage(request, reply, next);
        reply.header('x-source', page.source).header('etag', tag).type('application/json; charset=utf-8');
        // Written already: the schema knows what it is written of.
        return body as never;
      };
      const read = () => withinDeadline(clock, READ_MS, reader.page(ref, query)).then(answer);
      // What is read most of all goes without a promise that is not needed.
      return accountId === undefined ? read() : mustKnow(accountId, ref).then(read);
    },
  );

  app.get(
    `${base}/channels/:id/stats`,
    {
      config: {
        scope: 'read',
        summary: 'How many messages it has of each hour; of the last 7 days where no time is given',
        errors: ['INVALID_CHANNEL', 'STORE_UNAVAILABLE'],
      },
      schema: { params: ChannelPathSchema, querystring: StatsQuery, response: { 200: StatsSchema } },
    },
    async (request) => {
      const ref = parseChannelRef(request.params.id, 'id');
      const asked = rangeOf(request.query.from, request.query.to);
      const to = asked?.to ?? clock.now();
      const from = asked?.from ?? to - WEEK_MS;
      if (from > to) throw refused('from', 'is after to');
      if (to - from > LONGEST_MS) throw refused('from', 'is more than 366 days before to');
      const channel = await withinDeadline(clock, READ_MS, reader.channel(ref));
      if (channel === undefined) throw unknown();
      const hours = await withinDeadline(clock, READ_MS, store.messagesPerHour({ chatId: channel.chatId, from, to }));
      return {
        channel: channelView(channel),
        from: isoTime(from),
        to: isoTime(to),
        messages: hours.reduce((sum, { messages }) => sum + messages, 0),
        hours: hours.map(({ hour, messages }) => ({ hour: isoTime(hour), messages })),
      };
    },
  );
}
