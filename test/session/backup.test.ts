import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import { KeyRing } from '../../src/actors/telegram/session/key-derivation.ts';
import { readBackup, restoreBackup, writeBackup } from '../../src/actors/telegram/session/session-backup.ts';
import { passphrase } from '../../src/actors/telegram/session/session-secrets.ts';
import type { SessionVault } from '../../src/actors/telegram/session/session-vault.ts';
import { silentLog } from '../../src/log.ts';
import { CHEAP, clock, KEY, NOW, stringSession, WORLD } from './fixtures.ts';

const UNUSABLE = { code: 'BACKUP_UNUSABLE', fault: 'permanent' };

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigilia-backup-'));
  file = join(folder, 'backups', 'sessions.backup');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const vault = (name = 'sessions', key: string | null = KEY): SessionVault =>
  openFileVault(join(folder, name), { key }, { world: WORLD, clock, log: silentLog, scryptCost: CHEAP });
const backupRing = (key = 'a key for backups'): KeyRing => new KeyRing(passphrase(key, 'SESSION_BACKUP_KEY'), CHEAP);
const backUp = (from = vault(), ring = from.ring) => writeBackup(file, from, ring, { world: WORLD, clock });
const put = (account: string, generation: number, text: string): void =>
  writeFileSync(join(folder, 'sessions', account, `0000000${generation}.session`), text);

describe('a backup', () => {
  it('is one sealed file of 0600 with every account, and gives each its session back elsewhere', async () => {
    await vault().write('main', 'older');
    await vault().write('main', stringSession(1));
    await vault().write('other', stringSession(2));
    expect(await backUp(vault(), backupRing())).toEqual({ accounts: ['main', 'other'], left: [] });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'backups'))).toEqual(['sessions.backup']);
    expect(readFileSync(file, 'latin1')).not.toContain(stringSession(1).slice(20, 40));

    const backup = await readBackup(file, backupRing(), WORLD);
    expect(backup).toMatchObject({ world: WORLD, madeAt: NOW });
    const elsewhere = vault('elsewhere', 'the key of another machine');
    expect(await restoreBackup(backup, elsewhere, undefined)).toEqual([
      { account: 'main', outcome: 'restored', keepsFormer: false },
      { account: 'other', outcome: 'restored', keepsFormer: false },
    ]);
    expect([await elsewhere.read('main'), await elsewhere.read('other')]).toEqual([stringSession(1), stringSession(2)]);
  });

  it('opens with the key of the sessions where it has none of its own', async () => {
    await vault('sessions', null).write('main', 'x');
    await backUp(vault('sessions', null));
    expect((await readBackup(file, vault('sessions', null).ring, WORLD)).sessions).toMatchObject([
      { account: 'main', session: 'x' },
    ]);
    await expect(readBackup(file, vault().ring, WORLD)).rejects.toMatchObject({
      ...UNUSABLE,
      message: expect.stringMatching(/sealed with another key file/),
    });
  });

  it('takes the place of the one before only when it was written and read back', async () => {
    await vault().write('main', 'x');
    await backUp();
    const before = readFileSync(file);
    // Nothing to back up is no reason to lose the backup.
    await expect(backUp(vault('empty'))).rejects.toMatchObject({
      code: 'SESSION_MISSING',
      message: expect.stringContaining('not touched'),
    });
    expect(readFileSync(file)).toEqual(before);
    await vault().write('main', 'y');
    await backUp();
    expect((await readBackup(file, vault().ring, WORLD)).sessions).toMatchObject([{ session: 'y', generation: 2 }]);
  });

  it('that cannot be written says so', async () => {
    await vault().write('main', 'x');
    mkdirSync(file, { recursive: true });
    await expect(backUp()).rejects.toMatchObject({ ...UNUSABLE, message: expect.stringMatching(/EISDIR/) });
    expect(readdirSync(join(folder, 'backups'))).toEqual(['sessions.backup']);
  });

  it('has what is sound, and names what is not', async () => {
    await vault().write('main', 'x');
    await vault().write('other', 'y');
    put('other', 1, 'damaged');
    expect(await backUp()).toEqual({
      accounts: ['main'],
      left: [expect.stringMatching(/account other can be used.*is no envelope/)],
    });
    put('main', 1, 'damaged');
    await expect(backUp()).rejects.toMatchObject({ code: 'SESSION_MISSING', message: expect.stringContaining('account main') });
  });
});

