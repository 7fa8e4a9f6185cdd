import { type Clock, pause } from '../../clock.ts';
import { errorRecord, VigiliaError } from '../../errors.ts';
import type { LoginContext, LoginEvent } from '../../machines/login.machine.ts';
import type { AccountHealth, LoginRequest, LoginState, Logins, LoginView } from '../../ports.ts';
import type { SupervisorHandle } from '../supervisor-handle.ts';
import { type LoginActorDeps, type LoginSecrets, loginSpec } from './login.actor.ts';

/** States in which a login is over. */
const OVER: ReadonlySet<LoginState> = new Set(['done', 'failed', 'cancelled']);
/** States in which it waits for its person. */
const WAITING: ReadonlySet<LoginState> = new Set(['awaiting-code', 'awaiting-password']);

/** How often, and how long apart in ms, an account that is not served yet is looked for. */
const TARGET_LOOKS = 60;
const TARGET_PAUSE_MS = 50;

/** What a login does for the account's connection. */
export interface LoginTarget {
  health(): Pick<AccountHealth, 'state'>;
  /** There is a new session to connect with. */
  loggedIn(): void;
  /** @throws LOGIN_WRONG_STEP when nobody is logged in, TELEGRAM_OFFLINE when there is no connection */
  logOut(): Promise<void>;
}

export interface LoginDeskDeps extends Omit<LoginActorDeps, 'onLoggedIn'> {
  /** @returns undefined where this process does not serve the account */
  readonly targetOf: (accountId: string) => LoginTarget | undefined;
  /** Whether there is such an account, whoever serves it. */
  readonly exists: (accountId: string) => Promise<boolean>;
  /** Of the logins; undefined while it does not run. */
  readonly supervisor: () => SupervisorHandle | undefined;
  /** Whether the login's actor lives. */
  readonly isAlive: (accountId: string) => boolean;
}

interface Entry {
  view: LoginView;
  readonly secrets: LoginSecrets;
  send: (event: LoginEvent) => void;
  readonly watchers: Set<() => void>;
}

