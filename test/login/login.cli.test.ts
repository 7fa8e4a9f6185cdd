import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Program, until } from '../support/program.ts';
import { AWAY, BANNED, PLAIN, SAFE } from './login-house.ts';
import { ProgramHouse } from './program-house.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const TOKEN = 'an-admin-token-for-tests';

/** One data directory for all: first nothing runs there, then the program does. */
let house: ProgramHouse;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  house = await ProgramHouse.open((close) => closing.push(close));
  Object.assign(house.env, { GATEWAY_TOKENS: `admin:${TOKEN}` });
  Object.assign(house.headers, { 'x-gateway-token': TOKEN });
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const calls = async (method: string): Promise<number> => (await house.control.tell('stats', {})).calls[method] ?? 0;

describe('vigilia login without a running program', () => {
  it('says why it failed, and ends with 1', async () => {
    const banned = await house.run(['login', '--phone', BANNED.phone]);
    expect(banned.exitCode).toBe(1);
    expect(banned.stderr).toMatch(/banned.*\[LOGIN_PHONE_BANNED\]/);
    const nobody = await house.run(['login', '--phone', PLAIN.phone]);
    expect(nobody).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('nobody answers: the login was cancelled') });
    expect(await calls('auth.cancelCode')).toBe(1);
    expect(await house.generations()).toEqual([]);
  });

  it('ends with 75 when Telegram wants to be left alone for long, and says until when', async () => {
    await house.control.tell('fail', { method: 'auth.sendCode', code: 420, message: 'FLOOD_WAIT_80000', times: 1 });
    const ran = await house.run(['login', '--phone', PLAIN.phone]);
    expect(ran.exitCode).toBe(75);
    expect(ran.stderr).toMatch(/until \d{4}-\d\d-\d\dT.*\[TELEGRAM_FLOOD\]/);
  });

  it('refuses words that mean nothing, and repeats none of them', async () => {
    for (const args of [
      ['--phone', 'not-a-number'],
      ['--qr', '--phone', PLAIN.phone],
      ['--account', 'a b'],
      ['--cody', '12345'],
      ['12345'],
    ]) {
      const ran = await house.run(['login', ...args]);
      expect(ran.exitCode, args.join(' ')).toBe(64);
      expect(ran.stderr).not.toContain(args.at(-1));
    }
  });

  it('is left by Ctrl-C: the code is taken back, and nothing is stored', async () => {
    const before = await calls('auth.cancelCode');
    const { exitCode, shown } = await house.type(['login', '--phone', PLAIN.phone], [['Code', '\u0003']]);
    expect(shown).toContain('the login was cancelled');
    expect(exitCode).toBe(130);
    expect(await calls('auth.cancelCode')).toBe(before + 1);
    expect(await house.generations()).toEqual([]);
  });

  it('asks for code and password without showing them, in a terminal', async () => {
    const { exitCode, shown } = await house.type(
      ['login'],
      [
        ['country code: ', `+${SAFE.phone}\r`],
        ['Code', '98765187\r'],
        ['Code (empty', `${SAFE.code}\r`],
        ['password (hint: a horse): ', 'not-the-one\r'],
        ['password (hint: a horse): ', `${SAFE.password}\r`],
      ],
    );
    expect(shown).toContain('account main is logged in');
    expect(exitCode).toBe(0);
    expect(shown).toContain('The login code is wrong');
    expect(shown).toContain('(4 tries left)');
    expect(shown).toContain('The password is wrong');
    for (const secret of ['98765187', SAFE.code, 'not-the-one', SAFE.password]) expect(shown).not.toContain(secret);
    expect(await house.generations()).toEqual([1]);
  });

  it('takes piped answers, and what the environment gives', async () => {
    await writeFile(join(house.folder, 'password'), `${SAFE.password}\n`);
    const ran = await house.run(['login'], {
      input: `${SAFE.code}\n`,
      env: { TELEGRAM_PHONE: `+${SAFE.phone}`, TELEGRAM_PASSWORD_FILE: 'password' },
    });
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    for (const secret of [SAFE.phone, SAFE.code, SAFE.password]) expect(ran.stdout).not.toContain(secret);
    expect(ran.stdout).toContain('+55…2345');
    expect(await house.generations()).toEqual([1, 2]);
  });

  it('draws the QR code, and draws the next one when it expires', async () => {
    await house.control.tell('limits', { tokenSeconds: 4 });
    const running = house.run(['login', '--qr', '--account', 'second']);
    const first = await until(async () => (await house.control.tell('token', {})).token ?? undefined);
    const another = (than: readonly string[]): Promise<string> =>
      until(async () => {
        const { token } = await house.control.tell('token', {});
        return token !== null && !than.includes(token) ? token : undefined;
      });
    // The one after the next: by then the next one was drawn.
    const second = await another([first]);
    await another([first, second]);
    await house.control.tell('acceptToken', { phone: AWAY.phone });
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(0);
    const lines = stdout.split('\n').filter((line) => /^[█▀▄ ]{20,}$/.test(line));
    // A code of version 4 or more, twice.
    expect(lines.length).toBeGreaterThanOrEqual(2 * 16);
    expect(stdout).not.toContain(first);
    expect(await house.generations('second')).toEqual([1]);
  });
});

