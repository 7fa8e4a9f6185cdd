import { randomBytes } from 'node:crypto';
import type { ApiCall, ApiMethods } from './api-call.ts';
import { DH_GENERATOR, DH_PRIME } from './diffie-hellman.ts';
import { logIn } from './finish-login.ts';
import { RpcError } from './rpc-error.ts';
import type { TlObject } from './tl-codec.ts';

const ALGORITHM = 'passwordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow';

function algorithm(salt1: Buffer, salt2: Buffer): TlObject {
  return { _: ALGORITHM, salt1, salt2, g: DH_GENERATOR, p: DH_PRIME };
}

function getPassword(call: ApiCall): TlObject {
  const account = call.knownAccount;
  const check = call.host.passwords.begin(account, call.host.now());
  return {
    _: 'account.password',
    ...(check === undefined
      ? {}
      : {
          hasPassword: true,
          currentAlgo: algorithm(check.salt1, check.salt2),
          srp_B: check.publicValue,
          srpId: check.id,
          ...(account.hint === null ? {} : { hint: account.hint }),
        }),
    newAlgo: algorithm(randomBytes(8), randomBytes(16)),
    newSecureAlgo: { _: 'securePasswordKdfAlgoPBKDF2HMACSHA512iter100000', salt: randomBytes(8) },
    secureRandom: randomBytes(256),
  };
}

/** The second step of a login (https://core.telegram.org/api/srp). */
export const passwordMethods: ApiMethods = {
  'account.getPassword': { anonymous: true, run: getPassword },
  'auth.checkPassword': {
    anonymous: true,
    run: (call) => {
      const account = call.knownAccount;
      const input = call.object('password');
      if (input._ !== 'inputCheckPasswordSRP') throw new RpcError(400, 'PASSWORD_HASH_INVALID');
      call.host.passwords.check(account, input.srpId as bigint, input.A as Buffer, input.M1 as Buffer, call.host.now());
      return logIn(call, account);
    },
  },
};
