import { beforeEach, describe, expect, it } from 'vitest';
import { ProcessDirectory } from '../../src/actors/processes/process-directory.ts';
import { packView } from '../../src/actors/processes/view-text.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { ProcessRow, ProcessViewRow } from '../../src/ports.ts';
import { FIGURES, node } from '../support/http-house.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SELF = { id: 'self', role: 'gateway', host: 'here', pid: 1, version: '0.1.0' };
const ROW: ProcessRow = {
  ...SELF,
  id: 'worker',
  role: 'worker',
  host: 'there',
  startedAt: 1_600_000_000_000,
  seenAgeMs: 2_000,
  figures: FIGURES,
  accounts: ['main'],
};
const TREE = node('root', 'supervisor', []);

let clock: VirtualClock;
let rows: ProcessRow[];
/** What the next looks find, by path; the last one stays. */
let finds: (ProcessViewRow | undefined)[];
let asked: { path: string; known: number }[];
let away: boolean;
/** It takes questions and does not answer. */
let hangs: boolean;
let directory: ProcessDirectory;

beforeEach(() => {
  clock = new VirtualClock();
  rows = [ROW];
  finds = [];
  asked = [];
  away = false;
  hangs = false;
  const reached = async (): Promise<void> => {
    if (hangs) await new Promise(() => {});
    if (away) throw new VigiliaError('STORE_UNAVAILABLE', 'away');
  };
  const store = {
    processes: async () => {
      await reached();
      return rows;
    },
    lookAt: async (_id: string, path: string, known: number) => {
      await reached();
      asked.push({ path, known });
      return finds.length > 1 ? finds.shift() : finds[0];
    },
  };
  directory = new ProcessDirectory({ clock, store, self: SELF, figures: () => FIGURES, heldAccounts: () => [] });
});

async function told(changes: Partial<ProcessViewRow> = {}, value: unknown = TREE): Promise<ProcessViewRow> {
  return { version: 1, text: await packView({ at: 5, value }), absent: false, ageMs: 500, seenAgeMs: 1_000, ...changes };
}
const NOTHING_YET: ProcessViewRow = { version: 0, text: null, absent: false, ageMs: null, seenAgeMs: 1_000 };

/** Resolves or rejects with what came of it, however much of the clock's time that takes; compressed views take real time too. */
async function settled<T>(work: Promise<T>): Promise<T> {
  let over = false;
  work.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  for (await clock.settle(); !over; ) await clock.advance(20);
  return work;
}

describe('the list of processes', () => {
  it('has this one first, as it is, and the others with their age by the database’s clock', async () => {
    rows = [{ ...ROW, id: 'self', seenAgeMs: 4_000, startedAt: 7 }, ROW, { ...ROW, id: 'late', seenAgeMs: 10_001 }];
    expect(await directory.list()).toMatchObject([
      { id: 'self', self: true, seenAgoMs: 0, stale: false, startedAt: 7 },
      { id: 'worker', self: false, seenAgoMs: 2_000, stale: false, accounts: ['main'], figures: FIGURES },
      { id: 'late', seenAgoMs: 10_001, stale: true },
    ]);
  });

  it('goes on while the database is away: the others grow old, this one does not', async () => {
    await directory.list();
    away = true;
    await clock.advance(8_000);
    expect(await directory.list()).toMatchObject([
      { id: 'self', stale: false },
      { id: 'worker', seenAgoMs: 10_000, stale: false },
    ]);
    await clock.advance(1);
    expect(await directory.list()).toMatchObject([{ stale: false }, { seenAgoMs: 10_001, stale: true }]);
  });

  it('is this process alone where nobody shares its database', async () => {
    const alone = new ProcessDirectory({
      clock,
      store: undefined,
      self: SELF,
      figures: () => FIGURES,
      heldAccounts: () => ['main'],
    });
    expect(await alone.list()).toMatchObject([{ id: 'self', self: true, accounts: ['main'] }]);
    await expect(alone.tree('worker')).rejects.toMatchObject({ code: 'NOT_FOUND', field: 'process' });
  });
});

