import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import type { SessionVault } from '../../src/actors/telegram/session/session-vault.ts';
import { CHEAP, clock, firstFormatFile, KEY, recordingLog, WORLD } from './fixtures.ts';

/** What the first writer wrote, byte for byte: by SESSION_KEY, and by a key file. */
const BY_KEY =
  '{"format":1,"kdf":{"name":"scrypt","N":16384,"r":8,"p":1,"salt":"9wFiBsAkJDZmIUJO8dYmCA=="},"iv":"9+u0YgC7MSqT9RTv","tag":"BR1ZZbftM9NDK2VnQDN7Qw==","data":"2KgG2L6LC8lSk53jPzJHdFdurDHVsfV6"}';
const BY_KEY_FILE =
  '{"format":1,"kdf":{"name":"scrypt","N":16384,"r":8,"p":1,"salt":"dG6OOleLp2QAm486/+aN3Q=="},"iv":"ottkCKGfiE+NtoUX","tag":"m21umOq3WfiUE74aMEcztw==","data":"Ue3O5MwnWNccS66IRsForKdZqmH2gsEJNw2WOiToXwR/tJZxYg=="}';
const KEY_FILE = 'Q25vyKiDlq553fhBu25rNOEUBBsy_jCvcrdjRmovj44';

let folder: string;
const log = recordingLog();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigilia-first-'));
  log.lines.splice(0);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const vault = (key: string | null = KEY, previous: string | null = null): SessionVault =>
  openFileVault(folder, { key, previous }, { world: WORLD, clock, log, scryptCost: CHEAP });

describe('a session file of the first format', () => {
  it.each([
    ['SESSION_KEY', KEY, BY_KEY, 'a session of version 0.1'],
    ['a key file', null, BY_KEY_FILE, 'a session of version 0.1, by key file'],
  ])('sealed by %s is read and brought into the present format', async (_how, key, content, session) => {
    if (key === null) writeFileSync(at('session.key'), KEY_FILE);
    writeFileSync(at('main.session'), `${content}\n`);
    expect(await vault(key).accounts()).toEqual(['main']);
    expect(await vault(key).inspect('main')).toEqual([{ generation: 0, savedAt: null, state: 'sound', reason: null }]);
    // Looking changes nothing.
    expect(await vault(key).find('main')).toEqual({ session, generation: 0, savedAt: null });
    expect(existsSync(at('main.session'))).toBe(true);

    expect(await vault(key).read('main')).toBe(session);
    expect(existsSync(at('main.session'))).toBe(false);
    expect(readdirSync(at('main'))).toEqual(['00000001.session']);
    expect(log.lines.map(({ level, line }) => [level, line])).toEqual([
      ['info', 'the session was brought into the present format'],
    ]);
    expect(await vault(key).find('main')).toMatchObject({ session, generation: 1 });
  });

  it('is kept and used where the new one cannot be written', async () => {
    writeFileSync(at('main.session'), `${BY_KEY}\n`);
    writeFileSync(at('main'), 'in the way');
    expect(await vault().read('main')).toBe('a session of version 0.1');
    expect(log.lines).toMatchObject([{ level: 'warn', line: 'the session stays in its earlier format' }]);
    expect(readFileSync(at('main.session'), 'utf8')).toBe(`${BY_KEY}\n`);
    rmSync(at('main'));
    expect(await vault().read('main')).toBe('a session of version 0.1');
    expect(existsSync(at('main.session'))).toBe(false);
  });

  it('is the fallback of a damaged newer one', async () => {
    writeFileSync(at('main.session'), `${BY_KEY}\n`);
    mkdirSync(at('main'));
    writeFileSync(join(at('main'), '00000001.session'), 'torn by a crash that never was');
    expect(await vault().read('main')).toBe('a session of version 0.1');
    expect(log.lines[0]).toMatchObject({ level: 'warn', fields: { damaged: ['generation 1 is no envelope'] } });
    expect(await vault().find('main')).toMatchObject({ generation: 2 });
  });

  it('is kept as the generation before when another session is saved over it', async () => {
    writeFileSync(at('main.session'), `${BY_KEY}\n`);
    await vault().write('main', 'newer');
    expect((await vault().inspect('main')).map(({ generation, state }) => [generation, state])).toEqual([
      [1, 'sound'],
      [0, 'sound'],
    ]);
    await vault().write('main', 'newer still');
    await vault().write('main', 'newest');
    expect(existsSync(at('main.session'))).toBe(false);
  });

  it('is refused at any flipped bit or cut end, and nothing is changed', async () => {
    const good = Buffer.from(`${firstFormatFile('x', 'main', KEY).trimEnd()}\n`);
    // Each takes a whole scrypt at that format's cost: a sample of the bits.
    for (let bit = 3; bit < good.length * 8; bit += 61) {
      const flipped = Buffer.from(good);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      writeFileSync(at('main.session'), flipped);
      const outcome = await vault()
        .find('main')
        .then(
          (found) => found?.session,
          ({ code }: { code: string }) => code,
        );
      // What means nothing is the padding of base64.
      expect(['SESSION_CORRUPT', 'x'], `bit ${bit}`).toContain(outcome);
      expect(readdirSync(folder)).toEqual(['main.session']);
    }
    for (const length of [0, 1, 50, good.length >> 1, good.length - 2]) {
      writeFileSync(at('main.session'), good.subarray(0, length));
      await expect(vault().read('main')).rejects.toMatchObject({ code: 'SESSION_CORRUPT' });
    }
  }, 60_000);

  it('of another account, or sealed with another key, is refused', async () => {
    writeFileSync(at('other.session'), `${BY_KEY}\n`);
    await expect(vault().read('other')).rejects.toMatchObject({
      code: 'SESSION_CORRUPT',
      message: expect.stringMatching(
        /the file of the first format is damaged, of another account, or sealed with another key; check SESSION_KEY/,
      ),
    });
    writeFileSync(at('main.session'), `${BY_KEY}\n`);
    await expect(vault('another key than that').read('main')).rejects.toMatchObject({ code: 'SESSION_CORRUPT' });
    await expect(vault(null).read('main')).rejects.toMatchObject({
      message: expect.stringContaining('was sealed with a key that is gone'),
    });
  });

  it('that asks for all memory is refused', async () => {
    const good = JSON.parse(BY_KEY);
    for (const cost of [{ N: 2 ** 30 }, { r: 2 ** 24 }, { p: 2 ** 24 }, { N: '16384' }, { r: null }, { salt: '' }]) {
      writeFileSync(at('main.session'), JSON.stringify({ ...good, kdf: { ...good.kdf, ...cost } }));
      await expect(vault().read('main'), JSON.stringify(cost)).rejects.toMatchObject({ code: 'SESSION_CORRUPT' });
    }
  });

  it('is rotated to a new key as well', async () => {
    writeFileSync(at('main.session'), `${BY_KEY}\n`);
    expect(await vault('the key from now on', KEY).rotate()).toMatchObject({ sealed: 1, unopened: [] });
    expect(existsSync(at('main.session'))).toBe(false);
    expect(await vault('the key from now on').read('main')).toBe('a session of version 0.1');
  });
});
