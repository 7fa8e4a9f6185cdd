import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { KEY, NOW, recordingLog, stringSession } from './fixtures.ts';
import { type ShelfHarness, type TestShelf, vaultOn } from './vault-harness.ts';

const CORRUPT = { code: 'SESSION_CORRUPT', fault: 'reauth' };

/** One bit of what is sealed, so that the text stays as readable as it was. */
function damaged(text: string): string {
  const at = text.lastIndexOf('"data":"') + 12;
  return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
}

/** What every vault does, wherever its sessions lie. */
export function vaultContract(start: () => Promise<ShelfHarness>): void {
  let harness: ShelfHarness;
  let at: TestShelf;
  beforeAll(async () => {
    harness = await start();
  });
  beforeEach(async () => {
    at = await harness.fresh();
    await at.ensure('main', 'other');
  });
  afterEach(() => harness.end());
  afterAll(() => harness?.close());

  const numbers = async (account = 'main'): Promise<number[]> =>
    (await at.shelf.sessionGenerations(account)).generations.map(({ generation }) => generation);

  /** Saves these, one after the other, as a process would. */
  async function saved(...sessions: readonly string[]): Promise<void> {
    const vault = vaultOn(at.shelf);
    for (const session of sessions) await vault.write('main', session);
  }

  describe('a session', () => {
    test('comes back as it was written, whatever it is, and so do those of other accounts', async () => {
      const texts = fc.string({ unit: 'grapheme' });
      await fc.assert(
        fc.asyncProperty(texts, fc.string({ minLength: 1, maxLength: 25 }), async (session, account) => {
          await at.ensure(account, '../other');
          await vaultOn(at.shelf).write(account, session);
          await vaultOn(at.shelf).write('../other', `${session}, not this`);
          expect(await vaultOn(at.shelf).read(account)).toBe(account === '../other' ? `${session}, not this` : session);
        }),
        { numRuns: 30 },
      );
    });

    test('that was never saved is not there, and that is no failure', async () => {
      expect(await vaultOn(at.shelf).read('main')).toBeUndefined();
      expect(await vaultOn(at.shelf).find('nobody')).toBeUndefined();
      expect(await vaultOn(at.shelf).accounts()).toEqual([]);
    });

    test('says when it was saved, and to which account it belongs', async () => {
      await saved('one');
      await vaultOn(at.shelf).write('other', 'two');
      expect(await vaultOn(at.shelf).find('main')).toEqual({ session: 'one', generation: 1, savedAt: NOW });
      expect(await vaultOn(at.shelf).accounts()).toEqual(['main', 'other']);
    });

    test('is nowhere in what is stored, and no two envelopes share anything', async () => {
      const session = stringSession();
      await saved(session, session);
      const [one, two] = [await at.read('main', 1), await at.read('main', 2)].map((text) =>
        JSON.parse(text.split('\n')[1] ?? ''),
      );
      expect(JSON.stringify(one)).not.toContain(session.slice(1, 20));
      const parts = [one, two].flatMap(({ dataKey, content }) =>
        [dataKey, content].flatMap(({ iv, tag, data }) => [iv, tag, data]),
      );
      expect(new Set(parts).size).toBe(12);
    });
  });

  describe('generations', () => {
    test('the newest counts, and three are kept', async () => {
      for (let n = 1; n <= 6; n++) {
        await saved(`session ${n}`);
        expect(await vaultOn(at.shelf).read('main')).toBe(`session ${n}`);
      }
      expect(await numbers()).toEqual([6, 5, 4]);
    });

    test('a damaged one is passed over for the one before it, and the log says so', async () => {
      await saved('one', 'two', 'three');
      await at.put('main', 3, damaged(await at.read('main', 3)));
      const log = recordingLog();
      expect(await vaultOn(at.shelf, { log }).read('main')).toBe('two');
      expect(log.lines).toEqual([
        {
          level: 'warn',
          line: 'the newest stored session is damaged; going on with the one before it',
          fields: {
            account: 'main',
            generation: 2,
            savedAt: '2024-05-06T07:08:09.123Z',
            damaged: ['generation 3 is damaged: its checksum is another'],
          },
        },
      ]);
    });

    test('a damaged one does not count among those kept, and the next write does not take its number', async () => {
      await saved('one', 'two', 'three');
      await at.put('main', 3, damaged(await at.read('main', 3)));
      await saved('four');
      expect(await numbers()).toEqual([4, 3, 2, 1]);
      expect(await vaultOn(at.shelf).inspect('main')).toEqual([
        { generation: 4, savedAt: NOW, state: 'sound', reason: null },
        { generation: 3, savedAt: null, state: 'damaged', reason: 'is damaged: its checksum is another' },
        { generation: 2, savedAt: NOW, state: 'sound', reason: null },
        { generation: 1, savedAt: NOW, state: 'sound', reason: null },
      ]);
      await saved('five', 'six');
      expect(await numbers()).toEqual([6, 5, 4]);
    });

    test('when none is sound the refusal says where, what and what to do, and nothing is changed', async () => {
      await saved('one', 'two');
      for (const generation of [1, 2]) await at.put('main', generation, damaged(await at.read('main', generation)));
      const before = await at.shelf.sessionGenerations('main');
      await expect(vaultOn(at.shelf).read('main')).rejects.toMatchObject({
        ...CORRUPT,
        message: expect.stringMatching(
          /^the place of main: .*generation 2 is damaged: its checksum is another; generation 1 is damaged.*restore a backup/,
        ),
      });
      expect(await at.shelf.sessionGenerations('main')).toEqual(before);
    });

    test('saved by several at once are all kept apart, and the newest is whole', async () => {
      const vaults = [vaultOn(at.shelf), vaultOn(at.shelf), vaultOn(at.shelf)];
      await Promise.all(vaults.map((vault, n) => vault.write('main', `session ${n}`)));
      expect(await numbers()).toEqual([3, 2, 1]);
      const sessions: (string | undefined)[] = [];
      for (const generation of [3, 2, 1]) {
        sessions.push((await vaultOn(at.shelf).find('main'))?.session);
        await at.shelf.dropSessions('main', [generation]);
      }
      expect(sessions.sort()).toEqual(['session 0', 'session 1', 'session 2']);
    });
  });

  describe('an envelope in the place of another', () => {
    test.each([
      ['account', 'other', 1, 'is of another account (other)'],
      ['generation', 'main', 1, "is generation 1 in another's place"],
    ])('(%s) is passed over', async (_what, account, generation, reason) => {
      await saved('one', 'two', 'three');
      await vaultOn(at.shelf).write('other', "somebody else's");
      await at.put('main', 3, await at.read(account, generation));
      expect(await vaultOn(at.shelf).read('main')).toBe('two');
      expect((await vaultOn(at.shelf).inspect('main'))[0]).toMatchObject({ state: 'misplaced', reason });
    });

    test('(world) is refused', async () => {
      await saved('one');
      await expect(vaultOn(at.shelf, { world: 'simulator-demo' }).read('main')).rejects.toMatchObject({
        ...CORRUPT,
        message: expect.stringContaining('generation 1 is of another world (telegram)'),
      });
    });
  });

  describe('keys', () => {
    test('another one is refused, naming the variable; an older session that it would open is no substitute', async () => {
      await vaultOn(at.shelf, { key: 'another key than that' }).write('main', 'older');
      await saved('newer');
      await expect(vaultOn(at.shelf, { key: 'another key than that' }).read('main')).rejects.toMatchObject({
        ...CORRUPT,
        message: expect.stringMatching(/generation 2 was sealed with another SESSION_KEY; check SESSION_KEY/),
      });
      expect(await vaultOn(at.shelf).read('main')).toBe('newer');
    });

    test('the previous one opens and does not seal', async () => {
      await saved('old');
      const both = { key: 'the key from now on', previous: KEY };
      expect(await vaultOn(at.shelf, both).read('main')).toBe('old');
      await vaultOn(at.shelf, both).write('main', 'new');
      expect(await vaultOn(at.shelf, { key: both.key }).read('main')).toBe('new');
    });

    test('are rotated: every generation opens with the new one alone, and no content was sealed anew', async () => {
      await saved('one', 'two');
      await vaultOn(at.shelf).write('other', 'three');
      const before = await at.read('main', 2);
      const both = { key: 'the key from now on', previous: KEY };
      expect(await vaultOn(at.shelf, both).rotate()).toEqual({ sealed: 3, damaged: 0, unopened: [], files: [] });
      const after = vaultOn(at.shelf, { key: both.key });
      expect([await after.read('main'), await after.read('other')]).toEqual(['two', 'three']);
      expect((await after.inspect('main')).map(({ state }) => state)).toEqual(['sound', 'sound']);
      await expect(vaultOn(at.shelf).read('main')).rejects.toMatchObject(CORRUPT);
      const content = (text: string): unknown => JSON.parse(text.split('\n')[1] ?? '').content;
      expect(content(await at.read('main', 2))).toEqual(content(before));
      expect(await vaultOn(at.shelf, both).rotate()).toEqual({ sealed: 0, damaged: 0, unopened: [], files: [] });
    });

    test('that are not known leave what they sealed alone, and a rotation says so', async () => {
      await saved('one', 'two');
      await at.put('main', 1, damaged(await at.read('main', 1)));
      const before = await at.read('main', 2);
      expect(await vaultOn(at.shelf, { key: 'the key from now on' }).rotate()).toEqual({
        sealed: 0,
        damaged: 1,
        unopened: ['the place of main: generation 2 was sealed with another SESSION_KEY'],
        files: [],
      });
      expect(await at.read('main', 2)).toBe(before);
    });
  });

  describe('the shelf', () => {
    test('adds a generation once, replaces it only as long as it is what one saw, and forgets what is not there', async () => {
      const { shelf } = at;
      const { fencingToken } = await shelf.sessionGenerations('main');
      expect(await shelf.addSession('main', { generation: 7, envelope: 'a' }, fencingToken)).toBe(true);
      expect(await shelf.addSession('main', { generation: 7, envelope: 'b' }, fencingToken)).toBe(false);
      expect(await at.read('main', 7)).toBe('a');
      expect(await shelf.resealSession('main', { generation: 7, envelope: 'not this' }, 'c')).toBe(false);
      expect(await shelf.resealSession('main', { generation: 8, envelope: 'a' }, 'c')).toBe(false);
      expect(await shelf.resealSession('main', { generation: 7, envelope: 'a' }, 'c')).toBe(true);
      expect((await shelf.sessionGenerations('main')).generations).toEqual([{ generation: 7, envelope: 'c' }]);
      await shelf.dropSessions('main', [7, 8, 0]);
      await shelf.dropSessions('main', []);
      expect((await shelf.sessionGenerations('main')).generations).toEqual([]);
      expect(await shelf.sessionAccounts()).toEqual([]);
    });
  });
}

