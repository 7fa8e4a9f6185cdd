import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sessionFiles } from '../../src/actors/telegram/session-file.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';

const KEY = 'the key of these tests';
const SESSION = '1AgAOMTQ5LjE1NC4xNjcuNTABu0123456789/+abcdef==';
const WRITER = fileURLToPath(new URL('write-until-killed.js', import.meta.url));
const CORRUPT = { code: 'SESSION_CORRUPT', fault: 'reauth' };

let base: string;
let folder: string;
const at = (name: string): string => join(folder, name);

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'vigilia-session-'));
  folder = join(base, 'worlds', 'telegram', 'sessions');
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Reads a session from this content in the account's place. @returns it, or the refusal's code */
async function readFrom(content: Buffer, files = sessionFiles(folder, KEY)): Promise<string | undefined> {
  writeFileSync(at('main.session'), content);
  return files.read('main').catch((error: { code: string }) => error.code);
}

describe('sessions on disk', () => {
  it('come back as they were written, whatever they are, and so do those of other accounts', async () => {
    const files = sessionFiles(folder, KEY);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 1, maxLength: 30 }), async (session, account) => {
        await files.write(account, session);
        await files.write('../another', `${session}, not this`);
        expect(await files.read(account)).toBe(account === '../another' ? `${session}, not this` : session);
      }),
      { numRuns: 50 },
    );
    expect(readdirSync(join(base, 'worlds', 'telegram'))).toEqual(['sessions']);
    expect(await files.read('nobody')).toBeUndefined();
    expect(await sessionFiles(join(base, 'not', 'there'), KEY).read('main')).toBeUndefined();
    expect(existsSync(join(base, 'not'))).toBe(false);
  });

  it('are for their owner alone: folders 0700, files 0600, nothing of the session in them', async () => {
    await sessionFiles(folder, null).write('main', SESSION);
    const paths = ['worlds', 'worlds/telegram', 'worlds/telegram/sessions'];
    for (const path of paths) expect(statSync(join(base, path)).mode & 0o777, path).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(['main.session', 'session.key']);
    for (const file of readdirSync(folder)) expect(statSync(at(file)).mode & 0o777, file).toBe(0o600);
    const text = readFileSync(at('main.session'), 'utf8');
    expect(text).not.toContain(SESSION.slice(0, 12));
    expect(text).not.toContain(Buffer.from(SESSION).toString('base64').slice(0, 12));
  });

  it('are sealed anew each time: the same session never gives the same bytes', async () => {
    const files = sessionFiles(folder, KEY);
    const seen = new Set<string>();
    for (let n = 0; n < 5; n++) {
      await files.write('main', SESSION);
      const { iv, tag, data } = JSON.parse(readFileSync(at('main.session'), 'utf8'));
      for (const part of [iv, tag, data]) seen.add(part);
    }
    expect(seen.size).toBe(15);
  });

  it('written at the same time, by accounts that have no key yet, can all be read', async () => {
    const files = sessionFiles(folder, null);
    const accounts = Array.from({ length: 20 }, (_, n) => `account-${n % 5}`);
    await Promise.all(accounts.map((account, n) => files.write(account, `${account}: ${n}`)));
    const later = sessionFiles(folder, null);
    for (const [n, account] of accounts.entries()) if (n >= 15) expect(await later.read(account)).toBe(`${account}: ${n}`);
  });
});

