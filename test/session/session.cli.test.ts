import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../../src/actors/store/open-store.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import { parseSessionArgs } from '../../src/cli/session-args.ts';
import { systemClock } from '../../src/clock.ts';
import { openDataDir } from '../../src/data-dir.ts';
import { silentLog } from '../../src/log.ts';
import { freePort } from '../support/free-port.ts';
import { describePostgres, type PrivatePostgres, startPostgres } from '../support/postgres.ts';
import { type Env, Program, temporaryFolder, writeWorld } from '../support/program.ts';
import { firstFormatFile, stringSession } from './fixtures.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const STACK = /\n\s+at .*(\.js|node:)/;
const TELEGRAM = { TELEGRAM_API_ID: '12345', TELEGRAM_API_HASH: '0123456789abcdef0123456789abcdef' };
const KEY = 'a key for the sessions';
const SESSION = stringSession(1);
const SECOND = stringSession(2, 4, '149.154.167.91');

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * A person with a shell in a folder, for whom Telegram is configured. With `SESSION_KEY`, each command derives keys (scrypt), which is most of its
 * work: whoever is not about keys goes without. Nothing they ever read may hold a session or a key.
 */
async function person(env: Env = { SESSION_KEY: KEY }) {
  const folder = await temporaryFolder(onTestFinished);
  async function vigilia(args: readonly string[], more: Env = {}, input?: string): Promise<Answer> {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', ...TELEGRAM, ...env, ...more },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? -1)));
    const read = out + err;
    for (const secret of [SESSION, SECOND, KEY, ...Object.values({ ...env, ...more }).filter((value) => value.length > 20)])
      if (!secret.startsWith('postgres')) expect(read).not.toContain(secret.slice(1, 30));
    expect(read).not.toMatch(STACK);
    return { code, out, err };
  }
  const sessions = join(folder, 'data', 'worlds', 'telegram', 'sessions');
  const vault = (key: string | null = KEY) =>
    openFileVault(sessions, { key }, { world: 'telegram', clock: systemClock, log: silentLog });
  return { folder, sessions, vigilia, vault };
}

