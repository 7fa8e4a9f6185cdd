import { type Clock, pause } from '../../clock.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { LoginErrand, LoginErrands, LoginRequest, Logins, LoginView } from '../../ports.ts';
import { makeBoxKeys, sealTo } from '../../sealed-box.ts';
import { type ChildSpec, task } from '../actor.ts';

/** How often questions are looked for, in ms; the shorter one for as long after a question as people take for the next. */
const LOOK_MS = 1_000;
const BUSY_LOOK_MS = 200;
const BUSY_FOR_MS = 600_000;

/** What is asked of another process's logins, before it is sealed. */
export interface LoginQuestion {
  /** The method of {@link Logins}, and what it is given after the account. */
  readonly ask: readonly ['begin', LoginRequest, boolean] | readonly [keyof Logins, ...(string | number)[]];
  /** The public key that the answer is sealed to. */
  readonly replyTo: string;
}

/** What may be asked. */
const METHODS: ReadonlySet<string> = new Set<keyof Logins>([
  'begin',
  'giveCode',
  'givePassword',
  'resendCode',
  'cancel',
  'view',
  'settled',
  'logOut',
]);

/** What comes of it, before it is sealed. */
export type LoginAnswer =
  | { readonly ok: LoginView | null }
  | { readonly error: Pick<VigiliaError, 'code' | 'message' | 'field' | 'retryAfterMs'> };

/** What a box is about: it opens for this errand, this account and this way only. */
export function aboutErrand({ id, accountId }: Pick<LoginErrand, 'id' | 'accountId'>, part: 'question' | 'answer'): string {
  return JSON.stringify(['vigilia login', part, id, accountId]);
}

/** The child specification of the worker's side: takes the questions that are sealed to it, and has the logins here answer them. */
export function loginErrandsSpec(deps: {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: LoginErrands;
  /** Names this installation. */
  readonly worker: string;
  readonly logins: Logins;
}): ChildSpec {
  const { clock, log, store, worker, logins } = deps;
  return {
    id: 'login-errands',
    kind: 'task',
    start: (life) => ({
      logic: task(async (signal) => {
        // Of this life only: what was sealed to the one before cannot be opened any more, and is over in a minute.
        const keys = makeBoxKeys();
        let isOpen = false;
        let busyUntil = 0;

        const answer = async (errand: LoginErrand): Promise<void> => {
          let question: LoginQuestion;
          try {
            question = JSON.parse(keys.open(errand.question, aboutErrand(errand, 'question'))) as LoginQuestion;
          } catch {
            log.warn(
              { account: errand.accountId },
              'a sealed question about a login cannot be opened: it is for an earlier life',
            );
            return;
          }
          const said = await carryOut(logins, errand.accountId, question.ask);
          const box = sealTo(question.replyTo, JSON.stringify(said), aboutErrand(errand, 'answer'));
          await store.answerLogin(errand.id, box);
        };

        life.ready();
        while (!signal.aborted) {
          try {
            if (!isOpen) await store.openLoginDesk(worker, keys.publicKey);
            isOpen = true;
            const startedAt = clock.monotonic();
            const errands = await store.takeLoginQuestions(worker);
            if (errands.length > 0) busyUntil = clock.monotonic() + BUSY_FOR_MS;
            for (const errand of errands) {
              // Not waited for: one person's answer may take Telegram's time.
              answer(errand).catch((thrown: unknown) =>
                log.warn(
                  { account: errand.accountId, code: toVigiliaError(thrown).code },
                  'a question about a login was not answered',
                ),
              );
            }
            life.handled('look', clock.monotonic() - startedAt);
          } catch (thrown) {
            const error = toVigiliaError(thrown);
            if (error.code !== 'STORE_UNAVAILABLE') throw error;
          }
          await pause(clock, clock.monotonic() < busyUntil ? BUSY_LOOK_MS : LOOK_MS, signal);
        }
      }),
    }),
  };
}

async function carryOut(logins: Logins, accountId: string, ask: LoginQuestion['ask']): Promise<LoginAnswer> {
  const [method, ...given] = ask;
  try {
    if (!METHODS.has(method)) throw new VigiliaError('INTERNAL', 'another process asks for something that logins do not do');
    const call = logins[method] as (...args: readonly unknown[]) => Promise<LoginView | undefined>;
    return { ok: (await call.call(logins, accountId, ...given)) ?? null };
  } catch (thrown) {
    const { code, message, field, retryAfterMs } = toVigiliaError(thrown);
    return { error: { code, message, field, retryAfterMs } };
  }
}

/** What another process answered. @throws what it threw */
export function readAnswer(answer: LoginAnswer): LoginView | null {
  if ('ok' in answer) return answer.ok;
  const { code, message, field, retryAfterMs } = answer.error;
  throw new VigiliaError(code, message, {
    ...(field === undefined ? {} : { field }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