describe('a session file that is not as it was written', () => {
  it('is refused at every single flipped bit, or gives the same session where the bit means nothing; never another', async () => {
    await sessionFiles(folder, KEY).write('main', SESSION);
    const good = readFileSync(at('main.session'));
    const files = sessionFiles(folder, KEY);
    expect(await readFrom(good, files)).toBe(SESSION);
    const outcomes = new Map<string | undefined, number>();
    for (let bit = 0; bit < good.length * 8; bit++) {
      const flipped = Buffer.from(good);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const outcome = await readFrom(flipped, files);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect([SESSION, 'SESSION_CORRUPT'], `bit ${bit & 7} of byte ${bit >> 3}`).toContain(outcome);
    }
    const refused = outcomes.get('SESSION_CORRUPT') ?? 0;
    console.info(`${good.length * 8} flipped bits: ${refused} refused, ${outcomes.get(SESSION) ?? 0} without meaning`);
    // What means nothing is the padding of base64: a handful of bits at the end of salt, tag and data.
    expect(refused).toBeGreaterThan(good.length * 8 - 60);
    expect(await readFrom(good, files)).toBe(SESSION);
  }, 300_000);

  it('is refused wherever it is cut off', async () => {
    await sessionFiles(folder, KEY).write('main', SESSION);
    const good = readFileSync(at('main.session'));
    const files = sessionFiles(folder, KEY);
    // The last byte is the end of the line.
    expect(await readFrom(good.subarray(0, good.length - 1), files)).toBe(SESSION);
    for (let length = 0; length < good.length - 1; length++) {
      expect(await readFrom(good.subarray(0, length), files), `cut after ${length} bytes`).toBe('SESSION_CORRUPT');
    }
  });

  it.each(['', '\n', 'null', '[]', '7', '"text"', '{}', '{"format":1}', '{"format":1,"kdf":null}', '\u0000'.repeat(400)])(
    'is refused as %j',
    async (content) => {
      mkdirSync(folder, { recursive: true });
      expect(await readFrom(Buffer.from(content))).toBe('SESSION_CORRUPT');
    },
  );

  it('is refused when it asks for all memory, or for next to no work', async () => {
    await sessionFiles(folder, KEY).write('main', SESSION);
    const good = JSON.parse(readFileSync(at('main.session'), 'utf8'));
    for (const cost of [{ N: 2 ** 30 }, { N: 2 }, { r: 2 ** 24 }, { p: 2 ** 24 }, { N: '16384' }, { r: null }, { salt: '' }]) {
      const bad = { ...good, kdf: { ...good.kdf, ...cost } };
      const files = sessionFiles(folder, KEY);
      const startedAt = performance.now();
      expect(await readFrom(Buffer.from(JSON.stringify(bad)), files), JSON.stringify(cost)).toBe('SESSION_CORRUPT');
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      // Nor does the next file inherit anything from it.
      await files.write('main', SESSION);
      const { N, r, p, salt } = JSON.parse(readFileSync(at('main.session'), 'utf8')).kdf;
      expect({ N, r, p, salt: Buffer.from(salt, 'base64').length }).toEqual({ N: 16384, r: 8, p: 1, salt: 16 });
    }
  });

  it('is refused with another key, saying which variable to look at', async () => {
    await sessionFiles(folder, KEY).write('main', SESSION);
    await expect(sessionFiles(folder, `${KEY}.`).read('main')).rejects.toMatchObject({
      ...CORRUPT,
      message: expect.stringMatching(/main\.session.*check SESSION_KEY/),
    });
  });

  it('is refused under the name of another account', async () => {
    const files = sessionFiles(folder, KEY);
    await files.write('other', SESSION);
    copyFileSync(at('other.session'), at('main.session'));
    await expect(files.read('main')).rejects.toMatchObject({
      ...CORRUPT,
      message: expect.stringContaining('of another account'),
    });
    expect(await files.read('other')).toBe(SESSION);
  });

  it('is left as it is, and nothing is made beside it', async () => {
    await sessionFiles(folder, null).write('main', SESSION);
    const damaged = readFileSync(at('main.session')).subarray(0, 100);
    writeFileSync(at('main.session'), damaged);
    await expect(sessionFiles(folder, null).read('main')).rejects.toMatchObject(CORRUPT);
    expect(readFileSync(at('main.session'))).toEqual(damaged);
    expect(readdirSync(folder).sort()).toEqual(['main.session', 'session.key']);
  });

  it.each([
    ['is not there', () => rmSync(at('session.key'))],
    ['is empty', () => writeFileSync(at('session.key'), '')],
  ])('whose key %s is told from a damaged one, and no other key is made in its place', async (state, damage) => {
    await sessionFiles(folder, null).write('main', SESSION);
    damage();
    const before = readdirSync(folder);
    await expect(sessionFiles(folder, null).read('main')).rejects.toMatchObject({
      ...CORRUPT,
      message: expect.stringMatching(new RegExp(`its key .*session\\.key ${state}; restore the key`)),
    });
    expect(readdirSync(folder)).toEqual(before);
  });

  it('is a folder: refused with the reason', async () => {
    mkdirSync(at('main.session'), { recursive: true });
    await expect(sessionFiles(folder, KEY).read('main')).rejects.toMatchObject({
      ...CORRUPT,
      message: expect.stringMatching(/main\.session.*EISDIR/),
    });
  });
});

describe('a write', () => {
  it('that fails says so and keeps the session before it', async () => {
    const files = sessionFiles(folder, KEY);
    await files.write('main', SESSION);
    mkdirSync(at('main.session.new'));
    await expect(files.write('main', 'another')).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringMatching(/sessions.*EISDIR/),
    });
    expect(await files.read('main')).toBe(SESSION);
    rmSync(at('main.session.new'), { recursive: true });
    await files.write('main', 'another');
    expect(await files.read('main')).toBe('another');
  });

  it('killed at any instant leaves the last session that was acknowledged, or the next one, and no heap of drafts', async () => {
    const random = seededRandom(5);
    const KILLS = 25;
    let last = -1;
    let ahead = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const writer = spawn(process.execPath, [WRITER, folder, String(last + 1)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      writer.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await once(writer.stdout, 'data');
      // The instant is what is random here.
      setTimeout(() => writer.kill('SIGKILL'), random() * 60);
      await once(writer, 'close');
      const acknowledged = Number(said.trim().split('\n').at(-1));
      const kept = Number(/^session-(\d+)-x*$/.exec((await sessionFiles(folder, null).read('main')) ?? '')?.[1]);
      expect([acknowledged, acknowledged + 1]).toContain(kept);
      ahead += kept - acknowledged;
      last = kept;
      expect(readdirSync(folder).filter((name) => !['main.session', 'session.key'].includes(name)).length).toBeLessThanOrEqual(1);
    }
    expect(last).toBeGreaterThan(KILLS);
    console.info(`${KILLS} kills over ${last + 1} writes: always the acknowledged session, or the next (${ahead} times)`);
    await sessionFiles(folder, null).write('main', SESSION);
    expect(readdirSync(folder).sort()).toEqual(['main.session', 'session.key']);
  }, 120_000);
});
