import { fromPromise, type Snapshot } from 'xstate';
import type { Clock, Random } from '../../clock.ts';
import { type ErrorCode, toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../machines/backoff.ts';
import { type LoginContext, type LoginEvent, loginMachine } from '../../machines/login.machine.ts';
import type { Json, JsonObject, LoginLink, LoginRequest, LoginState, LoginTelegram, SentCode } from '../../ports.ts';
import type { ChildSpec, Life, Start } from '../actor.ts';
import { onAccountOf } from '../stray.ts';
import type { Sessions } from './session/session-vault.ts';

/** Between two attempts at a step that failed in a way that passes. */
const BACKOFF: BackoffPolicy = { baseMs: 1_000, capMs: 15_000 };

/** After these, nobody knows what the link is good for. */
const LINK_IS_DOUBTED: ReadonlySet<ErrorCode> = new Set([
  'TELEGRAM_OFFLINE',
  'TELEGRAM_TIMEOUT',
  'TELEGRAM_GENERATION',
  'TELEGRAM_KEY_UNKNOWN',
]);

/** What a login keeps to itself: nothing of it is in its machine, its events, its view in the tree, or a log. */
export interface LoginSecrets {
  /** Digits with a plus before them; empty for a login by QR. */
  readonly phone: string;
  codeHash: string;
  code: string;
  password: string;
  /** Base64url. */
  token: string;
}

/** One login, as whoever began it sees it. */
export interface LoginRun {
  readonly accountId: string;
  readonly method: LoginRequest['method'];
  readonly secrets: LoginSecrets;
  /** Told how to give the machine an event, before the first state is shown. */
  attach(send: (event: LoginEvent) => void): void;
  /** Told each state as it is entered, with what there is to it. */
  show(state: LoginState, context: LoginContext): void;
}

export interface LoginActorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telegram: () => Promise<LoginTelegram>;
  readonly sessions: Pick<Sessions, 'write'>;
  /** Has the account be this user's. @throws ACCOUNT_OF_ANOTHER where it is somebody else's */
  readonly claimUser: (accountId: string, userId: number) => Promise<void>;
  /** The account has a new session, and nobody else is connected with it. */
  readonly onLoggedIn: (accountId: string) => void;
}

/** The child specification of one login: it is begun once, and not again when it ends, however it ends. */
export function loginSpec(run: LoginRun, deps: LoginActorDeps): ChildSpec {
  return {
    id: run.accountId,
    kind: 'login',
    restart: 'temporary',
    shutdownMs: 5_000,
    view: viewLogin,
    start: (life) => {
      life.ready();
      return loginStart(life, run, { ...deps, log: deps.log.child({ account: run.accountId }) });
    },
  };
}

function loginStart({ path }: Life, run: LoginRun, deps: LoginActorDeps): Start {
  const { clock, log, random } = deps;
  const { secrets } = run;
  let send: (event: LoginEvent) => void = () => {};
  const line = new LoginLine(path, deps, (event) => send(event));

  const keepCode = (sent: SentCode | undefined) => {
    if (sent === undefined) {
      line.isIn();
      return undefined;
    }
    const { hash, ...news } = sent;
    secrets.codeHash = hash;
    return news;
  };

  /** What an unanswered call may have done. @returns true when the login is made */
  const wentThrough = async (isUnsure: boolean, link: LoginLink): Promise<boolean> => {
    if (!isUnsure) return false;
    const standing = await link.standing();
    if (standing === 'password-needed') throw new VigiliaError('LOGIN_PASSWORD_NEEDED', 'Telegram asks for the password');
    return standing === 'logged-in';
  };

  const logic = loginMachine.provide({
    actors: {
      sendCode: fromPromise(() => line.on(async (link) => keepCode(await link.sendCode(secrets.phone)))),
      resendCode: fromPromise(() => line.on(async (link) => keepCode(await link.resendCode(secrets.phone, secrets.codeHash)))),
      signIn: fromPromise<void, { isUnsure: boolean }>(({ input: { isUnsure } }) =>
        line.on(async (link) => {
          line.mayBeIn();
          if (!(await wentThrough(isUnsure, link))) await link.signIn(secrets.phone, secrets.codeHash, secrets.code);
          line.isIn();
        }),
      ),
      askPassword: fromPromise(() => line.on((link) => link.passwordHint())),
      checkPassword: fromPromise<void, { isUnsure: boolean }>(({ input: { isUnsure } }) =>
        line.on(async (link) => {
          line.mayBeIn();
          if (!isUnsure || (await link.standing()) !== 'logged-in') await link.checkPassword(secrets.password);
          line.isIn();
        }),
      ),
      exportToken: fromPromise<number | 'accepted', { isUnsure: boolean }>(({ input: { isUnsure } }) =>
        line.on(async (link) => {
          line.mayBeIn();
          if (!(await wentThrough(isUnsure, link))) {
            const answer = await link.exportToken();
            if (answer.kind === 'shown') {
              secrets.token = answer.token;
              return answer.expiresAt;
            }
          }
          line.isIn();
          return 'accepted';
        }),
      ),
      save: fromPromise<void>(async () => {
        await deps.claimUser(run.accountId, await line.userId());
        await deps.sessions.write(run.accountId, line.session());
        // Before anybody else connects with it: two sockets on one key burn it.
        await line.close();
      }),
      cancelLogin: fromPromise<void>(() => line.giveUp(secrets)),
      closeLink: fromPromise<void>(() => line.close()),
    },
    actions: {
      tell: ({ context, self }, { state }) => {
        send = (event) => self.send(event);
        run.attach(send);
        if (state !== 'checking-code') secrets.code = '';
        if (state !== 'checking-password') secrets.password = '';
        run.show(state, context);
        sayState(log, state, context);
      },
      announce: () => deps.onLoggedIn(run.accountId),
      letGo: () => void line.close(),
    },
  });
  const policy = { now: () => clock.now(), backoffMs: (attempt: number) => 500 + backoffDelayMs(BACKOFF, attempt, random) };
  return { logic, input: { method: run.method, policy } };
}

