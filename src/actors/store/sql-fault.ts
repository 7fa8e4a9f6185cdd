import { VigiliaError } from '../../errors.ts';

/** Ms after which a call that met an unreachable database may be tried again. */
export const STORE_RETRY_MS = 1000;

/**
 * SQLSTATEs that say nothing against the statement, by class or whole (https://www.postgresql.org/docs/current/errcodes-appendix.html):
 * connections (08), resources (53), the server's operator (57), its machine (58: a disk that fails), and races that a second try wins:
 * serialization and deadlock (40001, 40P01), a lock not had in time (55P03), a row of the same key committed meanwhile (23505: every insert of ours
 * says what to do about rows it can see), a session ended for idling in a transaction (25P03), a server that is a standby at the moment (25006), a
 * right that the role lacks or lost (42501), damaged tables and indexes (XX001, XX002). What is internal otherwise (XX000) may well be about
 * this row: an allocation that is too large is told so.
 */
const TRANSIENT = /^(08...|53...|57...|58...|40001|40P01|42501|55P03|23505|25P03|25006|XX001|XX002)$/;

/** Node's codes of sockets and name look-ups that fail. */
const NETWORK = /^(E[A-Z]+|ERR_SSL_.*)$/;

/** What pg says, without any code, of connections that end, or do not begin or answer in time. */
const CONNECTION_LOST = /connection|timeout|Cannot use a pool after calling end|does not support SSL/i;

/** OpenSSL's reasons to mistrust a certificate, as Node tells them, and those that say that nobody knows who signed it. */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|HOSTNAME/;
const STRANGER = /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/;

/** A failed statement as the store's callers see it; what is one of our errors already stays as it is. */
export function storeFault(thrown: unknown): VigiliaError {
  if (thrown instanceof VigiliaError) return thrown;
  const message = messageOf(thrown);
  const code = codeOf(thrown);
  if (isSqlState(code)) {
    const text = `${message} (${code})${adviceOn(code)}`;
    return TRANSIENT.test(code) ? unavailable(text, thrown) : refused(text, thrown);
  }
  if (thrown instanceof AggregateError || (code !== undefined && NETWORK.test(code)) || CONNECTION_LOST.test(message)) {
    return unavailable(message === '' ? (code ?? 'no address answers') : message, thrown);
  }
  return refused(message, thrown);
}

/**
 * A connection that was not made. No statement is at fault, so it is tried again; but where the address never worked, a login or a database that is
 * not there, and whatever cannot even be asked for, is a matter of the address, and no second try helps.
 * @param wasLetIn whether the same address has worked
 */
export function connectFault(thrown: unknown, wasLetIn: boolean): VigiliaError {
  const fault = storeFault(thrown);
  if (fault.code === 'STORE_UNAVAILABLE') return fault;
  const code = codeOf(thrown);
  const message = messageOf(thrown);
  if (code !== undefined && CERTIFICATE.test(code)) {
    return unavailable(
      STRANGER.test(code) ? `${message}; docs/database.md, TLS, says how to name its authority` : message,
      thrown,
    );
  }
  const text = isSqlState(code) ? `${message} (${code})${adviceOn(code)}` : `${message}; check DATABASE_URL`;
  return wasLetIn ? unavailable(text, thrown) : refused(text, thrown);
}

/** A login (28) or a database (3D) that is not there is a matter of the address; what a role needs is written down. */
function adviceOn(code: string): string {
  if (code === '42501') return '; grant it: ops/postgresql/roles.sql has what each role needs';
  if (code.startsWith('XX')) return '; the database is damaged: restore a backup, or see REINDEX and pg_amcheck';
  return /^(28|3D)/.test(code) ? '; check DATABASE_URL' : '';
}

/** The database cannot be reached, or answers too late. */
export function unavailable(message: string, cause?: unknown): VigiliaError {
  return new VigiliaError('STORE_UNAVAILABLE', `the database cannot be used: ${message}`, {
    cause,
    retryAfterMs: STORE_RETRY_MS,
  });
}

function refused(message: string, cause: unknown): VigiliaError {
  return new VigiliaError('STORE_REFUSED', `the database refused: ${message}`, { cause });
}

/** @returns whether a thrown value's code is one of PostgreSQL's */
export function isSqlState(code: string | undefined): code is string {
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** @returns the `code` of a thrown value, where it has one */
function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