describe('vigilia login beside a running program', () => {
  let program: Program;

  it('has made sessions that the program starts with, and shows its admin token', async () => {
    const codes = await calls('auth.sendCode');
    program = await house.start();
    await house.is(program, 'authenticated');
    await house.is(program, 'authenticated', 'second');
    expect(await calls('auth.sendCode')).toBe(codes);

    expect((await program.get('/api/telegram-gateway/accounts')).status).toBe(401);
    const refused = await house.run(['login', '--phone', PLAIN.phone], {
      env: { GATEWAY_TOKENS: 'read:another-token-for-tests' },
    });
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/set GATEWAY_TOKENS.*\[UNAUTHORIZED\]/) });
  });

  it('goes through it, and the program goes on with the new session', async () => {
    const needless = await house.run(['login', '--phone', SAFE.phone], { input: `${SAFE.code}\n` });
    expect(needless.exitCode).toBe(1);
    expect(needless.stderr).toContain('--replace');

    await house.control.tell('revoke', { phone: SAFE.phone });
    // It would hear of it with the next ping.
    await house.control.tell('drop', {});
    await house.is(program, 'reauth-required');
    const resent = await calls('auth.resendCode');
    const ran = await house.run(['login', '--phone', SAFE.phone], { input: `\n99999187\n${SAFE.code}\n${SAFE.password}\n` });
    expect(ran.stdout).toContain(`through the program that runs at ${program.url}`);
    expect(ran.stderr).toContain('The login code is wrong');
    expect(ran.exitCode, ran.stderr).toBe(0);
    await house.is(program, 'authenticated');
    expect(await calls('auth.resendCode')).toBe(resent + 1);
    const written = await house.written(program);
    for (const secret of [SAFE.phone, SAFE.code, SAFE.password, '99999187', TOKEN]) expect(written.includes(secret)).toBe(false);

    const replaced = await house.run(['login', '--phone', SAFE.phone, '--replace'], {
      input: `${SAFE.code}\n${SAFE.password}\n`,
    });
    expect(replaced.exitCode).toBe(0);
    expect(await house.generations()).toEqual([2, 3, 4]);
  });

  it('makes an account that is not there', async () => {
    const ran = await house.run(['login', '--account', 'third', '--phone', PLAIN.phone], { input: `${PLAIN.code}\n` });
    expect(ran).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: expect.stringContaining('there was no account third: it is made'),
    });
    await house.is(program, 'authenticated', 'third');
    expect((await house.control.tell('stats', {})).maxSocketsPerKey).toBe(1);
  });

  it('that is not where it was said to be says so', async () => {
    const ran = await house.run(['login', '--phone', PLAIN.phone, '--url', 'http://127.0.0.1:1']);
    expect(ran).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/http:\/\/127\.0\.0\.1:1 cannot be asked.*\[LOGIN_ELSEWHERE\]/),
    });
  });
});

describe('vigilia start', () => {
  it('never asks on standard input', async () => {
    const sources = ['../../src/cli/start.command.ts', '../../src/program.ts', '../../src/cli/keep.command.ts'];
    for (const source of sources) {
      expect(readFileSync(new URL(source, import.meta.url), 'utf8')).not.toMatch(/stdin|login-terminal|login\.command/);
    }
  });
});
