import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import type { SessionVault } from '../../src/actors/telegram/session/session-vault.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';
import { clock, recordingLog, WORLD } from './fixtures.ts';

const CHILD = fileURLToPath(new URL('session-child.js', import.meta.url));
const ROOT = process.getuid?.() === 0;
/** `nobody`, who has no rights of root's. */
const NOBODY = 65_534;
/** Part of every Linux. */
const [MOUNT, UNMOUNT] = ['mount', 'umount'] as const;
const WRITE_KILLS = 90;
const ROTATE_KILLS = 40;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'vigilia-session-'));
});
const children: { readonly process: ChildProcess; readonly ended: Promise<unknown> }[] = [];
afterEach(async () => {
  for (const { process: left, ended } of children.splice(0)) {
    left.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const log = recordingLog();
beforeEach(() => log.lines.splice(0));
const vault = (in_ = folder): SessionVault => openFileVault(in_, { key: null }, { world: WORLD, clock, log });
const filesOf = (account = 'main'): string[] => readdirSync(join(folder, account)).sort();

/** Starts a child that says a line for everything that it has done. */
function child(args: readonly string[], prefix: readonly string[] = [], options: { readonly uid?: number } = {}) {
  const [program = '', ...rest] = [...prefix, process.execPath, CHILD, ...args];
  const process_ = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'], ...options });
  let said = '';
  process_.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(process_, 'close').then(() => said.trim().split('\n'));
  children.push({ process: process_, ended });
  return { process: process_, spoke: once(process_.stdout, 'data'), ended };
}

/** Kills a child at a random instant after it has said something. @returns the last line that it said */
async function killed(args: readonly string[], withinMs: number): Promise<string> {
  const { process: running, spoke, ended } = child(args);
  await spoke;
  // The instant is what is random here.
  setTimeout(() => running.kill('SIGKILL'), withinMs);
  return (await ended).at(-1) ?? '';
}

describe('kill -9 at a random instant', () => {
  it(`of saving leaves the session that was acknowledged last, or the next one (${WRITE_KILLS} times)`, async () => {
    const random = seededRandom(5);
    let last = -1;
    let ahead = 0;
    for (let kill = 0; kill < WRITE_KILLS; kill++) {
      const acknowledged = Number(await killed(['write', folder, String(last + 1)], random() * 40));
      const kept = Number(/^session-(\d+)-x*$/.exec((await vault().read('main')) ?? '')?.[1]);
      expect([acknowledged, acknowledged + 1]).toContain(kept);
      ahead += kept - acknowledged;
      last = kept;
      const names = filesOf();
      expect(names.filter((name) => name.endsWith('.session')).length).toBeLessThanOrEqual(4);
      expect(names.filter((name) => !name.endsWith('.session')).length, 'drafts').toBeLessThanOrEqual(1);
    }
    expect(log.lines, 'nothing was ever damaged').toEqual([]);
    expect(last).toBeGreaterThan(WRITE_KILLS);
    console.info(`${WRITE_KILLS} kills over ${last + 1} writes: always the acknowledged session, or the next (${ahead} times)`);
    await vault().write('main', 'the end');
    expect(filesOf().filter((name) => !name.endsWith('.session'))).toEqual([]);
  }, 300_000);

  it(`of a key's rotation leaves every session readable, and the next rotation ends it (${ROTATE_KILLS} times)`, async () => {
    const random = seededRandom(6);
    const accounts = ['main', 'second', 'third'];
    for (const account of accounts) for (const n of [1, 2, 3]) await vault().write(account, `${account} ${n}`);
    let halfway = 0;
    let rotations = 0;
    for (let kill = 0; kill < ROTATE_KILLS; kill++) {
      rotations += Number(await killed(['rotate', folder], random() * 60)) + 1;
      if (existsSync(join(folder, 'session.key.next'))) halfway += 1;
      for (const account of accounts) {
        expect(await vault().read(account)).toBe(`${account} 3`);
        expect((await vault().inspect(account)).map(({ state }) => state)).toEqual(['sound', 'sound', 'sound']);
      }
    }
    expect(await vault().rotate()).toMatchObject({ unopened: [], damaged: 0 });
    expect(readdirSync(folder).sort()).toEqual([...accounts, 'session.key'].sort());
    expect(halfway).toBeGreaterThan(0);
    expect(log.lines).toEqual([]);
    console.info(
      `${ROTATE_KILLS} kills over ${rotations} rotations, ${halfway} of them in the middle of one: every session readable`,
    );
  }, 180_000);
});

describe('a full disk', () => {
  it('(a file-size limit in a child) loses nothing: the write is refused, what was stored stays, no draft is left', async () => {
    await vault().write('main', 'before');
    const refusals: string[] = [];
    // The child ignores the limit's signal, so that the write fails as on a full disk: after none, some or most of it.
    const LIMITED = (blocks: number): string[] => ['bash', '-c', `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`, 'bash'];
    for (let blocks = 0; blocks <= 8; blocks++) {
      const [answer = ''] = await child(['write-once', folder, '6000'], LIMITED(blocks)).ended;
      refusals.push(answer);
      expect(answer).toMatch(/^refused DATA_DIR_UNUSABLE a session cannot be written to .*EFBIG.*what was stored before is kept/);
      expect(await vault().read('main')).toBe('before');
      expect(filesOf()).toEqual(['00000001.session']);
    }
    expect((await child(['write-once', folder, '6000'], LIMITED(1_000)).ended)[0]).toBe('written');
    expect(await vault().read('main')).toBe('y'.repeat(6000));
    console.info(`a write cut off by a file-size limit, ${refusals.length} times: refused, the session before kept`);
  }, 60_000);

  it.runIf(mayMount())('(a tmpfs of 256 KiB, where root may mount one) loses nothing either', async () => {
    const place = mountTinyDisk();
    try {
      const sessions = join(place, 'sessions');
      await vault(sessions).write('main', 'before');
      let refused = 0;
      for (const leave of [0, 1, 2, 3, 4]) {
        fill(place, leave * 4096);
        const outcome = await vault(sessions)
          .write('main', `${leave}${'z'.repeat(12_000)}`)
          .then(
            () => 'written',
            ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
          );
        if (outcome !== 'written') {
          refused += 1;
          expect(outcome).toMatch(/DATA_DIR_UNUSABLE .*the disk is full, ENOSPC.*what was stored before is kept/);
          expect(await vault(sessions).read('main')).toBe('before');
        }
        expect(readdirSync(join(sessions, 'main')).filter((name) => !name.endsWith('.session'))).toEqual([]);
      }
      expect(refused).toBeGreaterThanOrEqual(3);
      rmSync(join(place, 'filler'));
      await vault(sessions).write('main', 'after');
      expect(await vault(sessions).read('main')).toBe('after');
      console.info(`a full tmpfs, ${refused} times: refused, the session before kept`);
    } finally {
      execFileSync(UNMOUNT, [place]);
      rmSync(place, { recursive: true, force: true });
    }
  });
});

/** @returns where it is mounted; whoever asks unmounts it */
function mountTinyDisk(): string {
  const place = mkdtempSync(join(realpathSync(tmpdir()), 'vigilia-disk-'));
  try {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', place], { stdio: 'ignore' });
    return place;
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
}

/** @returns whether this process may mount a disk; nothing is left mounted */
function mayMount(): boolean {
  if (!ROOT || process.platform !== 'linux') return false;
  try {
    const place = mountTinyDisk();
    execFileSync(UNMOUNT, [place]);
    rmSync(place, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

/** Fills the disk but for so many bytes. */
function fill(place: string, leaveBytes: number): void {
  const filler = join(place, 'filler');
  rmSync(filler, { force: true });
  for (let size = 256 * 1024; size > 0; size -= 4096) {
    try {
      writeFileSync(filler, Buffer.alloc(size));
      if (leaveBytes > 0) writeFileSync(filler, Buffer.alloc(Math.max(size - leaveBytes, 0)));
      return;
    } catch {
      rmSync(filler, { force: true });
    }
  }
}

describe('what may not be read', () => {
  it.each([
    ['the folder of all sessions', (): string => folder],
    ["the account's folder", (): string => join(folder, 'main')],
    ['the newest session', (): string => join(folder, 'main', '00000002.session')],
    ['the key', (): string => join(folder, 'session.key')],
  ])('(%s) is refused with the reason: no older session is taken for it, and no new login', async (_what, place) => {
    await vault().write('main', 'before');
    await vault().write('main', 'newest');
    if (ROOT)
      for (const path of ['.', 'session.key', 'main', 'main/00000001.session', 'main/00000002.session'])
        chownSync(join(folder, path), NOBODY, NOBODY);
    const asOthers = ROOT ? { uid: NOBODY } : {};
    expect((await child(['read', folder], [], asOthers).ended)[0]).toBe('read newest');
    const { mode } = statSync(place());
    chmodSync(place(), 0);
    const [answer] = await child(['read', folder], [], asOthers).ended;
    const [write] = await child(['write-once', folder, '10'], [], asOthers).ended;
    chmodSync(place(), mode);
    expect(answer).toMatch(/^refused SESSION_CORRUPT .*EACCES.*check its owner and mode$/);
    expect(write).toMatch(/^refused (SESSION_CORRUPT|DATA_DIR_UNUSABLE) /);
    expect(filesOf()).toEqual(['00000001.session', '00000002.session']);
    expect(await vault().read('main')).toBe('newest');
  });
});

describe('two processes', () => {
  it('that save without knowing of each other leave a session that one of them acknowledged last', async () => {
    const EACH = 60;
    const writers = ['a', 'b'].map((name) => child(['write-some', folder, name, String(EACH)]));
    const [a = [], b = []] = await Promise.all(writers.map(({ ended }) => ended));
    const kept = ((await vault().read('main')) ?? '').replace(/^session-|-x*$/g, '');
    const acknowledged = (lines: readonly string[]): string[] => lines.filter((line) => /^[ab]\d+$/.test(line));
    expect([acknowledged(a).at(-1), acknowledged(b).at(-1)]).toContain(kept);
    for (const line of [...a, ...b]) expect(line).toMatch(/^(ready|[ab]\d+|refused (DATA_DIR_UNUSABLE|SESSION_UNREADABLE) .*)$/);
    expect(acknowledged(a).length + acknowledged(b).length).toBeGreaterThan(EACH);
    expect((await vault().inspect('main')).every(({ state }) => state === 'sound')).toBe(true);
    expect(log.lines).toEqual([]);
    const refused = [...a, ...b].filter((line) => line.startsWith('refused')).length;
    console.info(
      `two processes, ${acknowledged(a).length} and ${acknowledged(b).length} sessions, ${refused} refused: the last one is whole`,
    );
  }, 60_000);

  it('reading while another saves always see a whole session, and never an older one than before', async () => {
    const writer = child(['write', folder, '0']);
    await writer.spoke;
    let last = -1;
    let reads = 0;
    for (; last < 40; reads++) {
      const seen = Number(/^session-(\d+)-x*$/.exec((await vault().read('main')) ?? '')?.[1]);
      expect(seen).toBeGreaterThanOrEqual(last);
      last = seen;
    }
    writer.process.kill('SIGKILL');
    await writer.ended;
    expect(reads).toBeGreaterThan(0);
    expect(log.lines).toEqual([]);
    console.info(`${reads} reads beside ${last} writes`);
  }, 30_000);
});
