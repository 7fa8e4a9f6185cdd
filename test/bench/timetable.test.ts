import { describe, expect, it } from 'vitest';
import { benchChannel, benchMessages } from '../../bench/store/messages.ts';
import { timetable } from '../../bench/store/timetable.ts';
import { seededRandom } from '../../src/simulator/seeded.ts';

const PATTERN = { channels: 4, consumers: 3, pollMs: 5_000, postMs: 60_000, spanMs: 3_600_000 };

describe('the timetable of polls and posts', () => {
  const happenings = timetable(PATTERN, seededRandom(1));

  it('has every consumer look at every channel at even distances', () => {
    const polls = happenings.filter(({ kind }) => kind === 'poll');
    expect(polls).toHaveLength(4 * 3 * 720);
    const gaps = polls
      .filter(({ channel }) => channel === 0)
      .map(({ atMs }, at, all) => (all[at + 3]?.atMs ?? atMs + 5_000) - atMs);
    expect(gaps.every((gap) => Math.abs(gap - 5_000) < 1e-6)).toBe(true);
  });

  it('has posts as often as it is told, on average', () => {
    const posts = happenings.filter(({ kind }) => kind === 'post').length;
    expect(posts).toBeGreaterThan(4 * 60 * 0.8);
    expect(posts).toBeLessThan(4 * 60 * 1.2);
  });

  it('goes forward in time, and is the same for the same chance', () => {
    expect(happenings.every(({ atMs }, at) => at === 0 || atMs >= (happenings[at - 1]?.atMs ?? 0))).toBe(true);
    expect(timetable(PATTERN, seededRandom(1))).toEqual(happenings);
  });
});

it('messages of a benchmark are the same for the same ids, newest first, and as large as those of busy channels', () => {
  const { chatId } = benchChannel(3);
  const page = benchMessages(chatId, 5, 10);
  expect(page.map(({ id }) => id)).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
  expect(benchMessages(chatId, 5, 10)).toEqual(page);
  expect(JSON.stringify(page).length / 10).toBeGreaterThan(1_000);
});