/** The logins of this process's accounts: one at a time for each, and what became of the last one. */
export class LoginDesk implements Logins {
  readonly #deps: LoginDeskDeps;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: LoginDeskDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
  }

  async begin(accountId: string, request: LoginRequest, replace: boolean): Promise<LoginView> {
    const target = await this.#target(accountId);
    const present = this.#entries.get(accountId);
    if (present && !this.#isOver(accountId, present)) {
      throw new VigiliaError('LOGIN_UNDER_WAY', `a login of account ${accountId} is under way: go on with it, or cancel it`);
    }
    if (!replace && target.health().state === 'authenticated') {
      throw new VigiliaError('LOGIN_NOT_NEEDED', `account ${accountId} is logged in and connected`, { field: 'replace' });
    }
    const supervisor = this.#deps.supervisor();
    if (!supervisor) throw new VigiliaError('SUPERVISION_REFUSED', 'logins are not taken yet; try again in a moment');
    const entry = newEntry(accountId, request, this.#clock.now());
    this.#entries.set(accountId, entry);
    const run = {
      accountId,
      method: request.method,
      secrets: entry.secrets,
      attach: (send: (event: LoginEvent) => void) => {
        entry.send = send;
      },
      show: (state: LoginState, context: LoginContext) => this.#show(entry, viewOf(entry, state, context)),
    };
    const onLoggedIn = (id: string): void => this.#deps.targetOf(id)?.loggedIn();
    try {
      await supervisor.add(loginSpec(run, { ...this.#deps, onLoggedIn }));
    } catch (error) {
      this.#entries.delete(accountId);
      throw error;
    }
    return entry.view;
  }

  async giveCode(accountId: string, code: string): Promise<LoginView> {
    const entry = this.#at(accountId, 'awaiting-code', 'a code');
    entry.secrets.code = code;
    entry.send({ type: 'CODE' });
    return entry.view;
  }

  async givePassword(accountId: string, password: string): Promise<LoginView> {
    const entry = this.#at(accountId, 'awaiting-password', 'a password');
    entry.secrets.password = password;
    entry.send({ type: 'PASSWORD' });
    return entry.view;
  }

  async resendCode(accountId: string): Promise<LoginView> {
    const entry = this.#at(accountId, 'awaiting-code', 'that');
    entry.send({ type: 'RESEND' });
    return entry.view;
  }

  async cancel(accountId: string): Promise<LoginView> {
    const entry = this.#entry(accountId);
    if (this.#isOver(accountId, entry)) throw wrongStep(`the login of account ${accountId} is over: ${entry.view.state}`);
    entry.send({ type: 'CANCEL' });
    // Two words: what it waits for is Telegram, and the disk.
    if (entry.view.state === 'saving') throw wrongStep(`the login of account ${accountId} is just being saved`);
    return entry.view;
  }

  async view(accountId: string): Promise<LoginView> {
    const entry = this.#entry(accountId);
    this.#isOver(accountId, entry);
    return entry.view;
  }

  async settled(accountId: string, withinMs: number): Promise<LoginView> {
    const entry = this.#entry(accountId);
    if (!this.#isSettled(accountId, entry)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#clock.clearTimeout(timer);
          entry.watchers.delete(look);
          resolve();
        };
        const look = (): void => {
          if (this.#isSettled(accountId, entry)) done();
        };
        const timer = this.#clock.setTimeout(done, withinMs);
        entry.watchers.add(look);
      });
    }
    return entry.view;
  }

  async logOut(accountId: string): Promise<void> {
    await (await this.#target(accountId)).logOut();
  }

  /** One that was just made is served in a moment. */
  async #target(accountId: string): Promise<LoginTarget> {
    const { clock, exists, targetOf } = this.#deps;
    const target = targetOf(accountId);
    if (target) return target;
    if (!(await exists(accountId))) throw new VigiliaError('UNKNOWN_ACCOUNT', `there is no account ${accountId}`);
    const never = new AbortController().signal;
    for (let looks = 0; looks < TARGET_LOOKS; looks++) {
      await pause(clock, TARGET_PAUSE_MS, never);
      const served = targetOf(accountId);
      if (served) return served;
    }
    throw new VigiliaError('LOGIN_ELSEWHERE', `account ${accountId} is not served by this process: another worker may have it`, {
      retryAfterMs: 5_000,
    });
  }

  #entry(accountId: string): Entry {
    const entry = this.#entries.get(accountId);
    if (!entry) throw new VigiliaError('LOGIN_NOT_FOUND', `account ${accountId} has no login`);
    return entry;
  }

  #at(accountId: string, state: LoginState, what: string): Entry {
    const entry = this.#entry(accountId);
    this.#isOver(accountId, entry);
    const { view } = entry;
    if (view.state !== state) throw wrongStep(`the login of account ${accountId} does not wait for ${what}: it is ${view.state}`);
    const waitMs = (view.waitUntil ?? 0) - this.#clock.now();
    if (waitMs > 0) {
      const why = `Telegram takes nothing for this login for another ${Math.ceil(waitMs / 1000)} s`;
      throw new VigiliaError('TELEGRAM_FLOOD', why, { retryAfterMs: waitMs });
    }
    return entry;
  }

  /** Also notes that its actor is gone without a word, which only a defect or a stop does. */
  #isOver(accountId: string, entry: Entry): boolean {
    if (!OVER.has(entry.view.state) && !this.#deps.isAlive(accountId)) {
      const error = errorRecord(new VigiliaError('LOGIN_LOST', 'the login was interrupted; begin another one'));
      this.#show(entry, { ...entry.view, state: 'failed', expiresAt: null, qr: null, error });
    }
    return OVER.has(entry.view.state);
  }

  #isSettled(accountId: string, entry: Entry): boolean {
    const { state, qr, error, waitUntil } = entry.view;
    if (waitUntil !== null && waitUntil > this.#clock.now()) return true;
    if (WAITING.has(state) || (state === 'showing-qr' && qr !== null) || (state === 'saving' && error !== null)) return true;
    return OVER.has(state) || this.#isOver(accountId, entry);
  }

  #show(entry: Entry, view: LoginView): void {
    entry.view = view;
    if (OVER.has(view.state)) forget(entry.secrets);
    for (const watcher of [...entry.watchers]) watcher();
  }
}

function newEntry(accountId: string, request: LoginRequest, now: number): Entry {
  const phone = request.method === 'code' ? request.phone : '';
  return {
    secrets: { phone, codeHash: '', code: '', password: '', token: '' },
    send: () => {},
    watchers: new Set(),
    view: {
      accountId,
      method: request.method,
      state: request.method === 'qr' ? 'showing-qr' : 'sending-code',
      startedAt: now,
      phone: phone === '' ? null : maskPhone(phone),
      code: null,
      triesLeft: null,
      passwordHint: null,
      qr: null,
      waitUntil: null,
      expiresAt: null,
      error: null,
    },
  };
}

function viewOf({ view, secrets }: Entry, state: LoginState, context: LoginContext): LoginView {
  const { code, triesLeft, hint, tokenExpiresAt, waitUntil, expiresAt, lastError, trouble } = context;
  const showsQr = state === 'showing-qr' && secrets.token !== '' && tokenExpiresAt !== null;
  return {
    ...view,
    state,
    code,
    triesLeft,
    passwordHint: state.endsWith('-password') ? hint : null,
    qr: showsQr ? { url: `tg://login?token=${secrets.token}`, expiresAt: tokenExpiresAt } : null,
    waitUntil,
    expiresAt,
    error: trouble ?? lastError,
  };
}

/** JavaScript's texts cannot be wiped; what nothing refers to is collected. */
function forget(secrets: LoginSecrets): void {
  Object.assign(secrets, { phone: '', codeHash: '', code: '', password: '', token: '' });
}

/** @param phone digits with a plus before them @returns `+55…1234`; less of a short one */
function maskPhone(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  return digits.length < 10 ? `+…${digits.slice(-2)}` : `+${digits.slice(0, 2)}…${digits.slice(-4)}`;
}

function wrongStep(why: string): VigiliaError {
  return new VigiliaError('LOGIN_WRONG_STEP', why);
}
