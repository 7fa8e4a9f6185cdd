import { type Clock, within } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import { JOB_MACHINE_VERSION } from '../../machines/job.machine.ts';
import type { Intake, JobRequest, JsonObject, Store, SubmissionOutcome, SubmitOptions, Submitted } from '../../ports.ts';
import type { Action } from './action.ts';
import { JobBatches, unanswered } from './job-batches.ts';
import { jobId } from './job-id.ts';
import { KnownAccounts } from './known-accounts.ts';

const DEFAULT_PRIORITY = 5;

export interface IntakeDeps {
  readonly clock: Clock;
  /** @returns that many random bytes */
  readonly entropy: (bytes: number) => Uint8Array;
  readonly store: Pick<Store, 'insertJobs' | 'findSubmission' | 'listAccounts'>;
  readonly actions: ReadonlyMap<string, Action>;
  /** The account that serves requests which name none, where nothing speaks for another one. It need not have a row yet. */
  readonly defaultAccount: string;
  /** Chooses the account of a request that names none. @default {@link IntakeDeps.defaultAccount} */
  readonly choose?: (params: JsonObject) => string | Promise<string>;
  /** Tells the dispatcher that there is a job. */
  readonly nudge: () => void;
}

/** Where jobs come in: once `submit` resolves, the job is a row, and the row is never lost. */
export function createIntake({ clock, entropy, store, actions, defaultAccount, choose, nudge }: IntakeDeps): Intake {
  const accounts = new KnownAccounts(store, clock);
  const batches = new JobBatches(store, clock, (outcomes) => {
    if (outcomes.some(({ kind }) => kind === 'account-removed')) accounts.forget();
    if (outcomes.some(({ kind }) => kind === 'stored')) nudge();
  });

  const isKnown = (accountId: string): boolean => accountId === defaultAccount || accounts.isKnown(accountId);

  async function checkAccount(accountId: string): Promise<void> {
    if (isKnown(accountId) || (await accounts.has(accountId))) return;
    throw unknownAccount(accountId);
  }

  /** Whoever it takes a while to choose or to look for is waited for no longer than the job itself. */
  async function checked(chosen: string | Promise<string>, expiresAt: number): Promise<string> {
    const checking = (async () => {
      const accountId = await chosen;
      await checkAccount(accountId);
      return accountId;
    })();
    return within(clock, Math.max(0, expiresAt - clock.monotonic()), checking, () => {
      throw unanswered();
    });
  }

  // Without a promise that is not needed: this goes with each request, and whatever is known is not waited for.
  function submit(
    { action: name, params, accountId: wanted, priority }: JobRequest,
    { key, expiresAt = Infinity }: SubmitOptions = {},
  ): Promise<Submitted> {
    const action = actions.get(name);
    if (!action) throw new VigiliaError('UNKNOWN_ACTION', `there is no action ${name}`, { field: 'action' });

    const insert = (accountId: string): Promise<Submitted> => {
      const now = clock.now();
      const job = {
        id: jobId(action.idPrefix, now, entropy(12)),
        action: name,
        params,
        accountId,
        priority: priority ?? DEFAULT_PRIORITY,
        machineVersion: JOB_MACHINE_VERSION,
        createdAt: now,
      };
      return batches
        .insert({ job, ...(key !== undefined && { key }) }, expiresAt)
        .then((outcome) => submittedAs(outcome, accountId));
    };

    const chosen = wanted ?? choose?.(params) ?? defaultAccount;
    if (typeof chosen === 'string' && isKnown(chosen)) return insert(chosen);
    return checked(chosen, expiresAt).then(insert);
  }

  return {
    checkAccount,
    submitted: async (key) => {
      const outcome = await store.findSubmission(key, clock.now());
      return outcome && submittedAs(outcome, '');
    },
    submit: (request, options) => {
      try {
        return submit(request, options);
      } catch (thrown) {
        return Promise.reject(thrown);
      }
    },
  };
}

function submittedAs(outcome: SubmissionOutcome, accountId: string): Submitted {
  switch (outcome.kind) {
    case 'stored':
      return { jobId: outcome.jobId, replayed: false };
    case 'replayed':
      return { jobId: outcome.jobId, replayed: true };
    case 'key-reused':
      throw new VigiliaError('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another request within 24 hours.', {
        field: 'Idempotency-Key',
      });
    case 'account-removed':
      throw unknownAccount(accountId);
  }
}

function unknownAccount(accountId: string): VigiliaError {
  return new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`, { field: 'accountId' });
}