/** What a vault does besides where accounts have fencing tokens. */
export function fencingContract(start: () => Promise<ShelfHarness>): void {
  let harness: ShelfHarness;
  let at: TestShelf;
  beforeAll(async () => {
    harness = await start();
  });
  beforeEach(async () => {
    at = await harness.fresh();
    await at.ensure('main');
  });
  afterEach(() => harness.end());
  afterAll(() => harness?.close());
  const take = async (): Promise<number> => (await at.take?.('main')) ?? 0;

  test('a write by whom the account was taken from is refused, and nothing is stored', async () => {
    const token = await take();
    const former = vaultOn(at.shelf, { tokenOf: () => token });
    await former.write('main', 'before');
    const newer = await take();
    await vaultOn(at.shelf, { tokenOf: () => newer }).write('main', 'of the new owner');
    await expect(former.write('main', 'too late')).rejects.toMatchObject({
      code: 'SESSION_FENCED',
      fault: 'conflict',
      message: expect.stringContaining(`token ${newer}, this one holds ${token}`),
    });
    expect(await vaultOn(at.shelf).read('main')).toBe('of the new owner');
    expect((await at.shelf.sessionGenerations('main')).generations).toHaveLength(2);
  });

  test('whoever only read the account may write as long as nobody took it since', async () => {
    const reader = vaultOn(at.shelf);
    expect(await reader.read('main')).toBeUndefined();
    await reader.write('main', 'logged in');
    await take();
    await expect(reader.write('main', 'again')).rejects.toMatchObject({ code: 'SESSION_FENCED' });
    expect(await vaultOn(at.shelf).read('main')).toBe('logged in');
  });

  test('whoever took it after having read it writes under the new token', async () => {
    let token: number | undefined;
    const vault = vaultOn(at.shelf, { tokenOf: () => token });
    await vault.read('main');
    token = await take();
    await vault.write('main', 'logged in');
    expect(await vault.read('main')).toBe('logged in');
  });

  test('a process that does not hold the account saves nothing, whatever it has read', async () => {
    await take();
    const vault = vaultOn(at.shelf, { tokenOf: () => undefined });
    await vault.read('main');
    await expect(vault.write('main', 'not held')).rejects.toMatchObject({
      code: 'SESSION_FENCED',
      message: expect.stringContaining('this one does not hold it'),
    });
    expect(await vault.read('main')).toBeUndefined();
  });

  test('a save counts under the token of when it was asked for: one that waited while the account was lost and taken again is older', async () => {
    let token = await take();
    const asked = deferred();
    const gate = deferred();
    const slow = {
      ...at.shelf,
      sessionGenerations: async (account: string) => {
        asked.resolve();
        await gate.promise;
        return at.shelf.sessionGenerations(account);
      },
    };
    const vault = vaultOn(slow, { tokenOf: () => token });
    const older = vault.write('main', 'of the earlier lease');
    const refused = expect(older).rejects.toMatchObject({ code: 'SESSION_FENCED' });
    await asked.promise;
    token = await take();
    gate.resolve();
    await refused;
    await vault.write('main', 'of this one');
    expect(await vault.read('main')).toBe('of this one');
  });

  test('an account without a row gets no session', async () => {
    await expect(vaultOn(at.shelf).write('nobody', 'x')).rejects.toMatchObject({ code: 'UNKNOWN_ACCOUNT' });
  });
}
