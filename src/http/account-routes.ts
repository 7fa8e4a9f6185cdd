import type { AccountHealth } from '../ports.ts';
import { AccountPath, accountFinder } from './account-path.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { addLoginRoutes } from './login-routes.ts';
import { nameSchema } from './patterned.ts';
import { Type } from './typebox.ts';
import { isoTime, NoQuery } from './view.ts';

const NewAccount = Type.Object(
  { id: nameSchema('What the account is called here; Telegram does not hear of it.') },
  { additionalProperties: false },
);
const AccountSchema = Type.Object({
  id: Type.String({ description: 'What it is called here.' }),
  state: Type.String({ description: 'Of its connection: authenticated, backoff, reauth-required …' }),
  since: Type.String({ format: 'date-time', description: 'Since when it is in this state.' }),
  reason: Type.Optional(Type.String({ description: 'Why, where an error led there.' })),
  userId: Type.Optional(
    Type.Integer({ description: 'The Telegram user that it is, since its first login; absent before.', examples: [7_000_001] }),
  ),
});

/** The accounts, in the order of an account's life: made, logged in and out, removed. */
export function addAccountRoutes(app: App, deps: Pick<GatewayDeps, 'clock' | 'logins' | 'accounts'>, base: string): void {
  const { clock, accounts } = deps;
  const { find, asPath } = accountFinder(deps);
  const route = `${base}/accounts`;

  app.get(
    route,
    {
      config: { scope: 'read', summary: 'The accounts, and how they are', errors: ['STORE_UNAVAILABLE'] },
      schema: { querystring: NoQuery, response: { 200: Type.Object({ accounts: Type.Array(AccountSchema) }) } },
    },
    async () => ({ accounts: (await withinDeadline(clock, READ_MS, accounts.list())).map(accountView) }),
  );

  app.post(
    route,
    {
      config: {
        scope: 'admin',
        summary: 'Make an account, to be logged in then',
        errors: ['ACCOUNT_EXISTS', 'STORE_UNAVAILABLE'],
      },
      schema: { body: NewAccount, querystring: NoQuery, response: { 201: Type.Object({ id: Type.String() }) } },
    },
    async (request, reply) => {
      const { id } = request.body;
      await withinDeadline(clock, READ_MS, accounts.create(id));
      return reply.code(201).header('location', `${route}/${id}/login`).send({ id });
    },
  );

  app.get(
    `${route}/:id`,
    {
      config: { scope: 'read', summary: 'An account, and how it is', errors: ['STORE_UNAVAILABLE'] },
      schema: { params: AccountPath, querystring: NoQuery, response: { 200: AccountSchema } },
    },
    async (request) => accountView(await find(request.params.id)),
  );

  addLoginRoutes(app, deps, route);

  app.delete(
    `${route}/:id`,
    {
      config: {
        scope: 'admin',
        summary: 'Remove an account: it is served no more, and what waits for it is cancelled',
        errors: ['STORE_UNAVAILABLE'],
      },
      schema: {
        params: AccountPath,
        querystring: NoQuery,
        response: {
          200: Type.Object({ id: Type.String(), cancelledJobs: Type.Integer({ description: 'Jobs that waited for it.' }) }),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      return { id, cancelledJobs: await asPath(id, withinDeadline(clock, READ_MS, accounts.remove(id))) };
    },
  );
}

function accountView({ id, state, since, reason, userId }: AccountHealth) {
  return {
    id,
    state,
    since: isoTime(since),
    ...(reason === undefined ? {} : { reason }),
    ...(userId === undefined ? {} : { userId }),
  };
}