describe('vigilia session', () => {
  it('import takes a session from standard input, and list shows it', async () => {
    const { vigilia, vault } = await person();
    expect(await vigilia(['session', 'list'])).toMatchObject({ code: 0, out: expect.stringContaining('no sessions in') });
    const imported = await vigilia(['session', 'import'], {}, `${SESSION}\n`);
    expect(imported).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^main: imported, of data centre 2\n/) });
    expect(await vault().read('main')).toBe(SESSION);
    const { out, code } = await vigilia(['session', 'list']);
    expect(code).toBe(0);
    expect(out).toMatch(/^main\n +1 {2}\d{4}-\d\d-\d\dT\S+Z {2}in use\n$/);
  });

  it('import takes it from a file or TELEGRAM_SESSION_FILE as well, for any account', async () => {
    const { folder, vigilia, vault } = await person({});
    await writeFile(join(folder, 'old.session'), SESSION);
    await writeFile(join(folder, 'other.session'), SECOND);
    expect((await vigilia(['session', 'import', 'old.session'])).code).toBe(0);
    expect((await vigilia(['session', 'import', '--account', 'other'], { TELEGRAM_SESSION_FILE: 'other.session' })).code).toBe(0);
    expect([await vault(null).read('main'), await vault(null).read('other')]).toEqual([SESSION, SECOND]);
  });

  it('import puts nothing in the place of another session unless told to, and then keeps that one', async () => {
    const { vigilia, vault } = await person({});
    await vigilia(['session', 'import'], {}, SESSION);
    const refused = await vigilia(['session', 'import'], {}, SECOND);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringMatching(/account main has another session already; --replace .*\[SESSION_EXISTS\]/),
    });
    expect(await vigilia(['session', 'import'], {}, SESSION)).toMatchObject({
      code: 0,
      out: 'main: it has this session already\n',
    });
    expect((await vigilia(['session', 'import', '--replace'], {}, SECOND)).code).toBe(0);
    expect(await vault(null).find('main')).toMatchObject({ session: SECOND, generation: 2 });
    expect((await vigilia(['session', 'list'])).out).toMatch(/2 .* in use\n.*1 .* kept\n/);
  });

  it('import refuses what is no session, and writes nothing', async () => {
    const { folder, vigilia } = await person();
    // What else is none, string-session.test.ts has.
    for (const text of ['', SESSION.slice(0, 200)]) {
      const { code, err } = await vigilia(['session', 'import'], {}, text);
      expect([code, err]).toEqual([1, expect.stringMatching(/no GramJS or Telethon StringSession: .*\[SESSION_INVALID\]/)]);
    }
    const missing = await vigilia(['session', 'import', 'not-there']);
    expect([missing.code, missing.err]).toEqual([1, expect.stringMatching(/cannot be read \(ENOENT\) \[SESSION_INVALID\]/)]);
    expect(existsSync(join(folder, 'data', 'worlds'))).toBe(false);
  });

  it('never takes a session from the command line, nor repeats it', async () => {
    const { vigilia } = await person();
    for (const args of [[SESSION], ['import', SESSION], ['import', `--session=${SESSION}`], ['import', '--account', SESSION]]) {
      expect(() => parseSessionArgs(args)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(SESSION.slice(1, 30)) }),
      );
    }
    const { code, err } = await vigilia(['session', 'import', SESSION]);
    expect([code, err]).toEqual([64, expect.stringContaining('does not belong on the command line')]);
    const inVariable = await vigilia(['session', 'import'], { TELEGRAM_SESSION_FILE: SESSION });
    expect([inVariable.code, inVariable.err]).toEqual([
      78,
      expect.stringMatching(/TELEGRAM_SESSION_FILE.*not the session itself/),
    ]);
  });

  it.each([
    [[], /session takes one of list, backup, restore, rotate-key, import/],
    [['lst'], /session takes one of/],
    [['list', 'x'], /vigilia session list/],
    [['backup'], /vigilia session backup FILE/],
    [['backup', 'a', 'b'], /vigilia session backup FILE/],
    [['restore', '--replace', 'a'], /vigilia session restore FILE/],
    [['rotate-key', 'x'], /vigilia session rotate-key/],
    [['import', '--nonsense'], /vigilia session import \[FILE \| -\]/],
  ])('used wrongly (%j) says how it is used', (args, usage) => {
    expect(() => parseSessionArgs(args)).toThrow(usage);
  });

  it('backup and restore move the sessions to another machine', async () => {
    const here = await person();
    await here.vigilia(['session', 'import'], {}, SESSION);
    await here.vigilia(['session', 'import', '--account', 'other'], {}, SECOND);
    const key = { SESSION_BACKUP_KEY: 'a key for the backups only' };
    expect(await here.vigilia(['session', 'backup', 'sessions.backup'], key)).toEqual({
      code: 0,
      out: 'sessions.backup: 2 sessions (main, other), written and read back\n',
      err: '',
    });
    expect((await stat(join(here.folder, 'sessions.backup'))).mode & 0o777).toBe(0o600);

    const there = await person({ SESSION_KEY: 'the key of that machine' });
    await cp(join(here.folder, 'sessions.backup'), join(there.folder, 'moved'));
    const without = await there.vigilia(['session', 'restore', 'moved']);
    expect([without.code, without.err]).toEqual([
      1,
      expect.stringMatching(/sealed with another SESSION_BACKUP_KEY.*\[BACKUP_UNUSABLE\]/),
    ]);
    expect(existsSync(there.sessions)).toBe(false);
    const restored = await there.vigilia(['session', 'restore', 'moved'], key);
    expect(restored.code).toBe(0);
    expect(restored.out).toBe('main: restored\nother: restored\n');
    const vault = there.vault('the key of that machine');
    expect([await vault.read('main'), await vault.read('other')]).toEqual([SESSION, SECOND]);
    expect((await there.vigilia(['session', 'restore', 'moved'], key)).out).toBe(
      'main: the same already\nother: the same already\n',
    );
  });

  it('restore changes nothing when the backup is damaged, and keeps what it replaces when it is not', async () => {
    const { folder, vigilia, vault } = await person({});
    await vigilia(['session', 'import'], {}, SESSION);
    await vigilia(['session', 'backup', 'one']);
    await vigilia(['session', 'import', '--replace'], {}, SECOND);
    const backup = await readFile(join(folder, 'one'));
    await writeFile(join(folder, 'torn'), backup.subarray(0, backup.length - 100));
    const torn = await vigilia(['session', 'restore', 'torn']);
    expect([torn.code, torn.err]).toEqual([1, expect.stringMatching(/it is damaged.*nothing was changed \[BACKUP_UNUSABLE\]/)]);
    expect(await vault(null).find('main')).toMatchObject({ session: SECOND, generation: 2 });
    const restored = await vigilia(['session', 'restore', 'one', '--account', 'main']);
    expect(restored.out).toBe('main: restored; what was there is kept as the generation before\n');
    expect((await vault(null).inspect('main')).map(({ generation, state }) => [generation, state])).toEqual([
      [3, 'sound'],
      [2, 'sound'],
      [1, 'sound'],
    ]);
    expect(await vault(null).read('main')).toBe(SESSION);
  });

  it('backup says when nothing but a key file opens it, and what could not be backed up', async () => {
    const { sessions, vigilia } = await person({});
    const nothing = await vigilia(['session', 'backup', 'b']);
    expect([nothing.code, nothing.err]).toEqual([1, expect.stringMatching(/no session to back up, .*\[SESSION_MISSING\]/)]);
    await vigilia(['session', 'import'], {}, SESSION);
    await vigilia(['session', 'import', '--account', 'other'], {}, SECOND);
    await writeFile(join(sessions, 'other', '00000001.session'), 'damaged');
    const { code, out, err } = await vigilia(['session', 'backup', 'b']);
    expect([code, out]).toEqual([1, 'b: 1 session (main), written and read back\n']);
    expect(err).toMatch(/opens with the key file in .*sessions and with nothing else: keep a copy/);
    expect(err).toMatch(/not in the backup: .*account other/);
    const listed = await vigilia(['session', 'list']);
    expect([listed.code, listed.out]).toEqual([1, expect.stringMatching(/other\n +1 +is no envelope/)]);
  });

  it('rotate-key goes from a key file to SESSION_KEY, from one to another, and back', async () => {
    const { sessions, vigilia, vault } = await person({});
    await vigilia(['session', 'import'], {}, SESSION);
    expect((await readdir(sessions)).sort()).toEqual(['main', 'session.key']);
    const toVariable = await vigilia(['session', 'rotate-key'], { SESSION_KEY: KEY });
    expect(toVariable).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1 generation sealed anew with SESSION_KEY\n.*former key is gone/),
    });
    expect(await readdir(sessions)).toEqual(['main']);
    expect(await vault().read('main')).toBe(SESSION);

    const next = 'the key from now on, and no other';
    const unknown = await vigilia(['session', 'rotate-key'], { SESSION_KEY: next });
    expect([unknown.code, unknown.err]).toEqual([
      1,
      expect.stringMatching(/generation 1 was sealed with another SESSION_KEY[\s\S]*set SESSION_KEY_PREVIOUS/),
    ]);
    const toNext = await vigilia(['session', 'rotate-key'], { SESSION_KEY: next, SESSION_KEY_PREVIOUS: KEY });
    expect(toNext).toMatchObject({ code: 0, out: expect.stringContaining('SESSION_KEY_PREVIOUS is not needed any more') });
    expect(await vault(next).read('main')).toBe(SESSION);

    expect((await vigilia(['session', 'rotate-key'], { SESSION_KEY_PREVIOUS: next })).code).toBe(0);
    expect(await vault(null).read('main')).toBe(SESSION);
    const again = await vigilia(['session', 'rotate-key']);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('1 generation sealed anew with a new key file') });
    expect(await vault(null).read('main')).toBe(SESSION);
  });

  it('takes over a file of the first format', async () => {
    const { sessions, vigilia, vault } = await person();
    await mkdir(sessions, { recursive: true });
    await writeFile(join(sessions, 'main.session'), firstFormatFile(SESSION, 'main', KEY));
    expect((await vigilia(['session', 'list'])).out).toMatch(/^main\n {2}first format +in use\n$/);
    expect(existsSync(join(sessions, 'main.session'))).toBe(true);
    expect((await vigilia(['session', 'backup', 'b'])).code).toBe(0);
    expect((await vigilia(['session', 'rotate-key'])).code).toBe(0);
    expect(existsSync(join(sessions, 'main.session'))).toBe(false);
    expect(await vault().read('main')).toBe(SESSION);
  });

  it('beside a program that holds the data directory reads and backs up, and refuses to write', async () => {
    const { folder, vigilia, vault } = await person({});
    await vigilia(['session', 'import'], {}, SESSION);
    await vigilia(['session', 'backup', 'earlier']);
    const held = openDataDir(join(folder, 'data'), { pid: process.pid, startedAt: Date.now() });
    onTestFinished(() => held.close());
    expect((await vigilia(['session', 'list'])).code).toBe(0);
    expect((await vigilia(['session', 'backup', 'beside'])).code).toBe(0);
    for (const args of [['restore', 'earlier'], ['rotate-key'], ['import', '--replace']]) {
      const { code, err } = await vigilia(['session', ...args], {}, SECOND);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(
          new RegExp(`is held by process ${process.pid}, .*Stop it first: two that write the sessions .*\\[DATA_DIR_LOCKED\\]`),
        ),
      ]);
    }
    expect(await vault(null).find('main')).toMatchObject({ session: SESSION, generation: 1 });
    held.close();
    expect((await vigilia(['session', 'restore', 'earlier'])).code).toBe(0);
  });
});

