import { type Clock, pause } from '../clock.ts';
import { ERRORS, VigiliaError } from '../errors.ts';
import type { LoginRequest, Logins, LoginView } from '../ports.ts';
import { qrLines } from '../qr-code.ts';
import { EXIT } from './exit-codes.ts';

/** How long one look at a login's progress may wait, in ms. */
const LOOK_MS = 30_000;
/** How long a cancelled login may take to be so at Telegram, in ms. */
const CANCEL_MS = 8_000;
/** How often a shown QR code is looked at, in ms. */
const QR_LOOK_MS = 1_000;
/** How long a worker may take to serve an account that was just made, in ms, and how often it is asked. */
const SERVED_MS = 30_000;
const SERVED_LOOK_MS = 1_000;

/** Whoever sits at the terminal. */
export interface Person {
  say(line: string): void;
  complain(line: string): void;
  /** Asks without showing what is typed. @returns undefined when there is nobody to answer any more */
  askHidden(question: string): Promise<string | undefined>;
}

export interface Dialogue {
  readonly logins: Pick<Logins, Exclude<keyof Logins, 'logOut'>>;
  readonly person: Person;
  readonly clock: Clock;
  readonly accountId: string;
  /** Makes the account where there is none; undefined where a login needs none. */
  readonly makeAccount: ((accountId: string) => Promise<void>) | undefined;
  /** Given once, before anybody is asked for it. */
  readonly password: string | null;
  /** Aborts when the person wants to leave. */
  readonly leaving: AbortSignal;
}

const VIA: Readonly<Record<string, string>> = {
  app: 'in the Telegram app, on another device',
  sms: 'by SMS',
  call: 'by a phone call',
  'flash-call': 'by a call that rings once',
  'missed-call': 'as the last digits of the number that calls',
  'email-code': 'by e-mail',
  'fragment-sms': 'on fragment.com',
};

/** Goes through a login with a person, from its beginning to its end. @returns the exit code */
export async function logInWith(dialogue: Dialogue, request: LoginRequest, replace: boolean): Promise<number> {
  const { person, accountId } = dialogue;
  try {
    await begin(dialogue, request, replace);
  } catch (error) {
    if (!(error instanceof VigiliaError)) throw error;
    if (error.code === 'LOGIN_NOT_NEEDED') {
      person.complain(`${error.message}; --replace logs it in again, and keeps its present session as the one before`);
      return EXIT.failed;
    }
    if (error.code !== 'LOGIN_UNDER_WAY') throw error;
    // Whoever began it may have been here: it is gone on with, and can be left.
    person.say(`a login of account ${accountId} is under way already: going on with it (Ctrl-C cancels it)`);
  }
  return new Conversation(dialogue).run();
}

/** Begins it; an account that is not there is made first, since naming it is all that there is to making it. */
async function begin(dialogue: Dialogue, request: LoginRequest, replace: boolean): Promise<void> {
  const { logins, person, clock, accountId, makeAccount, leaving } = dialogue;
  const answered = (error: unknown, ...codes: readonly string[]): boolean =>
    error instanceof VigiliaError && codes.includes(error.code);
  try {
    await logins.begin(accountId, request, replace);
    return;
  } catch (error) {
    if (!makeAccount || !answered(error, 'NOT_FOUND', 'UNKNOWN_ACCOUNT')) throw error;
  }
  await makeAccount(accountId);
  person.say(`there was no account ${accountId}: it is made`);
  const until = clock.monotonic() + SERVED_MS;
  for (;;) {
    try {
      await logins.begin(accountId, request, replace);
      return;
    } catch (error) {
      // Some worker takes it within seconds.
      if (!answered(error, 'LOGIN_ELSEWHERE') || clock.monotonic() >= until || leaving.aborted) throw error;
      await pause(clock, SERVED_LOOK_MS, leaving);
    }
  }
}

