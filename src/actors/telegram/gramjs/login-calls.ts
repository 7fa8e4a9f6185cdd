import { computeCheck } from 'telegram/Password.js';
import { Api } from 'telegram/tl/index.js';
import { ERRORS, type ErrorCode, VigiliaError } from '../../../errors.ts';
import type { LoginLink, LoginToken, SentCode, TelegramLink } from '../../../ports.ts';

/** Telegram's answers to a login, by what they mean for it (https://core.telegram.org/api/auth, https://core.telegram.org/api/errors). */
const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  PHONE_NUMBER_INVALID: 'LOGIN_PHONE_INVALID',
  PHONE_NUMBER_BANNED: 'LOGIN_PHONE_BANNED',
  USER_DEACTIVATED: 'LOGIN_PHONE_BANNED',
  USER_DEACTIVATED_BAN: 'LOGIN_PHONE_BANNED',
  PHONE_NUMBER_FLOOD: 'LOGIN_PHONE_FLOODED',
  PHONE_PASSWORD_FLOOD: 'LOGIN_PHONE_FLOODED',
  PHONE_NUMBER_UNOCCUPIED: 'LOGIN_SIGN_UP_NEEDED',
  PHONE_NUMBER_APP_SIGNUP_FORBIDDEN: 'LOGIN_SIGN_UP_NEEDED',
  API_ID_INVALID: 'LOGIN_APP_REFUSED',
  API_ID_PUBLISHED_FLOOD: 'LOGIN_APP_REFUSED',
  UPDATE_APP_TO_LOGIN: 'LOGIN_APP_REFUSED',
  PHONE_CODE_INVALID: 'LOGIN_CODE_INVALID',
  PHONE_CODE_EMPTY: 'LOGIN_CODE_INVALID',
  PHONE_CODE_EXPIRED: 'LOGIN_CODE_EXPIRED',
  PHONE_CODE_HASH_EMPTY: 'LOGIN_CODE_EXPIRED',
  PHONE_HASH_EXPIRED: 'LOGIN_CODE_EXPIRED',
  SESSION_PASSWORD_NEEDED: 'LOGIN_PASSWORD_NEEDED',
  PASSWORD_HASH_INVALID: 'LOGIN_PASSWORD_INVALID',
  SEND_CODE_UNAVAILABLE: 'LOGIN_NO_OTHER_WAY',
  AUTH_RESTART: 'LOGIN_LOST',
  // Asked for again, both are new.
  SRP_ID_INVALID: 'TELEGRAM_TRANSIENT',
  SRP_PASSWORD_CHANGED: 'TELEGRAM_TRANSIENT',
  AUTH_TOKEN_EXPIRED: 'TELEGRAM_TRANSIENT',
  AUTH_TOKEN_INVALID: 'TELEGRAM_TRANSIENT',
  AUTH_TOKEN_INVALIDX: 'TELEGRAM_TRANSIENT',
};

/** What of a link a login is made on. */
interface Caller extends Pick<TelegramLink, 'connect' | 'userId' | 'logOut' | 'session' | 'close'> {
  invoke<R extends Api.AnyRequest>(request: R): Promise<R['__response']>;
  moveTo(dcId: number): Promise<void>;
}

/**
 * The calls of a login, raw: GramJS's own helpers loop on errors and leave handlers behind.
 * @param link used for this login only
 */
