import { VigiliaError } from './errors.ts';

/** What an account may be called: it is a part of paths, labels and topics. */
export const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws INVALID_REQUEST when nothing may be called so */
export function checkAccountId(id: string): void {
  if (ACCOUNT_ID.test(id)) return;
  const why = 'an account is named by 1 to 64 letters, digits, - and _';
  throw new VigiliaError('INVALID_REQUEST', why, { field: 'id' });
}
