import { VigiliaError } from '../errors.ts';
import type { AccountHealth, LoginRequest, LoginState, LoginView } from '../ports.ts';
import type { App } from './app.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { LoginSchema, loginView } from './login-view.ts';
import { Type } from './typebox.ts';
import { isoTime, NoQuery } from './view.ts';

/** How long an answer waits for the login's next step, in ms; the login goes on all the same. */
const SETTLE_MS = 8_000;

/** Steps that end by themselves. */
const WORKING: ReadonlySet<LoginState> = new Set(['sending-code', 'checking-code', 'checking-password', 'saving', 'cancelling']);

const ACCOUNT_ID = '^[A-Za-z0-9_-]{1,64}$';
const AccountPath = Type.Object({ id: Type.String({ pattern: ACCOUNT_ID }) }, { additionalProperties: false });
const NewAccount = Type.Object(
  { id: Type.String({ pattern: ACCOUNT_ID, description: 'What the account is called here; Telegram does not hear of it.' }) },
  { additionalProperties: false },
);
const AccountSchema = Type.Object({
  id: Type.String(),
  state: Type.String({ description: 'Of its connection: authenticated, backoff, reauth-required …' }),
  since: Type.String({ format: 'date-time' }),
  reason: Type.Optional(Type.String()),
});

const Begin = Type.Object(
  {
    method: Type.Enum(['code', 'qr']),
    phone: Type.Optional(
      Type.String({ pattern: '^\\+?[0-9][0-9 ().-]{4,30}$', description: 'In international form; needed by the method code.' }),
    ),
    replace: Type.Boolean({ default: false, description: 'Also when the account is logged in and connected.' }),
  },
  { additionalProperties: false },
);
const Code = Type.Object({ code: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false });
const Password = Type.Object({ password: Type.String({ minLength: 1, maxLength: 512 }) }, { additionalProperties: false });

const ofLogin = { params: AccountPath, querystring: NoQuery, response: { 200: LoginSchema, 202: LoginSchema } };

/**
 * The accounts, and how people log them in and out. Codes and passwords come in bodies, which nobody writes down; they are in no answer.
 * An answer waits for the login's next step for a while: 200 when it waits for a person or is over, 202 when it is still at work.
 */
export function addAccountRoutes(app: App, { clock, logins, accounts }: GatewayDeps, base: string): void {
  const route = `${base}/accounts`;

  const settled = async (accountId: string): Promise<LoginView> => logins.settled(accountId, SETTLE_MS);
  const statusOf = ({ state, qr }: LoginView): 200 | 202 =>
    WORKING.has(state) || (state === 'showing-qr' && qr === null) ? 202 : 200;

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
        response: { 200: Type.Object({ id: Type.String(), cancelledJobs: Type.Integer() }) },
      },
    },
    async (request) => {
      const { id } = request.params;
      return { id, cancelledJobs: await asPath(withinDeadline(clock, READ_MS, accounts.remove(id))) };
    },
  );

  app.post(
    `${route}/:id/login`,
    {
      config: {
        scope: 'admin',
        summary: 'Begin a login',
        errors: ['LOGIN_UNDER_WAY', 'LOGIN_NOT_NEEDED', 'LOGIN_ELSEWHERE', 'SUPERVISION_REFUSED', 'STORE_UNAVAILABLE'],
      },
      schema: { ...ofLogin, body: Begin },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { replace } = request.body;
      await asPath(logins.begin(id, loginRequest(request.body), replace));
      const login = await settled(id);
      return reply.code(statusOf(login)).header('cache-control', 'no-store').send(loginView(login));
    },
  );

  app.get(
    `${route}/:id/login`,
    {
      config: { scope: 'admin', summary: 'Where its login stands', errors: ['LOGIN_NOT_FOUND', 'STORE_UNAVAILABLE'] },
      schema: ofLogin,
    },
    async (request, reply) => {
      const login = await logins.view(request.params.id);
      return reply.code(200).header('cache-control', 'no-store').send(loginView(login));
    },
  );

  const step = ['LOGIN_NOT_FOUND', 'LOGIN_WRONG_STEP', 'TELEGRAM_FLOOD', 'STORE_UNAVAILABLE'] as const;

  app.post(
    `${route}/:id/login/code`,
    { config: { scope: 'admin', summary: 'Give its code', errors: step }, schema: { ...ofLogin, body: Code } },
    async (request, reply) => {
      const { id } = request.params;
      await logins.giveCode(id, request.body.code.trim());
      const login = await settled(id);
      return reply.code(statusOf(login)).header('cache-control', 'no-store').send(loginView(login));
    },
  );

  app.post(
    `${route}/:id/login/password`,
    { config: { scope: 'admin', summary: 'Give its password', errors: step }, schema: { ...ofLogin, body: Password } },
    async (request, reply) => {
      const { id } = request.params;
      await logins.givePassword(id, request.body.password);
      const login = await settled(id);
      return reply.code(statusOf(login)).header('cache-control', 'no-store').send(loginView(login));
    },
  );

  app.post(
    `${route}/:id/login/resend`,
    { config: { scope: 'admin', summary: 'Have its code sent again, another way', errors: step }, schema: ofLogin },
    async (request, reply) => {
      const { id } = request.params;
      await logins.resendCode(id);
      const login = await settled(id);
      return reply.code(statusOf(login)).header('cache-control', 'no-store').send(loginView(login));
    },
  );

  app.delete(
    `${route}/:id/login`,
    {
      config: {
        scope: 'admin',
        summary: 'Cancel its login',
        errors: ['LOGIN_NOT_FOUND', 'LOGIN_WRONG_STEP', 'STORE_UNAVAILABLE'],
      },
      schema: ofLogin,
    },
    async (request, reply) => {
      const { id } = request.params;
      await logins.cancel(id);
      const login = await settled(id);
      return reply.code(statusOf(login)).header('cache-control', 'no-store').send(loginView(login));
    },
  );

  app.post(
    `${route}/:id/logout`,
    {
      config: {
        scope: 'admin',
        summary: 'End its session at Telegram',
        errors: ['LOGIN_WRONG_STEP', 'LOGIN_ELSEWHERE', 'TELEGRAM_OFFLINE', 'TELEGRAM_FLOOD', 'STORE_UNAVAILABLE'],
      },
      schema: { params: AccountPath, querystring: NoQuery, response: { 200: Type.Object({ id: Type.String() }) } },
    },
    async (request) => {
      const { id } = request.params;
      await asPath(logins.logOut(id));
      return { id };
    },
  );
}

function accountView({ id, state, since, reason }: AccountHealth) {
  return { id, state, since: isoTime(since), ...(reason === undefined ? {} : { reason }) };
}

function loginRequest({ method, phone }: { readonly method: 'code' | 'qr'; readonly phone?: string }): LoginRequest {
  if (method === 'qr') return { method };
  const digits = phone?.replace(/\D/g, '') ?? '';
  if (digits.length < 5 || digits.length > 15) {
    const why = phone === undefined ? 'is needed for a login by code' : 'has 5 to 15 digits';
    throw new VigiliaError('INVALID_REQUEST', `phone: ${why}.`, { field: 'phone' });
  }
  return { method, phone: `+${digits}` };
}

/** An account that a path names and that is not there is a path that is not there. */
async function asPath<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof VigiliaError) || error.code !== 'UNKNOWN_ACCOUNT') throw error;
    throw new VigiliaError('NOT_FOUND', `${error.message}; POST …/accounts makes one`, { cause: error, field: 'id' });
  }
}
