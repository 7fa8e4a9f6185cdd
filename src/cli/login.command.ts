import { pause, systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { phoneNumber } from '../config-values.ts';
import { dataDirOwner } from '../data-dir.ts';
import { VigiliaError } from '../errors.ts';
import { createLog } from '../log.ts';
import { openLogins } from '../login-program.ts';
import type { LoginRequest } from '../ports.ts';
import type { ProgramHost } from '../program.ts';
import { DEFAULT_ACCOUNT } from '../session-program.ts';
import { configuration } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { type LoginArgs, parseLoginArgs } from './login-args.ts';
import { type Dialogue, logInWith } from './login-dialogue.ts';
import { httpLogins } from './login-http.ts';
import { TerminalPerson } from './login-terminal.ts';
import { complain, say } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** How long a program that holds the data directory may take to say where it listens, in ms. */
const ADDRESS_MS = 30_000;
const LOOK_MS = 250;

/** How long a program may take to say what it is, in ms. */
const ANSWER_MS = 5_000;
/** How the line of `/health` begins that names the people of a simulated world. */
const PEOPLE_NOTE = 'Who can log in';

interface Way extends Pick<Dialogue, 'logins' | 'makeAccount'> {
  /** Who can log in, where that is no secret. */
  readonly people: string | undefined;
  close(): Promise<void>;
}

/**
 * `vigilia login`: through the program that runs here (or at `--url`), else by itself with the data directory held.
 * @returns the exit code: 0 logged in, 1 not, 75 when Telegram wants to be left alone for long, 130 left by Ctrl-C
 */
export async function runLogin(args: readonly string[], host: ProgramHost): Promise<number> {
  const parsed = parseLoginArgs(args, DEFAULT_ACCOUNT);
  const config = configuration();
  const leave = new AbortController();
  const person = new TerminalPerson(() => leave.abort());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (leave.signal.aborted) process.exit(EXIT.interrupted);
      leave.abort();
      // An open question ends with its input.
      person.close();
    });
  }
  try {
    const given = givenRequest(parsed, config);
    const way = await wayOf(parsed, config, host, leave.signal);
    try {
      // Whoever tries it out has to know as whom.
      if (way.people !== undefined) say(way.people);
      const request = given ?? (await askedRequest(person));
      if (request === undefined) return leave.signal.aborted ? EXIT.interrupted : EXIT.failed;
      const { logins, makeAccount } = way;
      const { account: accountId, replace } = parsed;
      const password = config.loginPassword;
      const dialogue = { logins, makeAccount, person, clock: systemClock, accountId, password, leaving: leave.signal };
      return await logInWith(dialogue, request, replace);
    } finally {
      await way.close();
    }
  } finally {
    person.close();
  }
}

/** @returns undefined when nothing says which phone */
function givenRequest({ qr, phone }: LoginArgs, { loginPhone }: Config): LoginRequest | undefined {
  if (qr) return { method: 'qr' };
  const number = phone ?? loginPhone;
  return number === null ? undefined : byPhone(number);
}

/** @returns undefined when nobody says which phone */
async function askedRequest(person: TerminalPerson): Promise<LoginRequest | undefined> {
  const typed = await person.ask('Phone number, with its country code: ');
  if (typed !== undefined) return byPhone(typed);
  complain('vigilia: no phone number was given');
  return undefined;
}

function byPhone(typed: string): LoginRequest {
  const read = phoneNumber(typed.trim());
  if (!read.ok) throw new UsageError(`that is no phone number: give ${read.allowed}`);
  return { method: 'code', phone: read.value };
}

async function wayOf({ url }: LoginArgs, config: Config, host: ProgramHost, leaving: AbortSignal): Promise<Way> {
  const through = (address: string, people?: string): Way => {
    const logins = httpLogins(address, config.tokens);
    return { logins, makeAccount: logins.makeAccount, people, close: async () => {} };
  };
  if (url !== undefined) return through(url, (await programAt(url))?.people);
  try {
    // What people have to know, the dialogue says.
    const { people, ...tools } = await openLogins(config, host, createLog('silent'));
    const who = people.length === 0 ? undefined : `Who can log in to the simulated Telegram: ${people.join('; ')}.`;
    return { ...tools, people: who, makeAccount: undefined };
  } catch (error) {
    if (!(error instanceof VigiliaError) || error.code !== 'DATA_DIR_LOCKED') throw error;
    const address = await addressOf(config, leaving);
    if (address === undefined) throw error;
    const program = await programAt(address);
    if (program?.role !== 'worker') {
      say(`through the program that runs at ${address}`);
      return through(address, program?.people);
    }
    const gateway = gatewayAddress(config);
    const found = await programAt(gateway);
    if (found === undefined) {
      const why = `a worker holds ${config.dataDir}, and logins go through a gateway; none answers at ${gateway}, which is what HTTP_HOST and HTTP_PORT say: name one with --url`;
      throw new VigiliaError('LOGIN_ELSEWHERE', why);
    }
    say(`through the gateway at ${gateway}`);
    return through(gateway, found.people);
  }
}

/** @returns where the program that holds the data directory listens; undefined when it does not say */
async function addressOf({ dataDir }: Config, leaving: AbortSignal): Promise<string | undefined> {
  const until = systemClock.monotonic() + ADDRESS_MS;
  while (systemClock.monotonic() < until && !leaving.aborted) {
    const address = dataDirOwner(dataDir)?.address;
    if (typeof address === 'string') return address;
    await pause(systemClock, LOOK_MS, leaving);
  }
  return undefined;
}

/** @returns the role of the program that listens there, and who can log in where Telegram is simulated; undefined when nobody answers */
async function programAt(url: string): Promise<{ readonly role: string; readonly people: string | undefined } | undefined> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { role = 'unknown', notes = [] } = (await answer.json()) as { role?: string; notes?: readonly string[] };
    return { role, people: notes.find((note) => note.startsWith(PEOPLE_NOTE)) };
  } catch {
    return undefined;
  }
}

/** Where a gateway that is configured as this command is listens, seen from this machine. */
function gatewayAddress({ http: { host, port } }: Config): string {
  const near = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`;
}