export function loginLink(link: Caller, { apiId, apiHash }: { readonly apiId: number; readonly apiHash: string }): LoginLink {
  const call = async <R extends Api.AnyRequest>(request: R): Promise<R['__response']> => {
    try {
      return await link.invoke(request);
    } catch (thrown) {
      throw translated(thrown);
    }
  };

  async function exportToken(): Promise<LoginToken> {
    const answer = await call(new Api.auth.ExportLoginToken({ apiId, apiHash, exceptIds: [] }));
    return readToken(answer);
  }

  async function readToken(answer: Api.auth.TypeLoginToken): Promise<LoginToken> {
    if (answer instanceof Api.auth.LoginToken) {
      return { kind: 'shown', token: answer.token.toString('base64url'), expiresAt: answer.expires * 1000 };
    }
    if (answer instanceof Api.auth.LoginTokenMigrateTo) {
      await link.moveTo(answer.dcId);
      return readToken(await call(new Api.auth.ImportLoginToken({ token: answer.token })));
    }
    refuseSignUp(answer.authorization);
    return { kind: 'accepted' };
  }

  return {
    connect: () => link.connect(),
    userId: () => link.userId(),
    logOut: () => link.logOut(),
    session: () => link.session(),
    close: () => link.close(),
    exportToken,

    async sendCode(phoneNumber) {
      const settings = new Api.CodeSettings({});
      return readCode(await call(new Api.auth.SendCode({ phoneNumber, apiId, apiHash, settings })));
    },
    resendCode: async (phoneNumber, phoneCodeHash) =>
      readCode(await call(new Api.auth.ResendCode({ phoneNumber, phoneCodeHash }))),
    async cancelCode(phoneNumber, phoneCodeHash) {
      await call(new Api.auth.CancelCode({ phoneNumber, phoneCodeHash }));
    },
    async signIn(phoneNumber, phoneCodeHash, phoneCode) {
      refuseSignUp(await call(new Api.auth.SignIn({ phoneNumber, phoneCodeHash, phoneCode })));
    },

    async passwordHint() {
      const password = await call(new Api.account.GetPassword());
      if (!password.hasPassword) throw new VigiliaError('LOGIN_LOST', 'Telegram asks for no password any more');
      return password.hint || null;
    },
    async checkPassword(text) {
      const parameters = await call(new Api.account.GetPassword());
      const password = await computeCheck(parameters, text).catch((cause: unknown) => {
        throw new VigiliaError('LOGIN_APP_REFUSED', 'the client library cannot prove this password to Telegram', { cause });
      });
      refuseSignUp(await call(new Api.auth.CheckPassword({ password })));
    },

    async standing() {
      try {
        await call(new Api.updates.GetState());
        return 'logged-in';
      } catch (error) {
        const { code, fault } = error as VigiliaError;
        if (code === 'LOGIN_PASSWORD_NEEDED') return 'password-needed';
        if (fault === 'reauth') return 'logged-out';
        throw error;
      }
    },
  };
}

function readCode(answer: Api.auth.TypeSentCode): SentCode | undefined {
  if (answer instanceof Api.auth.SentCodeSuccess) {
    refuseSignUp(answer.authorization);
    return undefined;
  }
  const { type, nextType, phoneCodeHash, timeout } = answer;
  if (type instanceof Api.auth.SentCodeTypeSetUpEmailRequired) {
    throw new VigiliaError('LOGIN_APP_REFUSED', 'Telegram wants a login e-mail to be set up first, with an official app');
  }
  const length = 'length' in type ? type.length : null;
  return {
    hash: phoneCodeHash,
    via: wordOf(type.className, 'SentCodeType'),
    length: typeof length === 'number' ? length : null,
    nextVia: nextType ? wordOf(nextType.className, 'CodeType') : null,
    resendAfterS: timeout ?? null,
  };
}

/** @returns e.g. `missed-call` for `auth.SentCodeTypeMissedCall` */
function wordOf(className: string, prefix: string): string {
  const name = className.slice(className.indexOf(prefix) + prefix.length);
  return name.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}

function refuseSignUp(answer: Api.auth.TypeAuthorization): void {
  if (!(answer instanceof Api.auth.AuthorizationSignUpRequired)) return;
  throw new VigiliaError('LOGIN_SIGN_UP_NEEDED', 'this phone number has no Telegram account; sign up with an official app first');
}

/** By what Telegram said; what it says anywhere is translated already. */
function translated(thrown: unknown): unknown {
  if (!(thrown instanceof VigiliaError)) return thrown;
  const { errorMessage } = (thrown.cause ?? {}) as { errorMessage?: unknown };
  const code = typeof errorMessage === 'string' && Object.hasOwn(BY_NAME, errorMessage) ? BY_NAME[errorMessage] : undefined;
  if (code === undefined) return thrown;
  const meaning = ERRORS[code].meaning.replace(/\.$/, '');
  return new VigiliaError(code, `${meaning} (${thrown.message})`, { cause: thrown.cause });
}
