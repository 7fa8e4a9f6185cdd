import { pause, systemClock } from '../clock.ts';
import type { Token } from '../config-values.ts';
import { ERRORS, type ErrorCode, errorRecord, VigiliaError } from '../errors.ts';
import { type Logins, type LoginView, WORKING_LOGIN_STATES } from '../ports.ts';

/** Longer than a gateway waits for a login's next step, in ms. */
const ANSWER_MS = 30_000;
/** How often a login is asked for, in ms. */
const POLL_MS = 500;

/** A login as HTTP tells it: times as ISO 8601. */
interface LoginAnswer extends Omit<LoginView, 'startedAt' | 'code' | 'qr' | 'waitUntil' | 'expiresAt' | 'error'> {
  readonly startedAt: string;
  readonly code: (Omit<NonNullable<LoginView['code']>, 'resendAt'> & { readonly resendAt: string | null }) | null;
  readonly qr: { readonly url: string; readonly expiresAt: string } | null;
  readonly waitUntil: string | null;
  readonly expiresAt: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Logins over HTTP, and what they need. */
export interface HttpLogins extends Pick<Logins, Exclude<keyof Logins, 'logOut'>> {
  /** Makes an account. One that is there already is as good. */
  makeAccount(accountId: string): Promise<void>;
}

/**
 * Logins through a running gateway.
 * @param url where it listens
 * @param tokens as configured: the first with scope admin is used
 */
export function httpLogins(url: string, tokens: readonly Token[]): HttpLogins {
  const token = tokens.find(({ scope }) => scope === 'admin')?.token;
  const tokenHint =
    token === undefined
      ? `The program at ${url} wants a token of scope admin: set GATEWAY_TOKENS as it has it.`
      : `The first admin token of GATEWAY_TOKENS is not one of the program at ${url}.`;
  const accounts = '/api/telegram-gateway/accounts';
  const at = (accountId: string): string => `${accounts}/${encodeURIComponent(accountId)}/login`;

  const ask = async (method: string, path: string, body?: object): Promise<LoginView> =>
    viewOf((await answerOf(method, path, body)) as LoginAnswer);

  async function answerOf(method: string, path: string, body: object | undefined): Promise<unknown> {
    const answer = await send(method, path, body);
    const given = (await answer.json().catch(() => undefined)) as unknown;
    if (answer.ok) return given;
    const { code, message: sentence } = (given as { error?: { code?: string; message?: string } } | undefined)?.error ?? {};
    const message = sentence === undefined ? undefined : clause(sentence);
    const known = code !== undefined && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL';
    if (known === 'UNAUTHORIZED' || known === 'FORBIDDEN') throw new VigiliaError(known, `${sentence} ${tokenHint}`);
    const wait = Number(answer.headers.get('retry-after') ?? Number.NaN);
    throw new VigiliaError(known, `${message ?? `the program at ${url} answered ${answer.status}`}`, {
      ...(Number.isNaN(wait) ? {} : { retryAfterMs: wait * 1000 }),
    });
  }

  async function send(method: string, path: string, body: object | undefined): Promise<Response> {
    try {
      return await fetch(url + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { 'x-gateway-token': token }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch (cause) {
      throw new VigiliaError('LOGIN_ELSEWHERE', `the program at ${url} cannot be asked`, { cause });
    }
  }

  const view = (accountId: string): Promise<LoginView> => ask('GET', at(accountId));
  return {
    begin: (accountId, request, replace) => ask('POST', at(accountId), { ...request, replace }),
    giveCode: (accountId, code) => ask('POST', `${at(accountId)}/code`, { code }),
    givePassword: (accountId, password) => ask('POST', `${at(accountId)}/password`, { password }),
    resendCode: (accountId) => ask('POST', `${at(accountId)}/resend`),
    cancel: (accountId) => ask('DELETE', at(accountId)),
    view,
    async makeAccount(accountId) {
      try {
        await answerOf('POST', accounts, { id: accountId });
      } catch (error) {
        if (!(error instanceof VigiliaError) || error.code !== 'ACCOUNT_EXISTS') throw error;
      }
    },
    async settled(accountId, withinMs) {
      const until = systemClock.monotonic() + withinMs;
      for (;;) {
        const login = await view(accountId);
        const works = WORKING_LOGIN_STATES.has(login.state) && login.error === null;
        if (!works || systemClock.monotonic() >= until) return login;
        await pause(systemClock, POLL_MS, new AbortController().signal);
      }
    },
  };
}

function viewOf(login: LoginAnswer): LoginView {
  const { code, qr, error } = login;
  const known = error !== null && Object.hasOwn(ERRORS, error.code) ? (error.code as ErrorCode) : 'INTERNAL';
  return {
    ...login,
    startedAt: Date.parse(login.startedAt),
    code: code && { ...code, resendAt: timeOf(code.resendAt) },
    qr: qr && { url: qr.url, expiresAt: Date.parse(qr.expiresAt) },
    waitUntil: timeOf(login.waitUntil),
    expiresAt: timeOf(login.expiresAt),
    error: error && errorRecord(new VigiliaError(known, clause(error.message))),
  };
}

function timeOf(iso: string | null): number | null {
  return iso === null ? null : Date.parse(iso);
}

/** A sentence of the gateway as the other errors of this program are: a part of a line, without its stop. */
function clause(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
