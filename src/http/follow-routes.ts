import type { Static } from 'typebox';
import { parseChannelRef } from '../channel-ref.ts';
import { VigiliaError } from '../errors.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { Type } from './typebox.ts';
import { AccountIdSchema, ChannelPathSchema } from './view.ts';

const FollowQuery = Type.Object(
  { accountId: Type.Optional({ ...AccountIdSchema, description: 'One account; without it, all of them.' }) },
  { additionalProperties: false },
);

const FollowSchema = Type.Object({
  channel: Type.Object({ id: Type.Integer({ description: 'Marked: -100 before the bare id.' }) }),
  followed: Type.Record(Type.String(), Type.Boolean(), {
    description:
      'By account: whether its updates of this channel are stored. An account follows all channels that it is in, unless it is told not to.',
  }),
});

/** Which channels accounts follow. A worker heeds a change within 15 s; what was missed meanwhile is fetched when a channel is followed again. */
export function addFollowRoutes(app: App, { clock, store, reader }: GatewayDeps, base: string): void {
  const chatIdOf = async (named: string): Promise<number> => {
    const channel = await reader.channel(parseChannelRef(named, 'id'));
    if (channel) return channel.chatId;
    throw new VigiliaError('NOT_FOUND', 'This channel is not stored; ask for it with get-channels or sync-messages.', {
      field: 'id',
    });
  };

  const accountsOf = async (accountId: string | undefined): Promise<string[]> => {
    const all = await store.listAccounts();
    if (accountId === undefined) return all;
    if (all.includes(accountId)) return [accountId];
    throw new VigiliaError('UNKNOWN_ACCOUNT', `There is no account ${accountId}.`, { field: 'accountId' });
  };

  const view = async (chatId: number, accounts: readonly string[]): Promise<Static<typeof FollowSchema>> => {
    const not = new Set(await store.unfollowing(accounts, chatId));
    return { channel: { id: chatId }, followed: Object.fromEntries(accounts.map((account) => [account, !not.has(account)])) };
  };

  /** @param followed what they shall do from now on; undefined changes nothing */
  const answer = async (named: string, accountId: string | undefined, followed?: boolean) => {
    const chatId = await chatIdOf(named);
    const accounts = await accountsOf(accountId);
    if (followed !== undefined) await store.setFollowed(accounts, chatId, followed);
    return view(chatId, accounts);
  };
  // One deadline for all that it takes: who waits longer than that is told to come back, and may ask for the same again.
  const bounded = <T>(work: Promise<T>): Promise<T> => withinDeadline(clock, READ_MS, work);

  const schema = { params: ChannelPathSchema, querystring: FollowQuery, response: { 200: FollowSchema } };
  const errors = ['INVALID_CHANNEL', 'NOT_FOUND', 'UNKNOWN_ACCOUNT', 'STORE_UNAVAILABLE'] as const;

  app.get(
    `${base}/channels/:id/follow`,
    { config: { scope: 'read', summary: 'Which accounts follow a channel', errors }, schema },
    ({ params, query }) => bounded(answer(params.id, query.accountId)),
  );

  for (const [method, followed] of [
    ['PUT', true],
    ['DELETE', false],
  ] as const) {
    app.route({
      method,
      url: `${base}/channels/:id/follow`,
      config: {
        scope: 'write',
        summary: followed ? 'Follow a channel (again)' : 'Do not follow a channel any more',
        errors,
      },
      schema,
      handler: ({ params, query }) => {
        const { id } = params as { id: string };
        return bounded(answer(id, (query as { accountId?: string }).accountId, followed));
      },
    });
  }
}
