import { describe, expect, test } from 'vitest';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import type { Clock } from '../../src/clock.ts';
import { VigiliaError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { UNORDERED } from '../../src/ports.ts';
import { ScriptedLink } from '../jobs/scripted-link.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function line() {
  const clock = new VirtualClock();
  const made = new AccountLine('main', clock, () => 0);
  const link = new ScriptedLink(-1_000_000_000_500, 10);
  made.attach(link, { onTrouble: () => {}, onSilence: () => {} });
  return { clock, line: made, link };
}

describe('a line that Telegram asked to be quiet', () => {
  test('does not make that kind of call before the time is over, and makes the others', async () => {
    const { clock, line: at, link } = line();
    link.beforePage = async () => {
      throw new VigiliaError('TELEGRAM_FLOOD', 'wait', { retryAfterMs: 30_000, cause: new Error('FLOOD_WAIT_30') });
    };
    await expect(at.history(link.channel.chatId, 0, 10)).rejects.toMatchObject({ retryAfterMs: 30_000 });
    link.beforePage = async () => {};
    await clock.advance(20_000);
    await expect(at.history(link.channel.chatId, 0, 10)).rejects.toMatchObject({ code: 'TELEGRAM_FLOOD', retryAfterMs: 10_000 });
    expect(link.pages).toHaveLength(1);
    expect((await at.dialogs()).length).toBe(1);
    await clock.advance(10_000);
    expect((await at.history(link.channel.chatId, 0, 10)).messages).toHaveLength(10);
  });
});

describe('a call that waits for its turn', () => {
  async function waiting() {
    const made = line();
    const { line: at, link } = made;
    link.beforePage = async () => {
      throw new VigiliaError('TELEGRAM_FLOOD', 'wait', { retryAfterMs: 4_000, cause: new Error('FLOOD_WAIT_4') });
    };
    await expect(at.history(link.channel.chatId, 0, 10)).rejects.toMatchObject({ code: 'TELEGRAM_FLOOD' });
    link.beforePage = async () => {};
    return made;
  }

  test('is made when it comes', async () => {
    const { clock, line: at, link } = await waiting();
    const page = at.history(link.channel.chatId, 0, 10);
    await clock.advance(4_000);
    expect((await page).messages).toHaveLength(10);
  });

  test.each(['the link', 'whoever made it'])('ends with %s, without having been made', async (who) => {
    const { clock, line: at, link } = await waiting();
    const stop = new AbortController();
    const page = at.heeding(stop.signal).history(link.channel.chatId, 0, 10);
    await clock.advance(1_000);
    if (who === 'the link') at.detach();
    else stop.abort();
    await expect(page).rejects.toMatchObject({ code: 'TELEGRAM_OFFLINE' });
    expect(link.pages).toHaveLength(1);
  });
});

describe('the breaker of a line', () => {
  test('is in the evidence while it is not closed, and its changes are told', async () => {
    const told: string[] = [];
    const tell = (fields: object, msg: string): void => void told.push(`${msg} ${JSON.stringify(fields)}`);
    const at = new AccountLine('main', new VirtualClock(), () => 0, { ...silentLog, warn: tell });
    const link = new ScriptedLink(-1_000_000_000_501, 10);
    at.attach(link, { onTrouble: () => {}, onSilence: () => {} });
    link.beforePage = async () => {
      throw new VigiliaError('TELEGRAM_TRANSIENT', 'INTERNAL', { cause: new Error('INTERNAL') });
    };
    for (let call = 0; call < 5; call++) await expect(at.history(link.channel.chatId, 0, 1)).rejects.toThrow();
    expect(at.health().breaker).toBe('open');
    await expect(at.dialogs()).rejects.toMatchObject({ code: 'BREAKER_OPEN', fault: 'throttled' });
    expect(told).toEqual(['breaker {"account":"main","breaker":"telegram:main","state":"open"}']);
    at.breaker.close();
  });
});

describe('the evidence of a line', () => {
  test('counts what Telegram answered, refusals too, and not what was never sent', async () => {
    const { clock, line: at, link } = line();
    link.beforePage = async () => {
      throw new VigiliaError('CHANNEL_NOT_FOUND', 'the account has not met it');
    };
    await expect(at.history(link.channel.chatId, 0, 10)).rejects.toThrow();
    expect(at.health().lastRpcAgeMs).toBeNull();
    link.beforePage = async () => {
      throw new VigiliaError('CHANNEL_NOT_FOUND', 'said so', { cause: new Error('CHANNEL_INVALID') });
    };
    await expect(at.history(link.channel.chatId, 0, 10)).rejects.toThrow();
    await clock.advance(500);
    expect(at.health().lastRpcAgeMs).toBe(500);
  });

  test.each([
    ['the wall clock is set back by an hour', { wall: -3_600_000, monotonic: 0 }],
    ['the machine sleeps, in which the monotonic clock stands still', { wall: 0, monotonic: -100_000 }],
  ])('is never younger than it is: when %s', async (_, by) => {
    const clock = new VirtualClock();
    let shift = { wall: 0, monotonic: 0 };
    const odd: Clock = { ...clock, now: () => clock.now() + shift.wall, monotonic: () => clock.monotonic() + shift.monotonic };
    const at = new AccountLine('main', odd, () => 0);
    at.attach(new ScriptedLink(-1_000_000_000_502, 10), { onTrouble: () => {}, onSilence: () => {} });
    at.notePong();
    await at.dialogs();
    at.deliver({ updates: [{ type: 'other', name: 'any' }], channels: [], order: UNORDERED });
    shift = by;
    await clock.advance(100_000);
    expect(at.health()).toMatchObject({ lastPongAgeMs: 100_000, lastRpcAgeMs: 100_000, lastUpdateAgeMs: 100_000 });
    at.breaker.close();
  });
});
