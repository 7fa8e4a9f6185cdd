import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { House } from '../simulator/house.ts';
import { freePort } from '../support/free-port.ts';
import { type Env, type JobAnswer, Program, temporaryFolder, until } from '../support/program.ts';
import { WORLD } from './login-house.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const API = '/api/telegram-gateway';

/** A login as HTTP tells it, as far as tests look. */
interface LoginAnswer {
  readonly state: string;
  readonly qr: { readonly url: string; readonly svg: string } | null;
  readonly error: { readonly code: string } | null;
  readonly [field: string]: unknown;
}

/** What a command wrote and how it ended. */
export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program over a simulator that the test owns: nobody logs in by himself there. */
export class ProgramHouse {
  readonly house: House;
  readonly folder: string;
  readonly env: Env;
  readonly programs: Program[] = [];
  /** What the test itself asks with. */
  readonly headers: Env = {};

  private constructor(house: House, folder: string, env: Env) {
    this.house = house;
    this.folder = folder;
    this.env = env;
  }

  static async open(onEnd: (close: () => Promise<void>) => void): Promise<ProgramHouse> {
    const house = await House.open(WORLD);
    const folder = await temporaryFolder(onEnd);
    const { host, port } = house.info.address;
    const env = {
      TELEGRAM_SERVER: `${host}:${port}`,
      TELEGRAM_SERVER_KEY: house.info.publicKeyFile,
      HTTP_PORT: String(await freePort()),
      LOG_LEVEL: 'trace',
    };
    const made = new ProgramHouse(house, folder, env);
    onEnd(async () => {
      await Promise.all(made.programs.map((program) => program.kill()));
      await house.close();
    });
    return made;
  }

  get control() {
    return this.house.control;
  }

  async start(): Promise<Program> {
    const program = new Program(['start'], this.env, this.folder);
    this.programs.push(program);
    await program.logged(({ msg }) => msg === 'listening' || msg.startsWith('try:'));
    return program;
  }

  /** Runs a command; `input` is typed ahead, or through a pseudo terminal of its own. */
  async run(args: readonly string[], { input = '', env = {} }: { input?: string; env?: Env } = {}): Promise<Ran> {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: this.folder, env: { ...plainEnv(), ...this.env, ...env } });
    child.stdin.end(input);
    return collected(child);
  }

  /** The same in a pseudo terminal (script(1)), where each answer is typed once its question is there. @returns all that the terminal showed */
  async type(args: readonly string[], answers: readonly (readonly [question: string, answer: string])[], env: Env = {}) {
    const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: this.folder,
      env: { ...plainEnv(), ...this.env, ...env },
    });
    let shown = '';
    let next = 0;
    let from = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      const [question, answer] = answers[next] ?? [];
      if (question === undefined) return;
      const at = shown.indexOf(question, from);
      if (at < 0) return;
      from = at + question.length;
      next += 1;
      child.stdin.write(answer ?? '');
    });
    const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { exitCode, shown };
  }

  /** Of the account's connection, as `/api/telegram-gateway/accounts` tells it. */
  async is(program: Program, state: string, accountId = 'main'): Promise<void> {
    await until(async () => {
      const { body } = await program.get(`${API}/accounts`, this.headers);
      const { accounts } = body as { accounts: { id: string; state: string }[] };
      return accounts.find(({ id }) => id === accountId)?.state === state ? true : undefined;
    });
  }

  async login(program: Program, method: 'GET' | 'POST' | 'DELETE', step: string, body?: object, accountId = 'main') {
    const answer = await program.ask(`${API}/accounts/${accountId}/login${step}`, {
      method,
      headers: { ...this.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: JSON.parse(answer.text) as LoginAnswer };
  }

  /** Logs in by code. */
  async logIn(program: Program, { phone, code }: { phone: string; code: string }, more: object = {}, accountId = 'main') {
    const begun = await this.login(program, 'POST', '', { method: 'code', phone, ...more }, accountId);
    expect(begun.body, program.tail()).toMatchObject({ state: 'awaiting-code' });
    return this.login(program, 'POST', '/code', { code }, accountId);
  }

  async completed(program: Program, job: string): Promise<JobAnswer> {
    return program.job(job);
  }

  /** Numbers of the stored generations, ascending. */
  async generations(accountId = 'main'): Promise<number[]> {
    const worlds = join(this.folder, 'data', 'worlds');
    const [place = ''] = await readdir(worlds).catch(() => []);
    const files = await readdir(join(worlds, place, 'sessions', accountId)).catch(() => []);
    return files
      .filter((name) => name.endsWith('.session'))
      .map((name) => Number(name.split('.')[0]))
      .sort((a, b) => a - b);
  }

  /** Everything that programs wrote, and what they show of their actors. */
  async written(program: Program): Promise<string> {
    const state = JSON.stringify((await program.get('/api/state', this.headers)).body);
    const login = JSON.stringify((await program.get('/api/state/root/logins/main', this.headers)).body);
    const connection = JSON.stringify((await program.get('/api/state/root/accounts/main/connection', this.headers)).body);
    return [...this.programs.flatMap(({ stdout, stderr }) => [stdout, stderr]), state, login, connection].join('\n');
  }
}

function plainEnv(): Env {
  const foreign = /^(VIGILIA_|GATEWAY_|TELEGRAM_|SIMULATOR_|SESSION_|HTTP_|OPS_|DATABASE_|REDIS_|RABBITMQ_|NODE_ENV$|LOG_LEVEL$)/;
  const own = Object.entries(process.env).filter(([name, value]) => value !== undefined && !foreign.test(name));
  return Object.fromEntries(own) as Env;
}

function collected(child: ReturnType<typeof spawn>): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr })));
}
