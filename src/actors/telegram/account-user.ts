import { VigiliaError } from '../../errors.ts';
import type { Store } from '../../ports.ts';

/**
 * Has an account be of the Telegram user who is logged in, where it is nobody's yet: what is stored under its name is that person's from then on,
 * and a session of anybody else is not for it, wherever that comes from.
 * @throws ACCOUNT_OF_ANOTHER, UNKNOWN_ACCOUNT, STORE_UNAVAILABLE
 */
export async function claimUser(store: Pick<Store, 'bindUser'>, accountId: string, userId: number): Promise<void> {
  const bound = await store.bindUser(accountId, userId);
  if (bound === userId) return;
  throw new VigiliaError(
    'ACCOUNT_OF_ANOTHER',
    `the session is of Telegram user ${userId}, and account ${accountId} has been of user ${bound} so far: log in as that one, or make another account for this one`,
  );
}
