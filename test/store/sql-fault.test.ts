import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectFault, storeFault } from '../../src/actors/store/sql-fault.ts';

const failure = (code: string): Error => Object.assign(new Error('no'), { code });
const characters = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ');
const suffix = fc.array(characters, { minLength: 3, maxLength: 3 }).map((three) => three.join(''));

describe('what a failed statement means', () => {
  test.each([
    ['42501', 'the role lacks a right'],
    ['58030', 'the disk fails'],
    ['58P01', 'a file is missing'],
    ['XX001', 'a table is damaged'],
    ['XX002', 'an index is damaged'],
    ['53100', 'the disk is full'],
    ['25006', 'it is a standby'],
    ['57P03', 'it is starting'],
    ['40001', 'somebody else was faster'],
  ])('%s, %s: the statement is not at fault, and the same one is tried again', (code) => {
    expect(storeFault(failure(code))).toMatchObject({ code: 'STORE_UNAVAILABLE', fault: 'transient', retryAfterMs: 1000 });
  });

  test.each([
    ['22P05', 'a character that the encoding lacks'],
    ['22003', 'a number out of range'],
    ['23514', 'a check of the table'],
    ['23502', 'null where there may be none'],
    ['54000', 'a row too large'],
    ['42P01', 'no such table'],
    ['XX000', 'an allocation too large'],
    ['28P01', 'a wrong password'],
  ])('%s, %s: it is, and fails for good', (code) => {
    expect(storeFault(failure(code))).toMatchObject({ code: 'STORE_REFUSED' });
  });

  test('whole classes are the server’s, whatever comes after', () => {
    fc.assert(
      fc.property(fc.constantFrom('08', '53', '57', '58'), suffix, (kind, rest) => {
        expect(storeFault(failure(kind + rest)).fault).toBe('transient');
      }),
    );
  });

  test('data that does not fit is never the server’s', () => {
    fc.assert(
      fc.property(fc.constantFrom('21', '22', '44', '54'), suffix, (kind, rest) => {
        expect(storeFault(failure(kind + rest)).code).toBe('STORE_REFUSED');
      }),
    );
  });

  test('says what to do about a missing right', () => {
    expect(storeFault(failure('42501')).message).toContain('ops/postgresql/roles.sql');
  });
});

describe('what a connection that was not made means', () => {
  const codes = fc.constantFrom('28P01', '28000', '3D000', '42704');

  test('where the address never worked, a login or a database that is not there is told for good, with what to do', () => {
    fc.assert(
      fc.property(codes, (code) => {
        expect(connectFault(failure(code), false).code).toBe('STORE_REFUSED');
      }),
    );
    expect(connectFault(failure('28P01'), false).message).toContain('check DATABASE_URL');
  });

  test('where it has worked, nothing that happens now is for good: passwords are changed and databases moved', () => {
    fc.assert(
      fc.property(codes, (code) => {
        expect(connectFault(failure(code), true)).toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs: 1000 });
      }),
    );
    expect(connectFault(failure('28P01'), true).message).toContain('check DATABASE_URL');
  });

  test.each(['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'])(
    'a certificate by a stranger, %s, is told with the way out, and may be another tomorrow',
    (code) => {
      const away = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('docs/database.md') };
      expect(connectFault(failure(code), false)).toMatchObject(away);
    },
  );

  test.each(['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'])('a certificate that is wrong, %s, is none of ours', (code) => {
    const fault = connectFault(failure(code), false);
    expect(fault.code).toBe('STORE_UNAVAILABLE');
    expect(fault.message).not.toContain('docs/database.md');
  });

  test('what cannot even be asked for is the address’s, where it never worked', () => {
    const client = new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
    expect(connectFault(client, false)).toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringMatching(/must be a string; check DATABASE_URL$/),
    });
    expect(connectFault(client, true).code).toBe('STORE_UNAVAILABLE');
  });
});
