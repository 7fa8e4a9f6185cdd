import type { Clock } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import { JOB_MACHINE_VERSION } from '../../machines/job.machine.ts';
import type { Intake, JsonObject, Store } from '../../ports.ts';
import type { Action } from './action.ts';
import { jobId } from './job-id.ts';

const DEFAULT_PRIORITY = 5;

export interface IntakeDeps {
  readonly clock: Clock;
  /** @returns that many random bytes */
  readonly entropy: (bytes: number) => Uint8Array;
  readonly store: Pick<Store, 'insertJob' | 'listAccounts'>;
  readonly actions: ReadonlyMap<string, Action>;
  /** The account that serves requests which name none, where nothing speaks for another one. It need not have a row yet. */
  readonly defaultAccount: string;
  /** Chooses the account of a request that names none. @default {@link IntakeDeps.defaultAccount} */
  readonly choose?: (params: JsonObject) => Promise<string>;
  /** Tells the dispatcher that there is a job. */
  readonly nudge: () => void;
}

/** Where jobs come in: once `submit` resolves, the job is a row, and the row is never lost. */
export function createIntake({ clock, entropy, store, actions, defaultAccount, choose, nudge }: IntakeDeps): Intake {
  async function checkAccount(accountId: string): Promise<void> {
    if (accountId === defaultAccount || (await store.listAccounts()).includes(accountId)) return;
    throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`, { field: 'accountId' });
  }

  return {
    checkAccount,
    submit: async ({ action: name, params, accountId: wanted }) => {
      const action = actions.get(name);
      if (!action) throw new VigiliaError('UNKNOWN_ACTION', `there is no action ${name}`, { field: 'action' });
      const accountId = wanted ?? (await choose?.(params)) ?? defaultAccount;
      await checkAccount(accountId);
      const now = clock.now();
      const job = await store.insertJob({
        id: jobId(action.idPrefix, now, entropy(12)),
        action: name,
        params,
        accountId,
        priority: DEFAULT_PRIORITY,
        machineVersion: JOB_MACHINE_VERSION,
        createdAt: now,
      });
      nudge();
      return job;
    },
  };
}