class Conversation {
  readonly #dialogue: Dialogue;
  #password: string | null;
  #shownUrl = '';
  #said = '';

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
    this.#password = dialogue.password;
  }

  async run(): Promise<number> {
    const { logins, accountId, person, leaving } = this.#dialogue;
    for (;;) {
      if (leaving.aborted) return this.#leave(EXIT.interrupted);
      const login = await logins.settled(accountId, LOOK_MS);
      switch (login.state) {
        case 'done':
          person.say(`account ${accountId} is logged in`);
          return EXIT.ok;
        case 'failed':
          person.complain(`the login failed: ${reasonOf(login)}`);
          return login.error?.code === 'TELEGRAM_FLOOD' ? EXIT.tempfail : EXIT.failed;
        case 'cancelled':
          person.complain('the login was cancelled');
          return EXIT.failed;
        case 'awaiting-code':
          if (!(await this.#giveCode(login))) return this.#leave(leaving.aborted ? EXIT.interrupted : EXIT.failed);
          break;
        case 'awaiting-password':
          if (!(await this.#givePassword(login))) return this.#leave(leaving.aborted ? EXIT.interrupted : EXIT.failed);
          break;
        case 'showing-qr':
          await this.#showQr(login);
          break;
        default:
          this.#sayOnce(login);
          await pause(this.#dialogue.clock, QR_LOOK_MS, leaving);
      }
    }
  }

  /** @returns false when nobody answers */
  async #giveCode(login: LoginView): Promise<boolean> {
    const { logins, accountId, person } = this.#dialogue;
    this.#sayOnce(login);
    if (await this.#waited(login)) return true;
    const { code } = login;
    const digits = code?.length ? `, ${code.length} characters` : '';
    person.say(`The code for ${login.phone} was sent ${VIA[code?.via ?? ''] ?? `by ${code?.via}`}${digits}.`);
    const again = code?.nextVia ? ` (empty: have it sent again, ${VIA[code.nextVia] ?? code.nextVia})` : '';
    const answer = await person.askHidden(`Code${again}: `);
    if (answer === undefined) return false;
    if (answer.trim() !== '') await this.#give(() => logins.giveCode(accountId, answer.trim()));
    else if (code?.nextVia) await this.#give(() => logins.resendCode(accountId));
    return true;
  }

  /** @returns false when nobody answers */
  async #givePassword(login: LoginView): Promise<boolean> {
    const { logins, accountId, person } = this.#dialogue;
    this.#sayOnce(login);
    if (await this.#waited(login)) return true;
    const given = this.#password;
    this.#password = null;
    const hint = login.passwordHint === null ? '' : ` (hint: ${login.passwordHint})`;
    const answer = given ?? (await person.askHidden(`Two-step verification password${hint}: `));
    if (answer === undefined) return false;
    if (answer !== '') await this.#give(() => logins.givePassword(accountId, answer));
    return true;
  }

  async #showQr(login: LoginView): Promise<void> {
    const { person, clock, leaving } = this.#dialogue;
    this.#sayOnce(login);
    if (login.qr && login.qr.url !== this.#shownUrl) {
      if (this.#shownUrl === '') {
        person.say('Scan this with Telegram: Settings, Devices, Link Desktop Device. It is replaced when it expires.');
      }
      this.#shownUrl = login.qr.url;
      person.say(`\n${qrLines(login.qr.url).join('\n')}\n`);
    }
    await pause(clock, QR_LOOK_MS, leaving);
  }

  /** A step that does not fit any more, or has to wait, is no reason to end: the next look says what there is. */
  async #give(step: () => Promise<unknown>): Promise<void> {
    this.#said = '';
    try {
      await step();
    } catch (error) {
      if (!(error instanceof VigiliaError) || !['LOGIN_WRONG_STEP', 'TELEGRAM_FLOOD'].includes(error.code)) throw error;
      this.#dialogue.person.complain(error.message);
    }
  }

  /** Says what went wrong, once for each time that it did. */
  #sayOnce(login: LoginView): void {
    const { error, triesLeft } = login;
    if (error === null) return;
    const tries =
      triesLeft === null || !error.code.endsWith('_INVALID') ? '' : ` (${triesLeft} ${triesLeft === 1 ? 'try' : 'tries'} left)`;
    // What is asked again needs no more words than these.
    const line = tries === '' ? reasonOf(login) : `${ERRORS[error.code].meaning.replace(/\.$/, '')}${tries}`;
    if (line === this.#said) return;
    this.#said = line;
    this.#dialogue.person.complain(line);
  }

  /** @returns true when Telegram takes nothing yet; then that time has passed */
  async #waited({ waitUntil }: LoginView): Promise<boolean> {
    const { clock, leaving } = this.#dialogue;
    const waitMs = (waitUntil ?? 0) - clock.now();
    if (waitMs <= 0) return false;
    await pause(clock, waitMs + 500, leaving);
    return true;
  }

  async #leave(exitCode: number): Promise<number> {
    const { logins, accountId, person } = this.#dialogue;
    try {
      await logins.cancel(accountId);
      await logins.settled(accountId, CANCEL_MS);
    } catch {
      // It is over already, or nobody can be asked any more: it ends by itself.
    }
    person.complain(exitCode === EXIT.interrupted ? 'the login was cancelled' : 'nobody answers: the login was cancelled');
    return exitCode;
  }
}

/** What went wrong, in words, and until when where Telegram named a time. */
function reasonOf({ error, waitUntil }: LoginView): string {
  const until = waitUntil === null ? '' : `; until ${new Date(waitUntil).toISOString()}`;
  return `${error?.message ?? 'for no reason that is known'}${until} [${error?.code ?? 'INTERNAL'}]`;
}
