import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import type { SessionVault } from '../../src/actors/telegram/session/session-vault.ts';
import { CHEAP, clock, KEY, recordingLog, stringSession, WORLD } from './fixtures.ts';

const SESSION = stringSession();
const CORRUPT = { code: 'SESSION_CORRUPT', fault: 'reauth' };

let base: string;
let folder: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'vigilia-session-'));
  folder = join(base, 'worlds', 'telegram', 'sessions');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const log = recordingLog();
beforeEach(() => log.lines.splice(0));
const vault = (key: string | null = KEY): SessionVault =>
  openFileVault(folder, { key }, { world: WORLD, clock, log, scryptCost: CHEAP });
const file = (generation = 1, account = 'main'): string =>
  join(folder, account, `${String(generation).padStart(8, '0')}.session`);

/** Saves these as generations 1, 2 … and leaves no more than that. */
async function saved(...sessions: readonly string[]): Promise<void> {
  for (const session of sessions) await vault().write('main', session);
}

/** @returns the session, or the refusal's code */
const outcomeOf = (from: SessionVault): Promise<string | undefined> =>
  from.read('main').catch(({ code }: { code: string }) => code);

describe('session files', () => {
  it('are for their owner alone: folders 0700, files 0600', async () => {
    await vault(null).write('main', SESSION);
    for (const path of ['worlds', 'worlds/telegram', 'worlds/telegram/sessions', 'worlds/telegram/sessions/main'])
      expect(statSync(join(base, path)).mode & 0o777, path).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(['main', 'session.key']);
    expect(readdirSync(join(folder, 'main'))).toEqual(['00000001.session']);
    for (const path of [join(folder, 'session.key'), file()]) expect(statSync(path).mode & 0o777, path).toBe(0o600);
  });

  it('of whatever account stay inside their folder and do not meet each other', async () => {
    const accounts = [
      'main',
      'Main',
      'main.session',
      '..',
      '.',
      '../x',
      'a/b',
      '%2e',
      'é',
      'session.key',
      'main/00000001.session',
    ];
    for (const account of accounts) await vault(null).write(account, `of ${account}`);
    for (const account of accounts) expect(await vault(null).read(account)).toBe(`of ${account}`);
    expect(await vault(null).accounts()).toEqual([...accounts].sort());
    expect(readdirSync(join(base, 'worlds', 'telegram'))).toEqual(['sessions']);
    const names = readdirSync(folder).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(accounts.length + 1);
  });

  it('of an account whose folder cannot be looked into are that account’s trouble alone', async () => {
    await vault(null).write('main', SESSION);
    // A link to itself: unlike a folder's mode, root heeds it.
    symlinkSync('locked', join(folder, 'locked'));
    expect(await vault(null).accounts()).toEqual(['locked', 'main']);
    await expect(vault(null).read('locked')).rejects.toMatchObject(CORRUPT);
    expect(await vault(null).read('main')).toBe(SESSION);
  });

  it('are not made by looking for them', async () => {
    expect(await vault(null).read('main')).toBeUndefined();
    expect(await vault(null).accounts()).toEqual([]);
    expect(existsSync(join(base, 'worlds'))).toBe(false);
  });
});

