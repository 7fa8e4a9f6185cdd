import type { Static } from 'typebox';
import type { FreshWindow } from '../actors/cache/window-reader.ts';
import { formatChannelRef, parseChannelRef } from '../channel-ref.ts';
import { causeChain } from '../errors.ts';
import { messageJson } from '../message-json.ts';
import type { ChannelRef } from '../ports.ts';
import { ACCEPT_ERRORS, acceptance } from './accept-job.ts';
import type { App } from './app.ts';
import { withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { AcceptedSchema, PrioritySchema } from './job-view.ts';
import { MessageSchema } from './message-schema.ts';
import { Type } from './typebox.ts';
import { AccountIdSchema, bodyIsOptional, nullable } from './view.ts';

/** How long the search for a fresh window may take, in ms. */
const LOOK_MS = 1_000;

const SyncBody = Type.Object(
  {
    channelId: Type.Union([Type.String({ minLength: 1, maxLength: 256 }), Type.Integer()], {
      description: 'Numeric id, username with or without @, or a t.me link.',
    }),
    limit: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 50, description: 'How many of the newest messages.' }),
    accountId: Type.Optional(AccountIdSchema),
    force: Type.Boolean({
      default: false,
      description: 'Ask Telegram even where the messages were read within the last 5 minutes.',
    }),
    priority: PrioritySchema,
  },
  { additionalProperties: false },
);

const ChannelsBody = Type.Object(
  { accountId: Type.Optional(AccountIdSchema), priority: PrioritySchema },
  { additionalProperties: false },
);

const CachedSchema = Type.Object({
  source: Type.Literal('cache', { description: 'Telegram was not asked: they were read within the last 5 minutes.' }),
  count: Type.Integer({ description: 'How many messages there are: limit, or all of a channel that has fewer.' }),
  messages: Type.Array(MessageSchema, { description: 'The newest of them, newest first; at most 500.' }),
  next: nullable(
    Type.Object(
      { url: Type.String({ description: 'A path of this gateway.' }) },
      { description: 'Where the rest is, when count is greater.' },
    ),
  ),
});

function cachedView({ channel, count, messages }: FreshWindow, base: string): Static<typeof CachedSchema> {
  const last = messages.at(-1);
  const rest = count > messages.length && last !== undefined;
  return {
    source: 'cache',
    count,
    messages: messages.map(messageJson),
    next: rest ? { url: `${base}/channels/${channel.chatId}/messages?before=${last.id}&limit=500` } : null,
  };
}

/** The requests that become jobs. */
export function addSyncRoutes(app: App, deps: GatewayDeps, base: string): void {
  const { clock, log, intake, reader } = deps;

  const fresh = async (ref: ChannelRef, limit: number, requestId: string): Promise<FreshWindow | undefined> => {
    try {
      return await withinDeadline(clock, LOOK_MS, reader.freshWindow(ref, limit));
    } catch (error) {
      // Then it becomes a job: whether that can be stored, the intake will say.
      log.debug({ requestId, causes: causeChain(error) }, 'fresh window not readable');
      return undefined;
    }
  };

  app.post(
    `${base}/sync-messages`,
    {
      config: {
        scope: 'write',
        summary: "Read a channel's newest messages from Telegram",
        errors: ['INVALID_CHANNEL', ...ACCEPT_ERRORS],
      },
      schema: { body: SyncBody, response: { 200: CachedSchema, 202: AcceptedSchema } },
    },
    (request, reply) => {
      const { channelId, limit, accountId, force, priority } = request.body;
      const ref = parseChannelRef(channelId);
      const params = { channelId: formatChannelRef(ref), limit, force };
      const asked = { action: 'sync-messages', params, priority, ...(accountId !== undefined && { accountId }) };
      const { replay, accept } = acceptance(deps, base, request, reply, asked);
      // Accepting finds out by itself whether there is such an account, and what came of the same request before.
      return force ? accept() : lookThenAccept();

      async function lookThenAccept() {
        // What came of it the first time comes before what could be answered now.
        const before = await replay();
        if (before !== undefined) return before;
        if (accountId !== undefined) await withinDeadline(clock, LOOK_MS, intake.checkAccount(accountId));
        const window = await fresh(ref, limit, request.id);
        return window === undefined ? accept() : reply.code(200).send(cachedView(window, base));
      }
    },
  );

  app.post(
    `${base}/get-channels`,
    {
      config: {
        scope: 'write',
        summary: "Read the account's channels from Telegram",
        errors: ACCEPT_ERRORS,
      },
      schema: { body: ChannelsBody, response: { 202: AcceptedSchema } },
      preValidation: bodyIsOptional,
    },
    async (request, reply) => {
      const { accountId, priority } = request.body;
      const asked = { action: 'get-channels', params: {}, priority, ...(accountId !== undefined && { accountId }) };
      return acceptance(deps, base, request, reply, asked).accept();
    },
  );
}
