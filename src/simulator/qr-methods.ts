import type { AccountState } from './account-state.ts';
import type { ApiCall, ApiMethods } from './api-call.ts';
import { authorizationObject } from './authorization-methods.ts';
import { finishLogin } from './finish-login.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';

function exportLoginToken(call: ApiCall): TlObject {
  if (call.int('apiId') <= 0 || call.text('apiHash') === '') throw new RpcError(400, 'API_ID_INVALID');
  const { tokens } = call.host;
  const { key } = call.session;
  const now = call.host.now();
  const account = tokens.takeAccepted(key.key.id, now);
  if (account === undefined) {
    const exceptIds = (call.request.exceptIds as readonly bigint[]).map(Number);
    const { token, until } = tokens.show(key.key.id, exceptIds, now);
    return { _: 'auth.loginToken', expires: until, token };
  }
  if (account.dcId !== call.dcId) {
    return { _: 'auth.loginTokenMigrateTo', dcId: account.dcId, token: tokens.migrate(account, now) };
  }
  return { _: 'auth.loginTokenSuccess', authorization: finishLogin(call, account) };
}

/**
 * Lets the holder of a token in, and tells its client.
 * @returns the key that waits for it @throws RpcError AUTH_TOKEN_INVALIDX, AUTH_TOKEN_EXPIRED, AUTH_TOKEN_EXCEPTION
 */
export function acceptLoginToken(host: ApiCall['host'], token: Buffer, account: AccountState): TlObject {
  const keyId = host.tokens.accept(token, account, host.now());
  const key = host.state.key(keyId);
  if (key === undefined) throw new RpcError(400, 'AUTH_TOKEN_INVALIDX');
  host.pusher.tellKey(key, { _: 'updateShort', update: { _: 'updateLoginToken' }, date: host.now() });
  return authorizationObject(key, false, host.now());
}

/** Login by a QR code (https://core.telegram.org/api/qr-login). */
export const qrMethods: ApiMethods = {
  'auth.exportLoginToken': { anonymous: true, run: exportLoginToken },
  'auth.importLoginToken': {
    anonymous: true,
    run: (call) => {
      const account = call.host.tokens.takeMigrating(call.bytes('token'), call.dcId, call.host.now());
      return { _: 'auth.loginTokenSuccess', authorization: finishLogin(call, account) };
    },
  },
  'auth.acceptLoginToken': { run: (call) => acceptLoginToken(call.host, call.bytes('token'), call.account) },
};