/** The connection of one login: opened when a step needs it, with the key it had before where there was one. */
class LoginLine {
  readonly #path: string;
  readonly #deps: LoginActorDeps;
  readonly #tell: (event: LoginEvent) => void;
  #link: LoginLink | undefined;
  #opening: Promise<LoginLink> | undefined;
  /** With the key that Telegram knows this login by. */
  #session = '';
  #standing: 'out' | 'unknown' | 'in' = 'out';
  #userId: number | undefined;
  #isOver = false;

  constructor(path: string, deps: LoginActorDeps, tell: (event: LoginEvent) => void) {
    this.#path = path;
    this.#deps = deps;
    this.#tell = tell;
  }

  /** Does a step over the link, which is opened where there is none. */
  async on<T>(step: (link: LoginLink) => Promise<T>): Promise<T> {
    // What GramJS lets go costs the link it happened on.
    const owner = {
      path: `${this.#path}#link`,
      take: (cause: unknown): boolean => {
        const hurt = this.#link !== undefined;
        this.#drop(this.#link, new VigiliaError('TELEGRAM_GENERATION', 'the client library let a failure go', { cause }));
        return hurt;
      },
    };
    return onAccountOf(owner, async () => {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      const link = await this.#opening;
      try {
        return await step(link);
      } catch (thrown) {
        const error = toVigiliaError(thrown);
        if (LINK_IS_DOUBTED.has(error.code)) this.#drop(link, error);
        throw error;
      }
    });
  }

  /** What is asked now may log the key in without our hearing of it. */
  mayBeIn(): void {
    if (this.#standing === 'out') this.#standing = 'unknown';
  }

  isIn(): void {
    this.#standing = 'in';
    this.#session = this.#link?.session() || this.#session;
  }

  /** @throws LOGIN_LOST when there is none */
  session(): string {
    if (this.#standing !== 'in' || this.#session === '') throw new VigiliaError('LOGIN_LOST', 'there is no session to save');
    return this.#session;
  }

  /** @returns the Telegram user who has logged in */
  async userId(): Promise<number> {
    this.#userId ??= await this.on((link) => link.userId());
    return this.#userId;
  }

  /** Undoes at Telegram what was done there, as far as it can be reached, and closes the link. */
  async giveUp({ phone, codeHash }: LoginSecrets): Promise<void> {
    try {
      if (this.#standing !== 'out') {
        await this.on(async (link) => {
          if (this.#standing === 'in' || (await link.standing()) === 'logged-in') await link.logOut();
        });
      } else if (codeHash !== '') await this.on((link) => link.cancelCode(phone, codeHash));
    } catch (error) {
      this.#deps.log.debug({ cause: toVigiliaError(error).code }, 'a cancelled login was not cancelled at Telegram');
    } finally {
      await this.close();
    }
  }

  /** For good. Never rejects. */
  async close(): Promise<void> {
    this.#isOver = true;
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  async #open(): Promise<LoginLink> {
    if (this.#link) return this.#link;
    const telegram = await this.#deps.telegram();
    if (this.#isOver) throw new VigiliaError('TELEGRAM_OFFLINE', 'the login is over');
    const link = telegram.openLogin(this.#session, {
      onDown: (error) => this.#drop(link, toVigiliaError(error)),
      onTokenAccepted: () => {
        if (link === this.#link) this.#tell({ type: 'TOKEN_ACCEPTED' });
      },
    });
    this.#link = link;
    try {
      await link.connect();
    } catch (thrown) {
      this.#drop(link, toVigiliaError(thrown));
      throw thrown;
    }
    return link;
  }

  #drop(link: LoginLink | undefined, error: VigiliaError): void {
    if (link === undefined || link !== this.#link) return;
    this.#link = undefined;
    // The key that Telegram does not know is of no use; any other one is what it knows the login by.
    this.#session = error.code === 'TELEGRAM_KEY_UNKNOWN' ? '' : link.session() || this.#session;
    void link.close();
    this.#deps.log.debug({ cause: error.message, code: error.code }, "the login's connection is gone");
    this.#tell({ type: 'LINK_DOWN' });
  }
}

/** The lines of a login's life; none of them names the phone, a code or a password. */
function sayState(log: Log, state: LoginState, { method, code, lastError, trouble }: LoginContext): void {
  const why = { code: lastError?.code, cause: lastError?.message };
  if (trouble) {
    log.warn({ state, code: trouble.code, cause: trouble.message }, 'login: trying again');
    return;
  }
  switch (state) {
    case 'awaiting-code':
      log.info({ via: code?.via, ...(lastError && why) }, 'login: waiting for the code');
      return;
    case 'awaiting-password':
      log.info({ ...(lastError && why) }, 'login: waiting for the password');
      return;
    case 'done':
      log.info({ method }, 'login: done');
      return;
    case 'failed':
      log.warn(why, 'login: failed');
      return;
    case 'cancelled':
      log.info({}, 'login: cancelled');
      return;
    default:
      log.debug({ state }, 'login');
  }
}

/** What `/api/state` shows of a login. */
function viewLogin(snapshot: Snapshot<unknown>): JsonObject {
  if (!('context' in snapshot)) return {};
  const { method, codesSent, triesLeft, troubles, waitUntil, expiresAt, lastError, trouble } = snapshot.context as Record<
    string,
    Json
  >;
  return { method, codesSent, triesLeft, troubles, waitUntil, expiresAt, lastError, trouble } as JsonObject;
}
