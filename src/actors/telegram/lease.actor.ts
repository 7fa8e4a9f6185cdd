import { fromPromise, type Snapshot } from 'xstate';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { type LeaseEvent, leaseMachine, type RenewAnswer, type TakeAnswer } from '../../machines/lease.machine.ts';
import { renewInMs } from '../../machines/lease-rule.ts';
import type { AccountHealth, Json, JsonObject, LeaseAnswer, Store } from '../../ports.ts';
import type { ChildSpec } from '../actor.ts';
import type { SaidOnce } from '../said-once.ts';
import type { AccountLease } from './account-lease.ts';
import type { AccountLine } from './account-line.ts';
import type { LeaseRenewals } from './lease-renewals.ts';

interface LeaseDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'takeLease' | 'releaseLease'>;
  readonly renewals: Pick<LeaseRenewals, 'renew'>;
  /** Names this installation. */
  readonly owner: string;
  /** Whether the account's session lies in files of this installation. */
  readonly isHome: (accountId: string) => boolean;
  /** The account's health, as it goes with each renewal. */
  readonly evidence: () => AccountHealth;
  /** Why leases cannot be had, over all accounts of the process: what keeps one from it keeps the others from theirs. */
  readonly obstacles: SaidOnce;
}

/**
 * The child specification of an account's lease: the first of its subtree, ready once the lease is held, however long that takes. It fails when
 * the lease is lost, and takes with it what stands on it.
 */
export function leaseSpec(lease: AccountLease, line: AccountLine, deps: LeaseDeps): ChildSpec {
  const { clock, store, renewals, owner } = deps;
  const { accountId } = lease;
  const log = deps.log.child({ account: accountId });
  return {
    id: 'lease',
    kind: 'lease',
    readyMs: Number.POSITIVE_INFINITY,
    shutdownMs: 5_000,
    staysUp: 'all else of the account stands on it; stop the account',
    view: viewLease,
    start: (life) => {
      // A life that failed may have left it believed in.
      lease.cut();
      line.setState('awaiting-lease');
      let send: (event: LeaseEvent) => void = () => {};
      let asking: Promise<LeaseAnswer> | undefined;
      lease.attend(
        () => send({ type: 'LAPSED' }),
        () => send({ type: 'ASK' }),
      );
      const logic = leaseMachine.provide({
        actors: {
          take: fromPromise<TakeAnswer>(async ({ signal, self }) => {
            send = (event) => self._parent?.send(event);
            const askedAt = lease.moment;
            asking = store.takeLease(accountId, owner, deps.isHome(accountId));
            const answer = await asking;
            signal.throwIfAborted();
            return answer.granted ? { ...answer, believedUntil: lease.confirm(answer.token, askedAt) } : answer;
          }),
          renew: fromPromise<RenewAnswer, { token: number | null }>(async ({ input, signal }) => {
            const askedAt = lease.moment;
            const token = input.token ?? 0;
            const held = await renewals.renew({ accountId, token, evidence: deps.evidence() });
            signal.throwIfAborted();
            return held ? { believedUntil: lease.confirm(token, askedAt) } : undefined;
          }),
          release: fromPromise<void, { token: number | null }>(async ({ input }) => {
            // What was under way when it was told to stop may have been granted.
            const last = await asking?.catch(() => undefined);
            const token = last?.granted ? last.token : input.token;
            if (token !== null) await store.releaseLease(accountId, owner, token);
          }),
        },
        actions: {
          cutLink: () => lease.cut(),
          tellWaiting: ({ context }) => {
            const reason = `another worker, ${context.owner}, has the lease`;
            line.setState('awaiting-lease', reason);
            log.info({ owner: context.owner, waitMs: context.waitMs }, 'the account is served by another worker');
          },
          tellUnreachable: ({ context }) => {
            line.setState('awaiting-lease', context.lastError?.message);
            const { code, message: cause = '' } = context.lastError ?? {};
            const level = deps.obstacles.isNew(cause) ? 'warn' : 'debug';
            log[level]({ code, cause }, 'the lease cannot be had; asking again');
          },
          tellHeld: ({ context }) => {
            deps.obstacles.over();
            log.info({ fencing: context.token }, 'lease taken');
            // Not inside an action of this machine: who hears it takes steps of his own at once.
            queueMicrotask(life.ready);
          },
          tellLost: ({ context }) => {
            line.setState('lease-lost', context.failure?.message);
            log.warn({ fencing: context.token, cause: context.failure?.message }, 'lease lost; the connection was cut');
          },
        },
      });
      return { logic, input: { monotonic: () => clock.monotonic(), renewInMs } };
    },
  };
}

/** What `/api/state` shows of a lease. */
function viewLease(snapshot: Snapshot<unknown>): JsonObject {
  if (!('context' in snapshot)) return {};
  const { token, owner, lastError } = snapshot.context as Record<string, Json>;
  // Until the lease is held for the first time, the actor's own state is `starting`.
  const { value } = snapshot as unknown as { value: Json };
  return { stage: typeof value === 'string' ? value : 'held', fencing: token, owner, lastError } as JsonObject;
}
