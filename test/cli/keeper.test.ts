import { describe, expect, it } from 'vitest';
import { Keeper, type KeptProcess } from '../../src/cli/keeper.ts';
import { watchParent } from '../../src/cli/parent-watch.ts';
import type { ProcessEnd } from '../../src/machines/keeper-policy.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const GAVE_UP: ProcessEnd = { exitCode: 75, signal: null };
const STOPPED: ProcessEnd = { exitCode: 0, signal: null };

/** A process that ends when the test says so. */
class Life implements KeptProcess {
  readonly signals: string[] = [];
  readonly ended: Promise<ProcessEnd>;
  up = false;
  end: (how: ProcessEnd) => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  isUp = (): boolean => this.up;
  kill = (signal: string): void => void this.signals.push(signal);
}

function house(chance = 0.5) {
  const clock = new VirtualClock();
  const lives: Life[] = [];
  const said: string[] = [];
  const start = (): Life => {
    const life = new Life();
    lives.push(life);
    return life;
  };
  const keeper = new Keeper({ clock, random: () => chance, start, say: (text) => said.push(text) });
  let ended: ProcessEnd | undefined;
  const running = keeper.run().then((end) => {
    ended = end;
    return end;
  });
  return { clock, keeper, lives, said, running, ended: () => ended, last: () => lives.at(-1) as Life };
}

describe('a keeper', () => {
  it('starts a program that gave up again after its delay, and says so', async () => {
    const { clock, lives, said, last } = house();
    await clock.advance(3_000);
    last().end(GAVE_UP);
    await clock.advance(499);
    expect(lives).toHaveLength(1);
    expect(said).toEqual(['the program ended (exit code 75) after 3.0 s; starting it again in 0.5 s']);
    await clock.advance(1);
    expect(lives).toHaveLength(2);
    last().end({ exitCode: null, signal: 'SIGSEGV' });
    await clock.advance(1_000);
    expect(lives).toHaveLength(3);
    expect(said[1]).toBe('the program ended (SIGSEGV) after 0.0 s; starting it again in 1.0 s');
  });

  it('ends as the program ends, when that is final', async () => {
    for (const exitCode of [0, 1, 64, 78]) {
      const { running, last, lives } = house();
      last().end({ exitCode, signal: null });
      expect(await running).toEqual({ exitCode, signal: null });
      expect(lives).toHaveLength(1);
    }
  });

  it('remembers that a life has worked: a later one that does not start is tried again', async () => {
    const { clock, lives, last } = house();
    last().up = true;
    last().end(GAVE_UP);
    await clock.advance(500);
    last().end({ exitCode: 1, signal: null });
    await clock.advance(1_000);
    expect(lives).toHaveLength(3);
  });

  it('passes a stop on once, whatever reaches it of one key press, and a second one as a second one', async () => {
    const { clock, keeper, last, running } = house();
    keeper.stop();
    keeper.stop();
    await clock.advance(299);
    keeper.stop();
    expect(last().signals).toEqual(['SIGTERM']);
    await clock.advance(1);
    keeper.stop();
    expect(last().signals).toEqual(['SIGTERM', 'SIGTERM']);
    last().end({ exitCode: 130, signal: null });
    expect(await running).toEqual({ exitCode: 130, signal: null });
  });

  it('ends a program by force that hangs in its stop', async () => {
    const { clock, keeper, last, running } = house();
    keeper.stop();
    await clock.advance(44_999);
    expect(last().signals).toEqual(['SIGTERM']);
    await clock.advance(1);
    expect(last().signals).toEqual(['SIGTERM', 'SIGKILL']);
    last().end({ exitCode: null, signal: 'SIGKILL' });
    expect(await running).toEqual({ exitCode: null, signal: 'SIGKILL' });
  });

  it('ends it by force after two seconds where somebody insists', async () => {
    const { clock, keeper, last } = house();
    keeper.stop();
    await clock.advance(1_000);
    keeper.stop();
    await clock.advance(1_999);
    expect(last().signals).toEqual(['SIGTERM', 'SIGTERM']);
    await clock.advance(1);
    expect(last().signals.at(-1)).toBe('SIGKILL');
  });

  it('that is stopped between two lives starts no more', async () => {
    const { clock, keeper, lives, last, running } = house();
    last().end(GAVE_UP);
    await clock.advance(100);
    keeper.stop();
    expect(await running).toEqual(STOPPED);
    await clock.advance(100_000);
    expect(lives).toHaveLength(1);
  });
});

describe('whoever watches his parent', () => {
  it('hears once when it is gone, soon after', async () => {
    const clock = new VirtualClock();
    let parent = 4711;
    let heard = 0;
    watchParent(
      clock,
      () => parent,
      () => {
        heard += 1;
      },
    );
    await clock.advance(3_600_000);
    expect(heard).toBe(0);
    parent = 1;
    await clock.advance(1_000);
    expect([heard, clock.pending]).toEqual([1, 0]);
  });
});
