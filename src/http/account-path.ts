import { VigiliaError } from '../errors.ts';
import type { AccountHealth } from '../ports.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { nameSchema } from './patterned.ts';
import { Type } from './typebox.ts';

/** An account, as paths name it. */
export const AccountPath = Type.Object(
  { id: nameSchema('The account, as GET …/accounts has it.') },
  { additionalProperties: false },
);

interface AccountFinder {
  /** @throws NOT_FOUND, STORE_UNAVAILABLE */
  find(id: string): Promise<AccountHealth>;
  /** What is done with an account that a path names: one that is not there is a path that is not there. @throws NOT_FOUND, and what the work throws */
  asPath<T>(id: string, work: Promise<T>): Promise<T>;
}

/** @returns what finds the accounts of paths */
export function accountFinder({ clock, accounts }: Pick<GatewayDeps, 'clock' | 'accounts'>): AccountFinder {
  const find = async (id: string): Promise<AccountHealth> => {
    const account = (await withinDeadline(clock, READ_MS, accounts.list())).find((one) => one.id === id);
    if (account === undefined) throw absent(id);
    return account;
  };
  const asPath = async <T>(id: string, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof VigiliaError)) throw error;
      if (error.code === 'UNKNOWN_ACCOUNT') throw absent(id, error);
      if (error.code !== 'LOGIN_NOT_FOUND') throw error;
      // That there is no login is said of an account that is there; where that cannot be seen, it is still true.
      throw await find(id).then(
        () => error,
        (missing: unknown) => (missing instanceof VigiliaError && missing.code === 'NOT_FOUND' ? missing : error),
      );
    }
  };
  return { find, asPath };
}

function absent(id: string, cause?: VigiliaError): VigiliaError {
  return new VigiliaError('NOT_FOUND', `There is no account ${id}; POST …/accounts makes one.`, { cause, field: 'id' });
}
