import type { ApiCall, ApiMethods } from './api-call.ts';
import { logIn } from './finish-login.ts';
import type { KeyState } from './key-state.ts';
import { RpcError } from './rpc-error.ts';
import { tl } from './tl.ts';
import type { TlObject } from './tl-codec.ts';

/** What a login is that was ended from another device. */
const REVOKED = { code: 401, message: 'SESSION_REVOKED' } as const;

/** A login as its owner sees it in his list. The hash of the one that asks is 0; the others' is their key's id. */
export function authorizationObject({ key, device, loggedInAt }: KeyState, current: boolean, now: number): TlObject {
  return {
    _: 'authorization',
    ...(current ? { current } : {}),
    hash: current ? 0n : key.id,
    deviceModel: device?.deviceModel ?? '',
    platform: '',
    systemVersion: device?.systemVersion ?? '',
    apiId: device?.apiId ?? 0,
    appName: '',
    appVersion: device?.appVersion ?? '',
    dateCreated: loggedInAt,
    dateActive: now,
    ip: '127.0.0.1',
    country: 'PT',
    region: '',
  };
}

function keysOf(call: ApiCall): KeyState[] {
  const { account } = call;
  return [...call.host.state.keys].filter((key) => key.account === account);
}

/** What is done with a login once it is there. */
export const authorizationMethods: ApiMethods = {
  'auth.logOut': {
    anonymous: true,
    run: (call) => {
      const { phone } = call.knownAccount;
      call.host.state.logout(call.session.key);
      call.host.log.debug({ phone }, 'simulator: logged out');
      return { _: 'auth.loggedOut' };
    },
  },
  'auth.exportAuthorization': {
    run: (call) => {
      const dcId = call.int('dcId');
      const known = call.host.dataCentres.some(({ id }) => id === dcId);
      if (!known || dcId === call.dcId) throw new RpcError(400, 'DC_ID_INVALID');
      const bytes = call.host.exports.export(call.account, dcId, call.host.now());
      return { _: 'auth.exportedAuthorization', id: call.account.userId, bytes };
    },
  },
  'auth.importAuthorization': {
    anonymous: true,
    run: (call) => {
      const { exports } = call.host;
      return logIn(call, exports.import(call.request.id as bigint, call.bytes('bytes'), call.dcId, call.host.now()));
    },
  },
  'account.getAuthorizations': {
    run: (call) => ({
      _: 'account.authorizations',
      authorizationTtlDays: 180,
      authorizations: keysOf(call).map((key) => authorizationObject(key, key === call.session.key, call.host.now())),
    }),
  },
  'account.resetAuthorization': {
    run: (call) => {
      const hash = call.request.hash as bigint;
      const key = keysOf(call).find((one) => one.key.id === hash && one !== call.session.key);
      if (key === undefined) throw new RpcError(400, 'HASH_INVALID');
      call.host.state.refuse(key, REVOKED.code, REVOKED.message);
      return tl.encode({ _: 'boolTrue' });
    },
  },
  'auth.resetAuthorizations': {
    run: (call) => {
      for (const key of keysOf(call)) {
        if (key !== call.session.key) call.host.state.refuse(key, REVOKED.code, REVOKED.message);
      }
      return tl.encode({ _: 'boolTrue' });
    },
  },
};
