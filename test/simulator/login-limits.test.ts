import { describe, expect, it } from 'vitest';
import { AccountState } from '../../src/simulator/account-state.ts';
import { ExportedAuthorizations } from '../../src/simulator/exported-authorizations.ts';
import { LoginCodes } from '../../src/simulator/login-codes.ts';
import { LoginTokens } from '../../src/simulator/login-tokens.ts';
import { PasswordChecks } from '../../src/simulator/password-checks.ts';
import { DEFAULT_LIMITS } from '../../src/simulator/server-limits.ts';
import { passwordChallenge, passwordVerifier, provesPassword } from '../../src/simulator/srp.ts';
import { DEFAULT_ACCOUNT } from '../../src/simulator/world-file.ts';

const account = new AccountState({ ...DEFAULT_ACCOUNT, password: 'secret' }, []);
const other = new AccountState({ ...DEFAULT_ACCOUNT, phone: '15550000002', userId: 5 }, []);
const NOW = 1_700_000_000;

describe('codes', () => {
  it('are good until their time is over, and a second longer they are not', () => {
    const codes = new LoginCodes({ ...DEFAULT_LIMITS, codeSeconds: 60 });
    const early = codes.send(account, NOW).hash;
    codes.check(account, early, account.code, NOW + 60);
    const late = codes.send(account, NOW).hash;
    expect(() => codes.check(account, late, account.code, NOW + 61)).toThrow('PHONE_CODE_EXPIRED');
  });

  it('are good for their own account only, and once', () => {
    const codes = new LoginCodes({ ...DEFAULT_LIMITS });
    const { hash } = codes.send(account, NOW);
    expect(() => codes.check(other, hash, other.code, NOW)).toThrow('PHONE_CODE_EXPIRED');
    codes.check(account, hash, account.code, NOW);
    expect(() => codes.check(account, hash, account.code, NOW)).toThrow('PHONE_CODE_EXPIRED');
  });

  it('are sent so often within an hour, and one more when the first of them is an hour old', () => {
    const codes = new LoginCodes({ ...DEFAULT_LIMITS, codesPerHour: 3 });
    for (const at of [0, 10, 20]) codes.send(account, NOW + at);
    expect(() => codes.send(account, NOW + 100)).toThrow('FLOOD_WAIT_3500');
    codes.send(other, NOW + 100);
    codes.send(account, NOW + 3_600);
    expect(() => codes.send(account, NOW + 3_600)).toThrow('FLOOD_WAIT_10');
  });
});

describe('QR tokens', () => {
  it('are shown anew once their time is over, and are accepted no longer', () => {
    const tokens = new LoginTokens({ ...DEFAULT_LIMITS });
    const { token, until } = tokens.show(1n, [], NOW);
    expect(until).toBe(NOW + 30);
    expect(tokens.show(1n, [], NOW + 29).token).toEqual(token);
    expect(tokens.show(1n, [], NOW + 30).token).not.toEqual(token);
    expect(() => tokens.accept(token, account, NOW + 30)).toThrow('AUTH_TOKEN_EXPIRED');
  });

  it('belong to a key each, which hears once who accepted, while it still matters', () => {
    const tokens = new LoginTokens({ ...DEFAULT_LIMITS });
    const [one, two] = [tokens.show(1n, [], NOW), tokens.show(2n, [], NOW)];
    expect(tokens.accept(two.token, other, NOW)).toBe(2n);
    expect(tokens.takeAccepted(1n, NOW)).toBeUndefined();
    expect(tokens.takeAccepted(2n, NOW)).toBe(other);
    expect(tokens.takeAccepted(2n, NOW)).toBeUndefined();
    tokens.accept(one.token, account, NOW);
    expect(tokens.takeAccepted(1n, NOW + 300)).toBeUndefined();
  });

  it('are good at the other data centre for as long, and only at the right one', () => {
    const tokens = new LoginTokens({ ...DEFAULT_LIMITS });
    expect(() => tokens.takeMigrating(tokens.migrate(account, NOW), 4, NOW)).toThrow('AUTH_TOKEN_INVALID');
    expect(() => tokens.takeMigrating(tokens.migrate(account, NOW), 2, NOW + 30)).toThrow('AUTH_TOKEN_EXPIRED');
    expect(tokens.takeMigrating(tokens.migrate(account, NOW), 2, NOW + 29)).toBe(account);
  });
});

describe('password checks', () => {
  it('end with their time, and wait after too many wrong ones for as long as they say', () => {
    const checks = new PasswordChecks({ ...DEFAULT_LIMITS, passwordTries: 2, passwordWaitSeconds: 50 });
    const attempt = (now: number, asked = now): void => {
      const { id } = checks.begin(account, asked) ?? { id: 0n };
      checks.check(account, id, Buffer.alloc(256, 3), Buffer.alloc(32), now);
    };
    expect(() => attempt(NOW + 300, NOW)).toThrow('SRP_ID_INVALID');
    expect(() => attempt(NOW)).toThrow('PASSWORD_HASH_INVALID');
    expect(() => attempt(NOW)).toThrow('PASSWORD_HASH_INVALID');
    expect(() => attempt(NOW + 20)).toThrow('FLOOD_WAIT_30');
    expect(() => attempt(NOW + 50)).toThrow('PASSWORD_HASH_INVALID');
    expect(checks.begin(other, NOW)).toBeUndefined();
  });

  it('prove nothing to whoever sends values whose outcome he knows without the password', () => {
    const verifier = passwordVerifier('x', { salt1: Buffer.alloc(8), salt2: Buffer.alloc(8) });
    const challenge = passwordChallenge(verifier);
    for (const a of [0n, 1n, 2n ** 2_048n - 1n, 2n ** 1_984n]) {
      const bytes = Buffer.from(a.toString(16).padStart(512, '0'), 'hex');
      expect(provesPassword(verifier, challenge, bytes, Buffer.alloc(32))).toBe(false);
    }
    expect(provesPassword(verifier, challenge, Buffer.alloc(256, 7), Buffer.alloc(31))).toBe(false);
  });
});

describe('exported authorisations', () => {
  it('are good for a minute, at one data centre, for one user, once', () => {
    const exports = new ExportedAuthorizations();
    const id = BigInt(account.userId);
    const fresh = (): Buffer => exports.export(account, 4, NOW);
    expect(() => exports.import(id, fresh(), 2, NOW)).toThrow('AUTH_BYTES_INVALID');
    expect(() => exports.import(5n, fresh(), 4, NOW)).toThrow('AUTH_BYTES_INVALID');
    expect(() => exports.import(id, fresh(), 4, NOW + 60)).toThrow('AUTH_BYTES_INVALID');
    const bytes = fresh();
    expect(exports.import(id, bytes, 4, NOW + 59)).toBe(account);
    expect(() => exports.import(id, bytes, 4, NOW + 59)).toThrow('AUTH_BYTES_INVALID');
  });
});
