import { randomUUID } from 'node:crypto';
import { type Clock, pause } from '../../clock.ts';
import { VigiliaError } from '../../errors.ts';
import type { LoginErrands, LoginRequest, Logins, LoginView, Store } from '../../ports.ts';
import { makeBoxKeys, sealTo } from '../../sealed-box.ts';
import { aboutErrand, type LoginAnswer, type LoginQuestion, readAnswer } from './login-errands.ts';

/** How often an answer is looked for, in ms. */
const LOOK_MS = 150;
/** How long a worker may take, in ms, besides what it is asked to wait. */
const ANSWER_MS = 15_000;

interface RemoteLoginsDeps {
  readonly clock: Clock;
  readonly store: LoginErrands & Pick<Store, 'listAccounts'>;
}

/**
 * The logins of accounts that other processes serve, through the database: each question is sealed to the worker that holds the account's
 * lease, each answer to a key of that question (decision 15).
 */
export class RemoteLogins implements Logins {
  readonly #clock: Clock;
  readonly #store: RemoteLoginsDeps['store'];

  constructor({ clock, store }: RemoteLoginsDeps) {
    this.#clock = clock;
    this.#store = store;
  }

  begin = (accountId: string, request: LoginRequest, replace: boolean): Promise<LoginView> =>
    this.#view(accountId, ['begin', request, replace]);
  giveCode = (accountId: string, code: string): Promise<LoginView> => this.#view(accountId, ['giveCode', code]);
  givePassword = (accountId: string, password: string): Promise<LoginView> => this.#view(accountId, ['givePassword', password]);
  resendCode = (accountId: string): Promise<LoginView> => this.#view(accountId, ['resendCode']);
  cancel = (accountId: string): Promise<LoginView> => this.#view(accountId, ['cancel']);
  view = (accountId: string): Promise<LoginView> => this.#view(accountId, ['view']);
  settled = (accountId: string, withinMs: number): Promise<LoginView> =>
    this.#view(accountId, ['settled', withinMs], withinMs + ANSWER_MS);

  async logOut(accountId: string): Promise<void> {
    await this.#ask(accountId, ['logOut'], ANSWER_MS);
  }

  async #view(accountId: string, ask: LoginQuestion['ask'], withinMs = ANSWER_MS): Promise<LoginView> {
    return (await this.#ask(accountId, ask, withinMs)) as LoginView;
  }

  async #ask(accountId: string, ask: LoginQuestion['ask'], withinMs: number): Promise<LoginView | null> {
    const desk = await this.#store.loginDeskOf(accountId);
    if (desk === undefined) {
      if (!(await this.#store.listAccounts()).includes(accountId)) {
        throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
      }
      throw elsewhere(`no worker serves account ${accountId} at the moment`);
    }
    const keys = makeBoxKeys();
    const errand = { id: randomUUID(), accountId };
    const question: LoginQuestion = { ask, replyTo: keys.publicKey };
    const sealed = sealTo(desk.publicKey, JSON.stringify(question), aboutErrand(errand, 'question'));
    await this.#store.askLogin({ ...errand, worker: desk.worker, question: sealed });
    const until = this.#clock.monotonic() + withinMs;
    const never = new AbortController().signal;
    while (this.#clock.monotonic() < until) {
      await pause(this.#clock, LOOK_MS, never);
      const box = await this.#store.takeLoginAnswer(errand.id);
      if (box !== undefined) return readAnswer(JSON.parse(keys.open(box, aboutErrand(errand, 'answer'))) as LoginAnswer);
    }
    throw elsewhere(`the worker that serves account ${accountId} did not answer`);
  }
}

function elsewhere(why: string): VigiliaError {
  return new VigiliaError('LOGIN_ELSEWHERE', why, { retryAfterMs: 5_000 });
}

/**
 * Logins wherever the account is served.
 * @param isHere whether this process serves it now
 */
export function routedLogins(here: Logins, there: Logins, isHere: (accountId: string) => boolean): Logins {
  const at = (accountId: string): Logins => (isHere(accountId) ? here : there);
  return {
    begin: (id, request, replace) => at(id).begin(id, request, replace),
    giveCode: (id, code) => at(id).giveCode(id, code),
    givePassword: (id, password) => at(id).givePassword(id, password),
    resendCode: (id) => at(id).resendCode(id),
    cancel: (id) => at(id).cancel(id),
    view: (id) => at(id).view(id),
    settled: (id, withinMs) => at(id).settled(id, withinMs),
    logOut: (id) => at(id).logOut(id),
  };
}