describe('restoring', () => {
  it('keeps what was there as the generation before', async () => {
    await vault().write('main', 'backed up');
    await backUp();
    await vault().write('main', 'since then');
    expect(await restoreBackup(await readBackup(file, vault().ring, WORLD), vault(), 'main')).toEqual([
      { account: 'main', outcome: 'restored', keepsFormer: true },
    ]);
    expect(await vault().find('main')).toMatchObject({ session: 'backed up', generation: 3 });
    put('main', 3, 'damaged');
    expect(await vault().read('main')).toBe('since then');
  });

  it('writes nothing where the session is the same already', async () => {
    await vault().write('main', 'x');
    await backUp();
    expect(await restoreBackup(await readBackup(file, vault().ring, WORLD), vault(), undefined)).toEqual([
      { account: 'main', outcome: 'the same already', keepsFormer: false },
    ]);
    expect(await vault().find('main')).toMatchObject({ generation: 1 });
  });

  it('helps where nothing that is stored can be used', async () => {
    await vault().write('main', 'x');
    await backUp();
    put('main', 1, 'damaged');
    await expect(vault().read('main')).rejects.toMatchObject({ code: 'SESSION_CORRUPT' });
    await restoreBackup(await readBackup(file, vault().ring, WORLD), vault(), undefined);
    expect(await vault().read('main')).toBe('x');
  });

  it('refuses an account that is not in the backup', async () => {
    await vault().write('main', 'x');
    await backUp();
    await expect(restoreBackup(await readBackup(file, vault().ring, WORLD), vault(), 'other')).rejects.toMatchObject({
      ...UNUSABLE,
      message: expect.stringMatching(/no session of account other; it has main/),
    });
  });

  it('verifies the whole backup first: at any flipped bit and any cut end it is refused', async () => {
    await vault().write('main', stringSession(1));
    await backUp();
    const good = readFileSync(file);
    const { ring } = vault();
    for (let bit = 0; bit < good.length * 8; bit++) {
      const flipped = Buffer.from(good);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      writeFileSync(file, flipped);
      await expect(readBackup(file, ring, WORLD), `bit ${bit}`).rejects.toMatchObject(UNUSABLE);
    }
    for (let length = 0; length < good.length; length++) {
      writeFileSync(file, good.subarray(0, length));
      await expect(readBackup(file, ring, WORLD), `cut after ${length}`).rejects.toMatchObject(UNUSABLE);
    }
    console.info(`${good.length * 8} flipped bits of a backup, and ${good.length} cut ends: always refused`);
  }, 120_000);

  it.each([
    ['another key', () => readBackup(file, backupRing('another key than that'), WORLD), /sealed with another SESSION_BACKUP_KEY/],
    [
      'another world',
      () => readBackup(file, backupRing(), 'simulator-demo'),
      /of another world, telegram; the configuration says simulator-demo/,
    ],
    ['no file', () => readBackup(`${file}.not`, backupRing(), WORLD), /no such file/],
    ['a folder', () => readBackup(folder, backupRing(), WORLD), /EISDIR/],
  ])('refuses %s, saying that nothing was changed', async (_what, read, reason) => {
    await vault().write('main', 'x');
    await backUp(vault(), backupRing());
    await expect(read()).rejects.toMatchObject({ ...UNUSABLE, message: expect.stringMatching(reason) });
    await expect(read()).rejects.toThrow('nothing was changed');
  });

  it('takes no stored session for a backup, and no backup for a stored session', async () => {
    await vault().write('main', 'x');
    await vault().write('main', 'y');
    await backUp();
    put('main', 2, readFileSync(file, 'latin1'));
    expect(await vault().read('main')).toBe('x');
    const stored = join(folder, 'sessions', 'main', '00000001.session');
    expect(existsSync(stored)).toBe(true);
    await expect(readBackup(stored, vault().ring, WORLD)).rejects.toMatchObject({
      ...UNUSABLE,
      message: expect.stringContaining('is a stored session, not a backup'),
    });
  });
});