describe('the tree of another process', () => {
  it('is waited for while it begins to show it', async () => {
    finds = [NOTHING_YET, NOTHING_YET, await told()];
    expect(await settled(directory.tree('worker'))).toEqual({ at: 5, seenAgoMs: 500, stale: false, value: TREE });
    expect(asked).toHaveLength(3);
  });

  it('is waited for anew where what there is was for somebody who looked before', async () => {
    const older = await told({ ageMs: 6_000 });
    finds = [older, { ...older, text: null }, await told({ version: 2 }, node('root', 'supervisor', [TREE]))];
    expect(await settled(directory.tree('worker'))).toMatchObject({ seenAgoMs: 500, value: { children: [{ path: 'root' }] } });
  });

  it('is not read again where it has not changed', async () => {
    finds = [await told()];
    await settled(directory.tree('worker'));
    finds = [await told({ text: null, ageMs: 2_500 })];
    expect(await settled(directory.tree('worker'))).toMatchObject({ seenAgoMs: 2_500, value: TREE });
    expect(asked.map(({ known }) => known)).toEqual([0, 1]);
  });

  it('is asked for once by several at a time', async () => {
    finds = [await told()];
    const all = await settled(
      Promise.all([directory.tree('worker'), directory.tree('worker'), directory.actor('worker', 'root/x')]),
    );
    expect(all).toHaveLength(3);
    expect(asked.map(({ path }) => path).sort()).toEqual(['', 'root/x']);
  });

  it('is told as it was, and said to be old, of a process that was killed; nobody waits for another', async () => {
    finds = [await told({ ageMs: 11_000, seenAgeMs: 11_000 })];
    expect(await settled(directory.tree('worker'))).toMatchObject({ seenAgoMs: 11_000, stale: true, value: TREE });
    expect(asked).toHaveLength(1);
  });

  it('is an error that says what to do where nobody had looked at the killed one, where the living one is silent, and where there is none', async () => {
    finds = [{ ...NOTHING_YET, seenAgeMs: 65_000 }];
    await expect(settled(directory.tree('worker'))).rejects.toThrow(/last heard of 65 s ago.*Look whether it runs/);
    finds = [NOTHING_YET];
    await expect(settled(directory.tree('worker'))).rejects.toMatchObject({ code: 'PROCESS_SILENT', retryAfterMs: 2_000 });
    finds = [undefined];
    await expect(settled(directory.tree('nobody'))).rejects.toThrow(/GET \/api\/processes/);
  });

  it('is told with its age while the database is away, where it was seen before', async () => {
    away = true;
    await expect(settled(directory.tree('worker'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    away = false;
    finds = [await told()];
    await settled(directory.tree('worker'));
    away = true;
    await clock.advance(9_000);
    const old = await settled(directory.tree('worker'));
    expect(old).toMatchObject({ stale: false, value: TREE });
    expect(old.seenAgoMs).toBeGreaterThanOrEqual(9_500);
    await clock.advance(1_000);
    const older = await settled(directory.tree('worker'));
    expect(older).toMatchObject({ stale: true, value: TREE });
    expect(older.seenAgoMs).toBeGreaterThanOrEqual(10_500);
  });

  it('is told as it was within 2 s by a database that hangs, and so is the list', async () => {
    finds = [await told()];
    await settled(directory.tree('worker'));
    await directory.list();
    hangs = true;
    const from = clock.now();
    expect(await settled(directory.tree('worker'))).toMatchObject({ value: TREE });
    expect(await settled(directory.list())).toMatchObject([{ self: true }, { id: 'worker' }]);
    expect(clock.now() - from).toBeLessThan(4_200);
  });

  it('is forgotten a minute after the last look, so that it fills no memory', async () => {
    finds = [await told()];
    await settled(directory.tree('worker'));
    await clock.advance(50_000);
    await settled(directory.tree('worker'));
    await clock.advance(50_000);
    await settled(directory.tree('worker'));
    await clock.advance(121_000);
    expect(clock.pending).toBe(0);
    away = true;
    await expect(settled(directory.tree('worker'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(asked.map(({ known }) => known)).toEqual([0, 1, 1]);
  });

  it('is remembered with others only as far as all of them are small', async () => {
    finds = [await told({ text: (await told()).text + '\n'.repeat(3 * 2 ** 20) })];
    await settled(directory.actor('worker', 'root/x'));
    await settled(directory.actor('worker', 'root/y'));
    await settled(directory.actor('worker', 'root/y'));
    await settled(directory.actor('worker', 'root/x'));
    expect(asked.map(({ known }) => known)).toEqual([0, 0, 1, 0]);
  });

  it('has no such actor where its process says so', async () => {
    finds = [await told({ text: null, absent: true })];
    expect(await settled(directory.actor('worker', 'root/nobody'))).toMatchObject({ value: undefined, stale: false });
  });

  it('that cannot be read is refused, and not taken for an empty one', async () => {
    finds = [await told({ text: 'bm8gZ3ppcA==' })];
    await expect(settled(directory.tree('worker'))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });
});
