import type { AccountState } from './account-state.ts';
import type { ApiCall, ApiMethods } from './api-call.ts';
import { finishLogin } from './finish-login.ts';
import type { CodeMeans, SentCode } from './login-codes.ts';
import { RpcError } from './rpc-error.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';

/** When a client may ask for a code to be resent, in seconds. The server does not insist on it. */
const RESEND_SECONDS = 120;

/** How each means is named once it was used, and before. */
const NAMES: Readonly<Record<CodeMeans, { readonly sent: string; readonly next: string }>> = {
  // Telegram never comes back to the app once it went on from there: the name it would have as the next means is not there.
  app: { sent: 'auth.sentCodeTypeApp', next: '' },
  sms: { sent: 'auth.sentCodeTypeSms', next: 'auth.codeTypeSms' },
  call: { sent: 'auth.sentCodeTypeCall', next: 'auth.codeTypeCall' },
};

/** Whose number it is. @throws RpcError PHONE_NUMBER_INVALID, PHONE_NUMBER_BANNED, PHONE_NUMBER_FLOOD, PHONE_MIGRATE_X */
function accountOf(call: ApiCall): AccountState {
  // A number of nobody would be signed up; this world has as many people as it has.
  const account = call.host.state.account(call.text('phoneNumber').replace(/\D/g, ''));
  if (account === undefined) throw new RpcError(400, 'PHONE_NUMBER_INVALID');
  if (account.number === 'banned') throw new RpcError(400, 'PHONE_NUMBER_BANNED');
  if (account.number === 'flooded') throw new RpcError(400, 'PHONE_NUMBER_FLOOD');
  if (account.dcId !== call.dcId) throw new RpcError(303, `PHONE_MIGRATE_${account.dcId}`);
  return account;
}

function sentCode({ code }: AccountState, { hash, means, next }: SentCode): TlObject {
  return {
    _: 'auth.sentCode',
    type: { _: NAMES[means].sent, length: code.length },
    phoneCodeHash: hash,
    ...(next === undefined ? {} : { nextType: { _: NAMES[next].next } }),
    timeout: RESEND_SECONDS,
  };
}

/** Login by a code (https://core.telegram.org/api/auth). */
export const codeMethods: ApiMethods = {
  'auth.sendCode': {
    anonymous: true,
    run: (call) => {
      if (call.int('apiId') <= 0 || call.text('apiHash') === '') throw new RpcError(400, 'API_ID_INVALID');
      const account = accountOf(call);
      return sentCode(account, call.host.codes.send(account, call.host.now()));
    },
  },
  'auth.resendCode': {
    anonymous: true,
    run: (call) => {
      const account = accountOf(call);
      return sentCode(account, call.host.codes.resend(account, call.text('phoneCodeHash'), call.host.now()));
    },
  },
  'auth.cancelCode': {
    anonymous: true,
    run: (call) => {
      call.host.codes.cancel(accountOf(call), call.text('phoneCodeHash'), call.host.now());
      return tl.encode({ _: 'boolTrue' });
    },
  },
  'auth.signIn': {
    anonymous: true,
    run: (call) => {
      const account = accountOf(call);
      call.host.codes.check(account, call.text('phoneCodeHash'), call.text('phoneCode'), call.host.now());
      return finishLogin(call, account);
    },
  },
};
