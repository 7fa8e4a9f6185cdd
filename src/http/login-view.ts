import type { Static } from 'typebox';
import { LOGIN_STATES, type LoginView } from '../ports.ts';
import { qrSvg } from '../qr-code.ts';
import { sentence } from './sentence.ts';
import { Type } from './typebox.ts';
import { isoTime, isoTimeOrNull, nullable } from './view.ts';

const Time = (description: string) => Type.String({ format: 'date-time', description });

/** A login as HTTP tells it. */
export const LoginSchema = Type.Object({
  accountId: Type.String({ description: 'The account that is logged in.' }),
  method: Type.Enum(['code', 'qr'], { description: 'How it was begun.' }),
  state: Type.Enum([...LOGIN_STATES], { description: 'Where it stands; done, failed and cancelled are its ends.' }),
  startedAt: Time('When it was begun.'),
  phone: nullable(Type.String({ description: 'With most of its digits left out.' })),
  code: nullable(
    Type.Object({
      via: Type.String({ description: 'How the code went out: app, sms, call …' }),
      length: nullable(Type.Integer({ description: 'How many characters it has.' })),
      nextVia: nullable(Type.String({ description: 'How it would be sent again; null when there is no other way.' })),
      resendAt: nullable(Time('From when on it makes sense to ask for another one.')),
    }),
  ),
  triesLeft: nullable(Type.Integer({ description: 'How many more codes, or passwords, may be wrong.' })),
  passwordHint: nullable(Type.String({ description: 'What its owner wrote down for himself.' })),
  qr: nullable(
    Type.Object({
      url: Type.String({ description: 'What the code says, for whoever draws it himself.' }),
      svg: Type.String({ description: 'The code as an image.' }),
      expiresAt: Time('Ask again before: it is replaced by another one.'),
    }),
  ),
  waitUntil: nullable(Time('Telegram takes nothing before.')),
  expiresAt: nullable(Time('When it ends by itself unless somebody goes on with it.')),
  error: nullable(
    Type.Object(
      { code: Type.String({ description: 'One of the codes of errors.' }), message: Type.String({ description: 'For people.' }) },
      { description: 'Why it failed, or what went wrong last.' },
    ),
  ),
});

/** @returns a login as HTTP tells it */
export function loginView(login: LoginView): Static<typeof LoginSchema> {
  const { code, qr, error } = login;
  return {
    accountId: login.accountId,
    method: login.method,
    state: login.state,
    startedAt: isoTime(login.startedAt),
    phone: login.phone,
    code: code && { ...code, resendAt: isoTimeOrNull(code.resendAt) },
    triesLeft: login.triesLeft,
    passwordHint: login.passwordHint,
    qr: qr && { url: qr.url, svg: qrSvg(qr.url), expiresAt: isoTime(qr.expiresAt) },
    waitUntil: isoTimeOrNull(login.waitUntil),
    expiresAt: isoTimeOrNull(login.expiresAt),
    error: error && { code: error.code, message: sentence(error.message) },
  };
}