describe('the program', () => {
  const CHANNEL = { username: 'small', title: 'Small', kind: 'channel', messages: 20, seed: 3 } as const;

  it('is brought back by a backup after its sessions were lost, without a new login', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const env = { SIMULATOR_WORLD: await writeWorld(folder, [CHANNEL]), SESSION_BACKUP_KEY: 'a key for the backups only' };
    const worlds = join(folder, 'data', 'worlds');
    const run = async (): Promise<Program> => {
      const program = new Program(['start'], { HTTP_PORT: String(await freePort()), ...env }, folder);
      onTestFinished(() => program.kill());
      await program.healthy();
      return program;
    };
    const command = async (...args: string[]): Promise<Program> => {
      const program = new Program(['session', ...args], env, folder);
      expect(await program.exited, program.stderr).toBe(0);
      return program;
    };
    const first = await run();
    expect(first.log.find(({ msg }) => msg.startsWith('SESSION_KEY is not set'))).toMatchObject({ level: 'info' });
    await command('backup', 'sessions.backup');
    expect((await command('list')).stdout).toMatch(/^main\n +1 .* in use\n$/);
    expect(await first.stop()).toBe(0);

    const [place = ''] = await readdir(worlds);
    await rm(join(worlds, place, 'sessions'), { recursive: true });
    expect((await command('restore', 'sessions.backup')).stdout).toContain('main: restored');
    const second = await run();
    expect(await second.stop()).toBe(0);
    const journal = await readFile(join(worlds, place, 'simulator', 'journal.jsonl'), 'utf8');
    expect(journal.split('\n').filter((line) => line.startsWith('{"t":"login"'))).toHaveLength(1);
  });
});

