import { parseChannelRef } from '../../channel-ref.ts';
import type { Clock } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { AccountHealth, ChannelRef, JsonObject, Store } from '../../ports.ts';

/** For how long it is remembered how the accounts are, in ms: to put that together costs milliseconds where there are hundreds, and is asked for by each job. */
const REMEMBERED_MS = 250;

/** Who can serve a job. */
export interface AccountChoiceDeps {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly store: Pick<Store, 'accountsKnowing' | 'leases'>;
  /** As they are now. */
  readonly accounts: () => readonly AccountHealth[];
  /** Where nothing speaks for another one. */
  readonly defaultAccount: string;
}

/**
 * Chooses the account of a job that names none: an authenticated one that knows the channel, else an authenticated one, else any that there
 * is, which the job then waits for; where none is known yet, the one by default. Among equals the one by default comes first, then the others in the order of their numbers.
 * @throws UNKNOWN_ACCOUNT where all were removed
 */
export function accountChoice({ clock, store, accounts, defaultAccount }: AccountChoiceDeps) {
  let seen: { readonly accounts: readonly AccountHealth[]; readonly at: number } | undefined;
  const accountsNow = (): readonly AccountHealth[] => {
    const at = clock.monotonic();
    if (seen === undefined || at - seen.at >= REMEMBERED_MS) seen = { accounts: accounts(), at };
    return seen.accounts;
  };

  const isRemoved = async (id: string): Promise<boolean> =>
    (await store.leases()).some(({ accountId, removed }) => accountId === id && removed);

  const preferred = (ids: readonly string[]): string | undefined => (ids.includes(defaultAccount) ? defaultAccount : ids[0]);

  /** @param ids accounts of which several serve */
  const knowing = async (ref: ChannelRef, ids: readonly string[]): Promise<string> => {
    const those = (await store.accountsKnowing(ref)).filter((id) => ids.includes(id));
    return preferred(those) ?? preferred(ids) ?? defaultAccount;
  };

  const whereNoneIs = async (): Promise<string> => {
    if (await isRemoved(defaultAccount)) {
      throw new VigiliaError('UNKNOWN_ACCOUNT', 'there is no account; POST …/accounts makes one', { field: 'accountId' });
    }
    return defaultAccount;
  };

  return (params: JsonObject): string | Promise<string> => {
    const all = accountsNow();
    if (all.length === 0) return whereNoneIs();
    const ids = all.filter(({ state }) => state === 'authenticated').map(({ id }) => id);
    // With one there is no choice, and no reason to ask the database.
    const ref = ids.length > 1 && typeof params.channelId === 'string' ? parseChannelRef(params.channelId) : undefined;
    if (ref !== undefined) return knowing(ref, ids);
    return preferred(ids) ?? preferred(all.map(({ id }) => id)) ?? defaultAccount;
  };
}
