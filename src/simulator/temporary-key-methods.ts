import type { ApiCall, ApiMethods } from './api-call.ts';
import { openBindingMessage } from './binding-message.ts';
import { RpcError } from './rpc-error.ts';
import { tl } from './tl.ts';

/** @returns true in TL @throws RpcError TEMP_AUTH_KEY_EMPTY, TEMP_AUTH_KEY_ALREADY_BOUND, ENCRYPTED_MESSAGE_INVALID, EXPIRES_AT_INVALID */
function bind(call: ApiCall): Buffer {
  const { request, session, host } = call;
  const temporary = session.wireKey;
  if (temporary.expiresAt === undefined) throw new RpcError(400, 'TEMP_AUTH_KEY_EMPTY');
  const permanent = host.state.key(request.permAuthKeyId as bigint);
  const isPermanent = permanent !== undefined && permanent.expiresAt === undefined && permanent.dcId === temporary.dcId;
  const inner = isPermanent ? openBindingMessage(permanent.key, call.bytes('encryptedMessage'), call.messageId) : undefined;
  const fits =
    inner?.nonce === request.nonce &&
    inner?.tempAuthKeyId === temporary.key.id &&
    inner?.permAuthKeyId === request.permAuthKeyId &&
    inner?.tempSessionId === session.id &&
    inner?.expiresAt === request.expiresAt;
  if (permanent === undefined || !fits) throw new RpcError(400, 'ENCRYPTED_MESSAGE_INVALID');
  if (temporary.boundTo !== undefined && temporary.boundTo !== permanent) throw new RpcError(400, 'TEMP_AUTH_KEY_ALREADY_BOUND');
  const expiresAt = call.int('expiresAt');
  if (expiresAt <= host.now()) throw new RpcError(400, 'EXPIRES_AT_INVALID');
  // The key ends when it was made to, however much later the client says it shall.
  host.state.bindKey(temporary, permanent, Math.min(expiresAt, temporary.expiresAt));
  return tl.encode({ _: 'boolTrue' });
}

/** Temporary keys, for perfect forward secrecy (https://core.telegram.org/api/pfs). */
export const temporaryKeyMethods: ApiMethods = {
  'auth.bindTempAuthKey': { anonymous: true, early: true, run: bind },
};
