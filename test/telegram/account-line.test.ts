import { describe, expect, test } from 'vitest';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { VigiliaError } from '../../src/errors.ts';
import { ScriptedLink } from '../jobs/scripted-link.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function line() {
  const clock = new VirtualClock();
  const made = new AccountLine('main', clock);
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
});