describePostgres('sessions in the database', () => {
  let postgres: PrivatePostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.remove());

  it('are imported, listed, backed up, rotated and restored as those in files are; older owners are fenced off', async () => {
    const { url } = await postgres.createDatabase();
    const env = { SESSION_STORE: 'database', DATABASE_URL: url, SESSION_KEY: KEY };
    const { folder, vigilia } = await person(env);
    expect((await vigilia(['session', 'import'], {}, SESSION)).code).toBe(0);
    expect((await vigilia(['session', 'list'])).out).toMatch(/^main\n +1 .* in use\n$/);
    expect((await vigilia(['session', 'backup', 'b'])).code).toBe(0);
    expect(existsSync(join(folder, 'data', 'worlds'))).toBe(false);

    const store = await openStore({ kind: 'postgresql', url }, { clock: systemClock, log: silentLog });
    onTestFinished(() => store.close());
    const token = await store.takeAccount('main', 'a worker');
    expect((await vigilia(['session', 'import', '--replace'], {}, SECOND)).code).toBe(0);
    await expect(store.addSession('main', { generation: 3, envelope: 'too late' }, token)).rejects.toMatchObject({
      code: 'SESSION_FENCED',
    });
    const next = { SESSION_KEY: 'the key from now on, and no other', SESSION_KEY_PREVIOUS: KEY };
    expect((await vigilia(['session', 'rotate-key'], next)).out).toContain('2 generations sealed anew');
    const restored = await vigilia(['session', 'restore', 'b'], next);
    expect([restored.code, restored.out]).toEqual([0, expect.stringContaining('main: restored')]);
    expect((await vigilia(['session', 'list'], { SESSION_KEY: next.SESSION_KEY })).out).toMatch(
      /3 .* in use\n.*2 .* kept\n.*1 .* kept/,
    );
  });

  it('serve a program that keeps none of it in its data directory', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const { url } = await postgres.createDatabase();
    const world = await writeWorld(folder, [{ username: 'small', title: 'Small', kind: 'channel', messages: 20, seed: 3 }]);
    const env = { SIMULATOR_WORLD: world, DATABASE_URL: url, SESSION_STORE: 'database', SESSION_KEY: KEY };
    const logins: number[] = [];
    for (let life = 0; life < 2; life++) {
      const program = new Program(['start'], { HTTP_PORT: String(await freePort()), ...env }, folder);
      onTestFinished(() => program.kill());
      await program.healthy();
      if (life === 0) await program.kill();
      else expect(await program.stop()).toBe(0);
      const worlds = join(folder, 'data', 'worlds');
      const [place = ''] = await readdir(worlds);
      expect(existsSync(join(worlds, place, 'sessions'))).toBe(false);
      const journal = await readFile(join(worlds, place, 'simulator', 'journal.jsonl'), 'utf8');
      logins.push(journal.split('\n').filter((line) => line.startsWith('{"t":"login"')).length);
    }
    expect(logins).toEqual([1, 1]);
    const listed = new Program(['session', 'list'], env, folder);
    expect(await listed.exited, listed.stderr).toBe(0);
    expect(listed.stdout).toMatch(/^main\n +1 .* in use\n$/);
  });
});
