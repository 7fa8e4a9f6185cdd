import { describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/machines/ledger.ts';
import { GAP_WAIT_MS, MessageBox, SILENCE_MS } from '../../src/machines/message-box.ts';
import { type Message, type Position, type TelegramUpdate, UNORDERED } from '../../src/ports.ts';

const CHANNEL = -1_000_000_000_007;
const GROUP = -7;

function message(chatId: number, id: number, pts: number): Message {
  const rest = { editDate: null, kind: 'message', text: '', entities: [], fromId: null, replyToId: null } as const;
  return { chatId, id, date: 1, pts, views: null, media: null, raw: {}, ...rest };
}

/** A post of the channel, or a message of the group. */
function post(pts: number, chatId = CHANNEL, ptsCount = 1): TelegramUpdate {
  return { type: 'message', message: message(chatId, pts, pts), edited: false, pts, ptsCount };
}

const accountAt = (at: Partial<Position>): Position => ({ box: 'account', pts: 100, qts: 5, date: 1, seq: 3, ...at });
const channelAt = (pts: number): Position => ({ box: `channel:${CHANNEL}`, pts, qts: 0, date: 0, seq: 0 });
const box = (): MessageBox => new MessageBox([accountAt({}), channelAt(10)], 0);

/** What was let out, by pts; a bare position as `=pts`, gaps by their names. */
function told(entries: readonly LedgerEntry[]): (number | string)[] {
  return entries.map((entry) => {
    switch (entry.kind) {
      case 'update':
        return 'pts' in entry.update ? (entry.update.pts as number) : entry.update.type;
      case 'position':
        return `=${entry.position.pts}/${entry.position.seq}`;
      default:
        return entry.kind;
    }
  });
}

const empty = (pts: number) => ({ kind: 'empty', pts, final: true, timeoutS: null }) as const;
const brought = (pts: number, updates: readonly TelegramUpdate[], final = true) =>
  ({ kind: 'difference', updates, channels: [], pts, final, timeoutS: null }) as const;
const state = (at: Partial<Position>, updates: readonly TelegramUpdate[], final = true) =>
  ({ kind: 'difference', updates, channels: [], state: accountAt(at), final }) as const;

describe('a channel’s updates', () => {
  test('follow on each other, and come once', () => {
    const ledger = box();
    expect(told(ledger.process([post(11)], UNORDERED, 0))).toEqual([11]);
    expect(told(ledger.process([post(11), post(12)], UNORDERED, 0))).toEqual([12]);
    expect(ledger.channelPts(CHANNEL)).toBe(12);
  });

  test('are put in order within a container', () => {
    expect(told(box().process([post(13), post(12), post(11)], UNORDERED, 0))).toEqual([11, 12, 13]);
  });

  test('that come too early wait for what is before them', () => {
    const ledger = box();
    expect(ledger.process([post(12)], UNORDERED, 0)).toEqual([]);
    expect(ledger.nextDeadline).toBe(GAP_WAIT_MS);
    expect(told(ledger.process([post(11)], UNORDERED, 100))).toEqual([11, 12]);
    expect(ledger.nextDeadline).toBeGreaterThan(GAP_WAIT_MS);
  });

  test('are a gap when what is before them does not come in time', () => {
    const ledger = box();
    ledger.process([post(12)], UNORDERED, 0);
    expect(ledger.expire(GAP_WAIT_MS - 1)).toEqual([]);
    expect(ledger.expire(GAP_WAIT_MS)).toMatchObject([{ kind: 'gap', gap: { reason: 'hole', from: 10, to: 12 } }]);
    expect([...ledger.recoveringChannels.keys()]).toEqual([CHANNEL]);
    const { entries, next } = ledger.applyChannelDifference(CHANNEL, 10, brought(12, [post(11), post(12)]), 900);
    expect(told(entries)).toEqual([11, 12, '=12/0', 'healed']);
    expect(entries.at(-1)).toMatchObject({ count: 2, ids: [11, 12], to: 12, missing: 0 });
    expect(next).toEqual({ kind: 'live' });
    expect(ledger.recoveringChannels.size).toBe(0);
  });

  test('wait while it is asked what is missing, and follow on the answer', () => {
    const ledger = box();
    ledger.process([post(12)], UNORDERED, 0);
    ledger.expire(GAP_WAIT_MS);
    expect(ledger.process([post(11), post(13), post(14)], UNORDERED, 600)).toEqual([]);
    const { entries } = ledger.applyChannelDifference(CHANNEL, 10, brought(12, [post(11), post(12)]), 700);
    expect(told(entries)).toEqual([11, 12, '=12/0', 'healed', 13, 14]);
  });

  test('that came in the reverse order are let out together', () => {
    const ledger = box();
    ledger.process([post(14)], UNORDERED, 0);
    ledger.process([post(12)], UNORDERED, 0);
    ledger.process([post(13)], UNORDERED, 0);
    expect(told(ledger.process([post(11)], UNORDERED, 0))).toEqual([11, 12, 13, 14]);
  });

  test('never make a place go back', () => {
    const ledger = box();
    ledger.suspect(CHANNEL, 'poll', 0);
    expect(told(ledger.applyChannelDifference(CHANNEL, 10, brought(8, []), 0).entries)).toEqual(['=10/0']);
    expect(ledger.channelPts(CHANNEL)).toBe(10);
  });

  test('come in slices', () => {
    const ledger = box();
    ledger.suspect(CHANNEL, 'overflow', 0);
    const slice = ledger.applyChannelDifference(CHANNEL, 10, brought(11, [post(11)], false), 0);
    expect(slice.next).toEqual({ kind: 'again', afterMs: 0 });
    expect(told(slice.entries)).toEqual([11, '=11/0']);
    expect(ledger.applyChannelDifference(CHANNEL, 11, brought(12, [post(12)]), 0).next).toEqual({ kind: 'live' });
  });

  test('are not taken from an answer to an older question', () => {
    const ledger = box();
    ledger.suspect(CHANNEL, 'overflow', 0);
    ledger.applyChannelDifference(CHANNEL, 10, brought(12, [post(11), post(12)], false), 0);
    const late = ledger.applyChannelDifference(CHANNEL, 10, brought(12, [post(11), post(12)]), 0);
    expect(late).toEqual({ entries: [], next: { kind: 'again', afterMs: 0 } });
  });

  test('begin with the first that comes of a channel nobody knew', () => {
    const ledger = new MessageBox([], 0);
    expect(told(ledger.process([post(52), post(51)], UNORDERED, 0))).toEqual(['=50/0', 51, 52]);
  });

  test('that are too long to be told are read from the history, and then what happened since', () => {
    const ledger = box();
    ledger.process([{ type: 'too-long', chatId: CHANNEL, pts: 90 }], UNORDERED, 0);
    const tooLong = ledger.applyChannelDifference(CHANNEL, 10, { kind: 'too-long', pts: 90, timeoutS: null }, 0);
    expect(tooLong.next).toEqual({ kind: 'backfill', pts: 90 });
    expect(ledger.channelPts(CHANNEL)).toBe(10);
    expect(told(ledger.backfilled(CHANNEL, 90, 70, 2, 0))).toEqual(['=90/0']);
    const { entries, next } = ledger.applyChannelDifference(CHANNEL, 90, brought(91, [post(91)]), 0);
    expect(next).toEqual({ kind: 'live' });
    expect(entries.at(-1)).toMatchObject({
      kind: 'healed',
      gap: { reason: 'too-long', from: 10 },
      count: 71,
      missing: 2,
      to: 91,
    });
  });

  test('are looked for when the dialog says that the channel stands further, and not when it does not', () => {
    const ledger = box();
    expect(ledger.process([{ type: 'position', chatId: CHANNEL, pts: 10 }], UNORDERED, 0)).toEqual([]);
    expect(told(ledger.process([{ type: 'position', chatId: CHANNEL, pts: 11 }], UNORDERED, 0))).toEqual(['gap']);
  });

  test('are asked for again, with pauses, when Telegram calls complete what is not, and counted as missing in the end', () => {
    const ledger = box();
    ledger.process([post(12)], UNORDERED, 0);
    ledger.expire(GAP_WAIT_MS);
    const pauses: number[] = [];
    for (;;) {
      const { entries, next } = ledger.applyChannelDifference(CHANNEL, 10, empty(10), 1_000);
      if (next.kind === 'again') pauses.push(next.afterMs);
      else {
        expect(told(entries)).toEqual(['=10/0', 12, 'healed']);
        expect(entries.at(-1)).toMatchObject({ missing: 1, to: 12 });
        break;
      }
      if (pauses.length < 5) expect(told(entries)).toEqual(['=10/0']);
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
    expect(told(ledger.process([post(13)], UNORDERED, 2_000))).toEqual([13]);
  });

  test('are left alone where they are not wanted, and looked for when they are again', () => {
    const ledger = box();
    ledger.ignore([CHANNEL]);
    expect(ledger.process([post(11), post(12)], UNORDERED, 0)).toEqual([]);
    ledger.ignore([]);
    expect(told(ledger.process([{ type: 'position', chatId: CHANNEL, pts: 12 }], UNORDERED, 0))).toEqual(['gap']);
  });

  test('beyond what is held back are asked for', () => {
    const ledger = box();
    const entries = Array.from({ length: 1_001 }, (_, index) => ledger.process([post(12 + index)], UNORDERED, 0)).flat();
    expect(entries).toMatchObject([{ kind: 'gap', gap: { reason: 'overflow', from: 10, to: 1_012 } }]);
    const first = ledger.applyChannelDifference(CHANNEL, 10, brought(11, [post(11)]), 0);
    expect(first.next).toEqual({ kind: 'again', afterMs: 0 });
    const rest = ledger.applyChannelDifference(CHANNEL, 11, brought(1_012, []), 0);
    expect(rest.next).toEqual({ kind: 'live' });
    expect(ledger.channelPts(CHANNEL)).toBe(1_012);
  });

  test('in a poll are no gap, and a poll does not hold them back for long', () => {
    const ledger = box();
    expect(ledger.suspect(CHANNEL, 'poll', 0)).toEqual([]);
    expect(ledger.process([post(11)], UNORDERED, 0)).toEqual([]);
    expect(told(ledger.applyChannelDifference(CHANNEL, 10, empty(10), 0).entries)).toEqual(['=10/0', 11]);
    ledger.suspect(CHANNEL, 'poll', 0);
    expect(told(ledger.applyChannelDifference(CHANNEL, 11, brought(12, [post(12)]), 0).entries)).toEqual([12, '=12/0']);
  });
});

describe('an account’s updates', () => {
  test('count in pts, and move with it what else is known', () => {
    const [entry] = box().process([post(101, GROUP)], UNORDERED, 0);
    expect(entry).toMatchObject({ kind: 'update', position: accountAt({ pts: 101 }) });
  });

  test('of secret chats count in qts', () => {
    const ledger = box();
    ledger.process([{ type: 'secret', qts: 7 }], UNORDERED, 0);
    expect(told(ledger.process([{ type: 'secret', qts: 6 }], UNORDERED, 0))).toEqual(['secret', 'secret']);
    expect(ledger.position).toMatchObject({ qts: 7, pts: 100 });
  });

  test('of counter 0 come in no order', () => {
    const ledger = box();
    expect(told(ledger.process([{ type: 'secret', qts: 0 }], UNORDERED, 0))).toEqual(['secret']);
    expect(ledger.position).toMatchObject({ qts: 5 });
  });

  test('keep the order of containers: behind is dropped, ahead is a gap', () => {
    const ledger = box();
    expect(ledger.process([post(101, GROUP)], { seqStart: 3, seq: 3, date: 9 }, 0)).toEqual([]);
    expect(told(ledger.process([], { seqStart: 6, seq: 6, date: 11 }, 0))).toEqual([]);
    expect(ledger.nextDeadline).toBe(GAP_WAIT_MS);
    expect(told(ledger.process([], { seqStart: 4, seq: 5, date: 10 }, 0))).toEqual(['=100/5', '=100/6']);
    expect(ledger.position).toMatchObject({ seq: 6, date: 11 });
    ledger.process([], { seqStart: 8, seq: 8, date: 12 }, 0);
    expect(told(ledger.expire(GAP_WAIT_MS))).toEqual(['gap']);
    const { next } = ledger.applyDifference(ledger.position as Position, { kind: 'empty', date: 13, seq: 8 }, 1_000);
    expect(next).toEqual({ kind: 'live' });
    expect(ledger.position).toMatchObject({ seq: 8, date: 13 });
  });

  test('wait until it is known where the account stands', () => {
    const ledger = new MessageBox([], 0);
    expect(ledger.process([post(101, GROUP), post(100, GROUP)], UNORDERED, 0)).toEqual([]);
    expect(ledger.suspect(null, 'connected', 0)).toEqual([]);
    expect(ledger.recovering).toBeUndefined();
    expect(told(ledger.adopt(accountAt({}), 0))).toEqual(['=100/3', 101]);
    expect(ledger.adopt(accountAt({ pts: 1 }), 0)).toEqual([]);
    expect(ledger.position).toMatchObject({ pts: 101 });
  });

  test('are asked for after 15 minutes of silence, which is no gap when there was nothing', () => {
    const ledger = box();
    ledger.process([post(11)], UNORDERED, 1_000);
    expect(ledger.nextDeadline).toBe(1_000 + SILENCE_MS);
    expect(ledger.expire(1_000 + SILENCE_MS)).toEqual([]);
    expect(ledger.recovering).toMatchObject({ reason: 'silence' });
    const { entries, next } = ledger.applyDifference(accountAt({}), { kind: 'empty', date: 5, seq: 3 }, 1_000_000);
    expect(told(entries)).toEqual(['=100/3']);
    expect(next).toEqual({ kind: 'live' });
    expect(ledger.nextDeadline).toBe(1_000_000 + SILENCE_MS);
  });

  test('found after a silence are a gap, told of before what it brings', () => {
    const ledger = box();
    ledger.suspect(null, 'connected', 0);
    const slice = ledger.applyDifference(accountAt({}), state({ pts: 101 }, [post(101, GROUP)], false), 0);
    expect(told(slice.entries)).toEqual(['gap', 101, '=101/3']);
    const last = ledger.applyDifference(accountAt({ pts: 101 }), state({ pts: 102, seq: 9 }, [post(102, GROUP)]), 0);
    expect(told(last.entries)).toEqual([102, '=102/9', 'healed']);
    expect(last.entries.at(-1)).toMatchObject({ count: 2, ids: [101, 102], to: 102, gap: { from: 100, reason: 'connected' } });
  });

  test('are not taken from an answer to an older question', () => {
    const ledger = box();
    ledger.suspect(null, 'connected', 0);
    ledger.applyDifference(accountAt({}), state({ pts: 101 }, [post(101, GROUP)], false), 0);
    const late = ledger.applyDifference(accountAt({}), state({ pts: 101 }, [post(101, GROUP)]), 0);
    expect(late).toEqual({ entries: [], next: { kind: 'again', afterMs: 0 } });
  });

  test('that Telegram does not tell any more are counted as missing', () => {
    const ledger = box();
    ledger.process([{ type: 'too-long', chatId: null, pts: null }], UNORDERED, 0);
    expect(ledger.applyDifference(accountAt({}), { kind: 'too-long', pts: 160 }, 0).next).toEqual({ kind: 'again', afterMs: 0 });
    const { entries } = ledger.applyDifference(accountAt({ pts: 160 }), { kind: 'empty', date: 2, seq: 3 }, 0);
    expect(entries.at(-1)).toMatchObject({ kind: 'healed', missing: 60, to: 160 });
  });

  test('begin anew where Telegram’s count is behind ours: nothing that comes is taken for known', () => {
    const ledger = box();
    ledger.process([post(102, GROUP)], UNORDERED, 0);
    expect(told(ledger.restart(accountAt({ pts: 40, qts: 0, seq: 1 }), 10))).toEqual(['=40/1', 'gap']);
    expect(ledger.process([post(41, GROUP)], UNORDERED, 20)).toEqual([]);
    const step = ledger.applyDifference(
      accountAt({ pts: 40, qts: 0 }),
      state({ pts: 41, qts: 0, seq: 1 }, [post(41, GROUP)]),
      30,
    );
    expect([told(step.entries), step.next]).toEqual([[41, '=41/1', 'healed'], { kind: 'live' }]);
    expect(told(ledger.process([post(42, GROUP)], UNORDERED, 40))).toEqual([42]);
    expect(new MessageBox([], 0).restart(accountAt({}), 0)).toEqual([]);
  });

  test('of a channel begin anew where Telegram does not know its place: what is held back is asked for, nothing is taken for known', () => {
    const ledger = box();
    expect(ledger.restartChannel(CHANNEL)).toEqual([]);
    ledger.process([{ type: 'too-long', chatId: CHANNEL, pts: 30 }], UNORDERED, 0);
    expect(ledger.restartChannel(CHANNEL)).toMatchObject([{ kind: 'position', position: { pts: 1 }, anew: true }]);
    expect(ledger.channelPts(CHANNEL)).toBe(1);
    expect(ledger.process([post(3)], UNORDERED, 5)).toEqual([]);
    const difference = {
      kind: 'difference',
      pts: 3,
      updates: [post(2), post(3)],
      final: true,
      channels: [],
      timeoutS: 1,
    } as const;
    const { entries, next } = ledger.applyChannelDifference(CHANNEL, 1, difference, 10);
    expect(told(entries).slice(0, 2)).toEqual([2, 3]);
    expect(next).toEqual({ kind: 'live' });
    expect(told(ledger.process([post(4)], UNORDERED, 20))).toEqual([4]);
  });

  test('of channels in a difference go to their channels', () => {
    const ledger = box();
    ledger.suspect(null, 'connected', 0);
    const found: TelegramUpdate[] = [{ type: 'too-long', chatId: CHANNEL, pts: 30 }, post(11)];
    expect(told(ledger.applyDifference(accountAt({}), state({}, found), 0).entries)).toEqual(['gap', '=100/3']);
    expect(ledger.recoveringChannels.get(CHANNEL)).toMatchObject({ reason: 'too-long', to: 30 });
  });
});