describe('a file of which', () => {
  it('any single bit is flipped is passed over for the generation before, and refused where there is none', async () => {
    await saved('before', SESSION);
    const good = readFileSync(file(2));
    const alone = readFileSync(file(1));
    for (let bit = 0; bit < good.length * 8; bit++) {
      const flipped = Buffer.from(good);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      writeFileSync(file(2), flipped);
      log.lines.splice(0);
      if ((await vault().read('main')) !== 'before' || log.lines.length !== 1)
        throw new Error(`bit ${bit & 7} of byte ${bit >> 3}`);
    }
    rmSync(file(2));
    for (let bit = 0; bit < alone.length * 8; bit++) {
      const flipped = Buffer.from(alone);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      writeFileSync(file(1), flipped);
      if ((await outcomeOf(vault())) !== 'SESSION_CORRUPT') throw new Error(`bit ${bit & 7} of byte ${bit >> 3}`);
    }
    console.info(
      `${good.length * 8} flipped bits of the newest generation: always the one before; ${alone.length * 8} of the only one: always refused`,
    );
    writeFileSync(file(1), alone);
    expect(await vault().read('main')).toBe('before');
  }, 300_000);

  it('any end is cut off, or to which anything is added, is passed over or refused', async () => {
    await saved('before', SESSION);
    const good = readFileSync(file(2));
    for (let length = 0; length < good.length; length++) {
      writeFileSync(file(2), good.subarray(0, length));
      expect(await vault().read('main'), `cut after ${length} bytes`).toBe('before');
    }
    rmSync(file(1));
    for (let length = 0; length < good.length; length++) {
      writeFileSync(file(2), good.subarray(0, length));
      expect(await outcomeOf(vault()), `cut after ${length} bytes`).toBe('SESSION_CORRUPT');
    }
    for (const added of ['\n', ' ', '\0', good.toString('latin1')]) {
      writeFileSync(file(2), Buffer.concat([good, Buffer.from(added, 'latin1')]));
      expect(await outcomeOf(vault())).toBe('SESSION_CORRUPT');
    }
    console.info(`cut at each of ${good.length} lengths: always the one before, or refused`);
  }, 120_000);

  it.each(['', '\n', 'null', '{}', 'vigilia-session', 'vigilia-session 2 ', '\0'.repeat(400), 'vigilia-session 3 x\n{}\n'])(
    'is left only %j is refused',
    async (content) => {
      await saved(SESSION);
      writeFileSync(file(), content);
      expect(await outcomeOf(vault())).toBe('SESSION_CORRUPT');
    },
  );

  it('any part is another, its checksum made to fit, gives that session or none', async () => {
    await saved(SESSION);
    const [, good = ''] = readFileSync(file(), 'latin1').split('\n');
    const envelope = JSON.parse(good) as Record<string, unknown>;
    const write = (content: unknown): void => {
      const body = `${JSON.stringify(content)}\n`;
      writeFileSync(file(), `vigilia-session 2 ${createHash('sha256').update(body).digest('hex')}\n${body}`);
    };
    write(envelope);
    expect(await vault().read('main')).toBe(SESSION);
    const paths = Object.entries(envelope).flatMap(([name, part]) =>
      typeof part === 'object' && part !== null ? Object.keys(part).map((inner) => [name, inner]) : [[name]],
    );
    expect(paths.length).toBeGreaterThan(15);
    const others = fc.oneof(fc.string(), fc.integer(), fc.constantFrom(null, undefined, true, [], {}, 2 ** 40, 2 ** 30, 'AAAA'));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), others, async ([name = '', inner], other) => {
        const changed = structuredClone(envelope);
        if (inner === undefined) changed[name] = other;
        else (changed[name] as Record<string, unknown>)[inner] = other;
        write(changed);
        const startedAt = performance.now();
        expect([SESSION, 'SESSION_CORRUPT']).toContain(await outcomeOf(vault()));
        if (JSON.stringify(changed) !== JSON.stringify(envelope) && !(inner === undefined && name === 'format'))
          expect(await outcomeOf(vault())).toBe('SESSION_CORRUPT');
        // Whatever it asks for: it does not get all memory, or all day.
        expect(performance.now() - startedAt).toBeLessThan(5_000);
      }),
      { numRuns: 400 },
    );
  }, 120_000);

  it('there is a folder instead is passed over', async () => {
    await saved('before', SESSION);
    rmSync(file(2));
    mkdirSync(file(2));
    expect(await vault().read('main')).toBe('before');
    await vault().write('main', 'after');
    expect(await vault().read('main')).toBe('after');
  });
});

