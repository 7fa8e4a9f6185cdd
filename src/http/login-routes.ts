import type { Static } from 'typebox';
import { VigiliaError } from '../errors.ts';
import { type LoginRequest, type LoginView, WORKING_LOGIN_STATES } from '../ports.ts';
import { AccountPath, accountFinder } from './account-path.ts';
import type { App } from './app.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { LoginSchema, loginView } from './login-view.ts';
import { patterned } from './patterned.ts';
import { Type } from './typebox.ts';
import { NoQuery } from './view.ts';

/** How long an answer waits for the login's next step, in ms; the login goes on all the same. */
const SETTLE_MS = 8_000;

const Begin = Type.Object(
  {
    method: Type.Enum(['code', 'qr'], { description: 'By a code that Telegram sends, or a QR code that a phone scans.' }),
    phone: Type.Optional(
      patterned('^\\+?[0-9][0-9 ().-]{4,30}$', 'a number in international form, as +55 11 90000-1234', {
        description: 'In international form; needed by the method code.',
      }),
    ),
    replace: Type.Boolean({ default: false, description: 'Also when the account is logged in and connected.' }),
  },
  { additionalProperties: false },
);
const Code = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 64, description: 'As Telegram sent it.' }) },
  { additionalProperties: false },
);
const Password = Type.Object(
  { password: Type.String({ minLength: 1, maxLength: 512, description: 'Of two-step verification.' }) },
  { additionalProperties: false },
);

const loginStep = { params: AccountPath, querystring: NoQuery, response: { 200: LoginSchema, 202: LoginSchema } };
/** Of a route that tells of a login, and has it do nothing. */
const loginLook = { params: AccountPath, querystring: NoQuery, response: { 200: LoginSchema } };

/** A reply, as far as a login's answer needs it. */
interface LoginReply {
  code(status: 200 | 202): unknown;
  header(name: string, value: string): unknown;
}

/**
 * How people log an account in and out. Codes and passwords come in bodies, which nobody writes down; they are in no answer.
 * An answer waits for the login's next step for a while: 200 when it waits for a person or is over, 202 when it is still at work.
 */
export function addLoginRoutes(app: App, deps: Pick<GatewayDeps, 'clock' | 'logins' | 'accounts'>, route: string): void {
  const { logins } = deps;
  const { asPath } = accountFinder(deps);

  const told = async (reply: LoginReply, id: string, work: Promise<LoginView>): Promise<Static<typeof LoginSchema>> => {
    await asPath(id, work);
    const login = await logins.settled(id, SETTLE_MS);
    reply.code(isAtWork(login) ? 202 : 200);
    reply.header('cache-control', 'no-store');
    return loginView(login);
  };

  app.post(
    `${route}/:id/login`,
    {
      config: {
        scope: 'admin',
        summary: 'Begin a login',
        errors: ['LOGIN_UNDER_WAY', 'LOGIN_NOT_NEEDED', 'LOGIN_ELSEWHERE', 'SUPERVISION_REFUSED', 'STORE_UNAVAILABLE'],
      },
      schema: { ...loginStep, body: Begin },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { replace } = request.body;
      return told(reply, id, logins.begin(id, loginRequest(request.body), replace));
    },
  );

  app.get(
    `${route}/:id/login`,
    {
      config: {
        scope: 'admin',
        summary: 'Where its login stands',
        errors: ['LOGIN_NOT_FOUND', 'STORE_UNAVAILABLE'],
        notKept: true,
      },
      schema: loginLook,
    },
    async (request) => {
      const { id } = request.params;
      return loginView(await asPath(id, logins.view(id)));
    },
  );

  const step = ['LOGIN_NOT_FOUND', 'LOGIN_WRONG_STEP', 'TELEGRAM_FLOOD', 'STORE_UNAVAILABLE'] as const;

  app.post(
    `${route}/:id/login/resend`,
    { config: { scope: 'admin', summary: 'Have its code sent again, another way', errors: step }, schema: loginStep },
    async (request, reply) => {
      const { id } = request.params;
      return told(reply, id, logins.resendCode(id));
    },
  );

  app.post(
    `${route}/:id/login/code`,
    { config: { scope: 'admin', summary: 'Give its code', errors: step }, schema: { ...loginStep, body: Code } },
    async (request, reply) => {
      const { id } = request.params;
      return told(reply, id, logins.giveCode(id, request.body.code.trim()));
    },
  );

  app.post(
    `${route}/:id/login/password`,
    { config: { scope: 'admin', summary: 'Give its password', errors: step }, schema: { ...loginStep, body: Password } },
    async (request, reply) => {
      const { id } = request.params;
      return told(reply, id, logins.givePassword(id, request.body.password));
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
      schema: loginStep,
    },
    async (request, reply) => {
      const { id } = request.params;
      return told(reply, id, logins.cancel(id));
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
      await asPath(id, logins.logOut(id));
      return { id };
    },
  );
}

function isAtWork({ state, qr }: LoginView): boolean {
  return WORKING_LOGIN_STATES.has(state) || (state === 'showing-qr' && qr === null);
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
