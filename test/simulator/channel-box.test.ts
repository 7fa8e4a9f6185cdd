import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelBox } from '../../src/simulator/channel-box.ts';
import { generatedChannel } from '../../src/simulator/generated-channel.ts';
import { type HistoryQuery, historyPage } from '../../src/simulator/history.ts';
import { type WorldMessage, worldMessage } from '../../src/simulator/world.ts';

function freshBox(messages: number): ChannelBox {
  return new ChannelBox(generatedChannel({ username: 'box', title: 'Box', kind: 'channel', messages, seed: 5 }), messages + 1);
}

/** What Telegram's documents say of getHistory, without any shortcut. */
function plainHistory(model: readonly WorldMessage[], query: HistoryQuery): WorldMessage[] {
  const newestFirst = [...model].sort((a, b) => b.id - a.id);
  let start = 0;
  if (query.offsetId > 0) start = newestFirst.filter(({ id }) => id >= query.offsetId).length;
  else if (query.offsetDate > 0) start = newestFirst.filter(({ date }) => date >= query.offsetDate).length;
  start += query.addOffset;
  if (query.maxId > 0) start = Math.max(start, newestFirst.filter(({ id }) => id >= query.maxId).length);
  const limit = Math.min(100, Math.max(0, query.limit));
  return newestFirst.filter(
    ({ id }, index) => index >= start && index < start + limit && (query.minId === 0 || id > query.minId),
  );
}

const operation = fc.oneof(
  fc.record({ kind: fc.constant('post' as const) }),
  fc.record({ kind: fc.constant('edit' as const), which: fc.nat(200) }),
  fc.record({ kind: fc.constant('delete' as const), which: fc.array(fc.nat(200), { minLength: 1, maxLength: 5 }) }),
);

const query = fc.record({
  offsetId: fc.oneof(fc.constant(0), fc.nat(260)),
  offsetDate: fc.oneof(fc.constant(0), fc.integer({ min: 1_704_067_000, max: 1_704_300_000 })),
  addOffset: fc.integer({ min: -120, max: 120 }),
  limit: fc.integer({ min: -1, max: 150 }),
  maxId: fc.oneof(fc.constant(0), fc.nat(260)),
  minId: fc.oneof(fc.constant(0), fc.nat(260)),
});

describe('a channel with what happened in it', () => {
  it('shows what a plain list would, after any posts, edits and deletions, in any window', () => {
    fc.assert(
      fc.property(
        fc.nat(150),
        fc.array(operation, { maxLength: 60 }),
        fc.array(query, { maxLength: 10 }),
        (size, operations, queries) => {
          const box = freshBox(size);
          const model = new Map<number, WorldMessage>(
            Array.from({ length: size }, (_, index) => [box.at(index).id, box.at(index)]),
          );
          let date = 1_704_067_200 + 700 * 86_400;
          for (const step of operations) {
            const ids = [...model.keys()].sort((a, b) => a - b);
            if (step.kind === 'delete') {
              const gone = [...new Set(step.which.map((index) => ids[index]).filter((id) => id !== undefined))];
              if (gone.length === 0) continue;
              box.apply({ kind: 'delete', pts: box.pts + gone.length, at: date, ids: gone });
              for (const id of gone) model.delete(id);
              continue;
            }
            const before = step.kind === 'edit' ? model.get(ids[step.which] ?? 0) : undefined;
            if (step.kind === 'edit' && before === undefined) continue;
            const message = before === undefined ? worldMessage({ id: box.nextId, date: ++date }) : { ...before, text: 'edited' };
            box.apply({ kind: before === undefined ? 'post' : 'edit', pts: box.pts + 1, at: date, message });
            model.set(message.id, message);
          }
          const wanted = [...model.values()].sort((a, b) => a.id - b.id);
          expect(Array.from({ length: box.size }, (_, index) => box.at(index))).toEqual(wanted);
          for (let id = 0; id < 260; id++) {
            expect(box.find(id)).toEqual(model.get(id));
            expect(box.countBelow(id)).toBe(wanted.filter((message) => message.id < id).length);
          }
          for (const one of queries) expect(historyPage(box, one).messages).toEqual(plainHistory(wanted, one));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('never gives an id twice, not even that of a deleted last message', () => {
    const box = freshBox(0);
    box.apply({ kind: 'post', pts: 2, at: 1, message: worldMessage({ id: box.nextId, date: 1 }) });
    box.apply({ kind: 'delete', pts: 3, at: 1, ids: [1] });
    expect(box.nextId).toBe(2);
    expect(box.size).toBe(0);
  });
});
