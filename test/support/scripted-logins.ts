import { VigiliaError } from '../../src/errors.ts';
import type { AccountHealth, Accounts, LoginRequest, Logins, LoginView } from '../../src/ports.ts';

/** What lies behind the routes of accounts and logins, in memory: it notes what it is asked and answers with what the test says. */
export class ScriptedLogins implements Logins, Accounts {
  readonly accounts = new Map<string, AccountHealth>();
  /** What it was asked, in order. */
  readonly asked: unknown[][] = [];
  /** What becomes of the login with each thing that is asked. */
  next: (present: LoginView) => LoginView = (present) => present;
  /** Thrown by the next call. */
  failure: VigiliaError | undefined;
  #view: LoginView | undefined;

  constructor() {
    this.accounts.set('main', account('main', 'reauth-required'));
  }

  async begin(accountId: string, request: LoginRequest, replace: boolean): Promise<LoginView> {
    this.#note('begin', accountId, request, replace);
    if (!this.accounts.has(accountId)) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
    this.#view = this.next(aLogin({ accountId, method: request.method }));
    return this.#view;
  }

  giveCode = (accountId: string, code: string): Promise<LoginView> => this.#step('giveCode', accountId, code);
  givePassword = (accountId: string, password: string): Promise<LoginView> => this.#step('givePassword', accountId, password);
  resendCode = (accountId: string): Promise<LoginView> => this.#step('resendCode', accountId);
  cancel = (accountId: string): Promise<LoginView> => this.#step('cancel', accountId);

  async view(accountId: string): Promise<LoginView> {
    if (this.#view?.accountId !== accountId) throw new VigiliaError('LOGIN_NOT_FOUND', `account ${accountId} has no login`);
    return this.#view;
  }

  settled(accountId: string): Promise<LoginView> {
    return this.view(accountId);
  }

  async logOut(accountId: string): Promise<void> {
    this.#note('logOut', accountId);
  }

  async list(): Promise<AccountHealth[]> {
    return [...this.accounts.values()];
  }

  async create(accountId: string): Promise<void> {
    this.#note('create', accountId);
    this.accounts.set(accountId, account(accountId, 'reauth-required'));
  }

  async remove(accountId: string): Promise<number> {
    this.#note('remove', accountId);
    if (!this.accounts.delete(accountId)) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
    return 2;
  }

  async #step(...what: [string, string, ...string[]]): Promise<LoginView> {
    this.#note(...what);
    this.#view = this.next(await this.view(what[1]));
    return this.#view;
  }

  #note(...what: unknown[]): void {
    this.asked.push(what);
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
  }
}

function account(id: string, state: string): AccountHealth {
  return { id, state, since: 1_700_000_000_000, lastPongAgeMs: null, lastRpcAgeMs: null, lastUpdateAgeMs: null, gaps: 0 };
}

function aLogin(changes: Partial<LoginView> = {}): LoginView {
  return {
    accountId: 'main',
    method: 'code',
    state: 'sending-code',
    startedAt: 1_700_000_000_000,
    phone: null,
    code: null,
    triesLeft: null,
    passwordHint: null,
    qr: null,
    waitUntil: null,
    expiresAt: null,
    error: null,
    ...changes,
  };
}
