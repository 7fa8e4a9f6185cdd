import { describe, expect, it } from 'vitest';
import { lateTelegram } from '../../src/actors/telegram/late-telegram.ts';
import { VigiliaError } from '../../src/errors.ts';
import type { LinkEvents, Telegram, TelegramLink } from '../../src/ports.ts';
import { deferred } from '../support/deferred.ts';

const EVENTS: LinkEvents = { onDown: () => {}, onUpdates: () => {} };

function library() {
  const calls: string[] = [];
  const link = {
    connect: async () => void calls.push('connect'),
    ping: async () => void calls.push('ping'),
    session: () => 'the session that came of it',
    close: async () => void calls.push('close'),
  } as unknown as TelegramLink;
  const telegram: Telegram = {
    open: (session) => {
      calls.push(`open ${session}`);
      return link;
    },
  };
  return { calls, telegram };
}

describe('a link of a library that is still being loaded', () => {
  it('connects as soon as it is there, and is that library’s link from then on', async () => {
    const { calls, telegram } = library();
    const loading = deferred<Telegram>();
    const link = lateTelegram(() => loading.promise).open('a session', [], EVENTS);
    const connected = link.connect();
    expect(calls).toEqual([]);
    loading.resolve(telegram);
    await connected;
    await link.ping();
    expect(link.session()).toBe('the session that came of it');
    await link.close();
    expect(calls).toEqual(['open a session', 'connect', 'ping', 'close']);
  });

  it('that was closed meanwhile is never opened', async () => {
    const { calls, telegram } = library();
    const loading = deferred<Telegram>();
    const link = lateTelegram(() => loading.promise).open('', [], EVENTS);
    const connected = link.connect();
    await link.close();
    loading.resolve(telegram);
    await expect(connected).rejects.toMatchObject({ code: 'TELEGRAM_OFFLINE' });
    expect(calls).toEqual([]);
  });

  it('says why when the library cannot be loaded', async () => {
    const broken = new VigiliaError('INTERNAL', 'no such module');
    const link = lateTelegram(() => Promise.reject(broken)).open('', [], EVENTS);
    await expect(link.connect()).rejects.toBe(broken);
  });

  it('is offline until it connects', async () => {
    const { telegram } = library();
    const link = lateTelegram(async () => telegram).open('kept', [], EVENTS);
    await expect(link.ping()).rejects.toMatchObject({ code: 'TELEGRAM_OFFLINE' });
    await expect(link.history(-1, 0, 100)).rejects.toMatchObject({ code: 'TELEGRAM_OFFLINE' });
    expect(link.session()).toBe('kept');
  });
});
