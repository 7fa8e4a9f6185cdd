import type { AccountState } from './account-state.ts';
import type { ApiCall } from './api-call.ts';
import { PeerView } from './peer-view.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';

/** Logs the calling key in for good. @returns an `auth.authorization` */
export function logIn(call: ApiCall, account: AccountState): TlObject {
  const { key } = call.session;
  call.host.state.login(key, account);
  key.loggedInAt = call.host.now();
  return { _: 'auth.authorization', user: new PeerView(call.host.secret, account.world).self() };
}

/**
 * What follows the first step of a login, whichever it was. @returns an `auth.authorization`
 * @throws RpcError SESSION_PASSWORD_NEEDED where there is a second one
 */
export function finishLogin(call: ApiCall, account: AccountState): TlObject {
  if (account.password === null) return logIn(call, account);
  call.session.key.pending = account;
  throw new RpcError(401, 'SESSION_PASSWORD_NEEDED');
}