describe('a key file that', () => {
  it.each([
    [
      'is not there',
      () => rmSync(join(folder, 'session.key')),
      /was sealed with a key file, and there is none; check .*session\.key/,
    ],
    ['is empty', () => writeFileSync(join(folder, 'session.key'), ''), /session\.key is empty; restore the key from a backup/],
    ['is cut off', () => writeFileSync(join(folder, 'session.key'), 'abc'), /session\.key is damaged; restore the key/],
    [
      'is another',
      () => writeFileSync(join(folder, 'session.key'), Buffer.alloc(32).toString('base64url')),
      /was sealed with another key file/,
    ],
  ])('%s is told, and no other is made in its place', async (_state, damage, message) => {
    await vault(null).write('main', SESSION);
    damage();
    const before = readdirSync(folder);
    await expect(vault(null).read('main')).rejects.toMatchObject({ ...CORRUPT, message: expect.stringMatching(message) });
    expect(readdirSync(folder)).toEqual(before);
  });

  it('is damaged is not written over either', async () => {
    await vault(null).write('main', SESSION);
    writeFileSync(join(folder, 'session.key'), 'abc');
    await expect(vault(null).write('main', 'x')).rejects.toMatchObject(CORRUPT);
    expect(readFileSync(join(folder, 'session.key'), 'utf8')).toBe('abc');
  });

  it('is made by the first write is one and the same for all who write first', async () => {
    const vaults = Array.from({ length: 8 }, () => vault(null));
    await Promise.all(vaults.map((one, n) => one.write(`account-${n}`, `session ${n}`)));
    for (const [n] of vaults.entries()) expect(await vault(null).read(`account-${n}`)).toBe(`session ${n}`);
  });

  it('was used before SESSION_KEY was set: told, and rotated to it', async () => {
    await vault(null).write('main', SESSION);
    await expect(vault().read('main')).rejects.toMatchObject({
      ...CORRUPT,
      message: expect.stringContaining('was sealed with another key file; check SESSION_KEY'),
    });
    const keyFile = join(folder, 'session.key');
    expect(await vault().rotate()).toEqual({ sealed: 1, damaged: 0, unopened: [], files: [keyFile] });
    expect(existsSync(keyFile)).toBe(false);
    expect(await vault().read('main')).toBe(SESSION);
  });

  it('is rotated is replaced, and the former one opens nothing any more', async () => {
    await vault(null).write('main', SESSION);
    const keyFile = join(folder, 'session.key');
    const former = readFileSync(keyFile);
    expect(await vault(null).rotate()).toMatchObject({ sealed: 1, unopened: [], files: [keyFile] });
    expect(readdirSync(folder).sort()).toEqual(['main', 'session.key']);
    expect(readFileSync(keyFile)).not.toEqual(former);
    expect(await vault(null).read('main')).toBe(SESSION);
    writeFileSync(keyFile, former);
    await expect(vault(null).read('main')).rejects.toMatchObject(CORRUPT);
  });

  it('cannot be given up as long as something needs it', async () => {
    await vault().write('other', 'sealed with SESSION_KEY');
    await vault(null).write('main', SESSION);
    expect(await vault(null).rotate()).toMatchObject({ sealed: 1, unopened: [expect.stringContaining('other')], files: [] });
    // Both keys are there, and both sessions can be read.
    expect(await vault(null).read('main')).toBe(SESSION);
    expect(await vault().read('other')).toBe('sealed with SESSION_KEY');
    // With the key that was missing, the next one ends it.
    const both = openFileVault(folder, { key: null, previous: KEY }, { world: WORLD, clock, log, scryptCost: CHEAP });
    expect(await both.rotate()).toMatchObject({ sealed: 1, unopened: [] });
    expect(readdirSync(folder).sort()).toEqual(['main', 'other', 'session.key']);
    expect([await vault(null).read('main'), await vault(null).read('other')]).toEqual([SESSION, 'sealed with SESSION_KEY']);
  });
});
