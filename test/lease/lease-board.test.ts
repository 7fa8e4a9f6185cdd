import { expect, test } from 'vitest';
import { LeaseBoard } from '../../src/actors/lease-board.ts';
import { EVIDENCE_COUNTS_MS } from '../../src/machines/lease-rule.ts';
import type { AccountHealth, LeaseRow } from '../../src/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const EVIDENCE: AccountHealth = {
  id: 'main',
  state: 'authenticated',
  since: 5,
  lastPongAgeMs: 1_000,
  lastRpcAgeMs: null,
  lastUpdateAgeMs: 300,
  gaps: 1,
  openGaps: [{ box: 'account', ageMs: 50, reason: 'hole', from: 1, to: 3 }],
};

const row = (change: Partial<LeaseRow> = {}): LeaseRow => ({
  accountId: 'main',
  removed: false,
  owner: 'worker-1',
  token: 3,
  expiresInMs: 12_000,
  home: null,
  evidence: EVIDENCE,
  evidenceAgeMs: 2_000,
  userId: null,
  ...change,
});

async function boardOf(rows: readonly LeaseRow[], laterMs = 0): Promise<{ board: LeaseBoard; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const board = new LeaseBoard(clock);
  board.note(rows, clock.monotonic());
  await clock.advance(laterMs);
  return { board, clock };
}

test('evidence is as old as it was in the database, and as it has been here since', async () => {
  const { board } = await boardOf([row()], 1_500);
  expect(board.accounts()).toEqual([
    {
      ...EVIDENCE,
      lastPongAgeMs: 4_500,
      lastUpdateAgeMs: 3_800,
      openGaps: [{ box: 'account', ageMs: 3_550, reason: 'hole', from: 1, to: 3 }],
      lease: { worker: 'worker-1', token: 3, expiresInMs: 10_500, evidenceAgeMs: 3_500 },
    },
  ]);
});

test('evidence older than two periods is unknown, with who has not been heard of and since when that is so', async () => {
  const { board, clock } = await boardOf([row()], EVIDENCE_COUNTS_MS - 2_000);
  expect(board.accounts()[0]).toMatchObject({ state: 'authenticated' });
  await clock.advance(1);
  const since = clock.now();
  expect(board.accounts()[0]).toMatchObject({ id: 'main', state: 'unknown', since, lastPongAgeMs: 11_001 });
  expect(board.accounts()[0]?.reason).toMatch(/worker-1 .* 10 s; then it was authenticated/);
  expect(board.accounts()[0]?.lease).toMatchObject({ worker: 'worker-1', evidenceAgeMs: EVIDENCE_COUNTS_MS + 1 });
  await clock.advance(2_000);
  board.note([row({ evidenceAgeMs: EVIDENCE_COUNTS_MS + 2_001, expiresInMs: 2_999 })], clock.monotonic());
  expect(board.accounts()[0]).toMatchObject({ state: 'unknown', since });
});

test('a lease that is over is told apart from a worker that is silent, with when another one may take the account', async () => {
  const { board, clock } = await boardOf([row({ evidenceAgeMs: 16_000, expiresInMs: -1_000 })]);
  const since = clock.now();
  expect(board.accounts()[0]).toMatchObject({
    state: 'lease-lost',
    since,
    reason: 'worker worker-1 lost its lease 1 s ago; it last said authenticated; another may take it in 39 s',
    lease: { worker: 'worker-1', token: 3, expiresInMs: -1_000, evidenceAgeMs: 16_000 },
  });
  await clock.advance(2_000);
  board.note([row({ evidence: null, evidenceAgeMs: null, expiresInMs: -60_000 })], clock.monotonic());
  expect(board.accounts()[0]).toMatchObject({
    state: 'lease-lost',
    since,
    lastPongAgeMs: null,
    reason: 'worker worker-1 lost its lease 60 s ago; any other may take it',
  });
});

test('a database that is not read says nothing of the leases: they may have been renewed since', async () => {
  const { board, clock } = await boardOf([row()], EVIDENCE_COUNTS_MS);
  expect(board.accounts()[0]).toMatchObject({ state: 'unknown', reason: expect.stringContaining('worker-1') });
  await clock.advance(20_000);
  expect(board.accounts()[0]).toMatchObject({
    state: 'unknown',
    reason: 'the database has not been read for 30 s',
    lease: { worker: 'worker-1', expiresInMs: -18_000 },
  });
});

test('an account that nobody has is unserved, and whose session lies elsewhere says where', async () => {
  const free = { owner: null, expiresInMs: null, evidence: null, evidenceAgeMs: null };
  const { board } = await boardOf([row(free), row({ ...free, accountId: 'second', home: 'installation-2' })]);
  expect(board.accounts().map(({ id, state, reason }) => [id, state, reason])).toEqual([
    ['main', 'unserved', 'no worker serves it'],
    ['second', 'unserved', expect.stringContaining('installation-2')],
  ]);
});

test('an account that was just taken is unknown until its worker has told of it', async () => {
  const { board } = await boardOf([row({ evidence: null, evidenceAgeMs: null })]);
  expect(board.accounts()[0]).toMatchObject({ state: 'unknown', reason: expect.stringContaining('has not told of it yet') });
});

test('whose an account is is told whether or not anybody serves it', async () => {
  const { board } = await boardOf([row({ userId: 7 }), row({ accountId: 'idle', owner: null, expiresInMs: null, userId: 8 })]);
  expect(board.accounts()).toMatchObject([
    { id: 'main', userId: 7 },
    { id: 'idle', state: 'unserved', userId: 8 },
  ]);
});
