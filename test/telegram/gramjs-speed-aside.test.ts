import ige from 'telegram/crypto/IGE.js';
import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TALES_ID, TelegramHouse } from './telegram-house.ts';

// A process in which every part stepped aside, as it would for another version of GramJS.
vi.mock('../../src/actors/telegram/gramjs/speed/speed-up.ts', () => ({ speedUp: () => ({ running: [], aside: [] }) }));

let house: TelegramHouse;

beforeAll(async () => {
  house = await TelegramHouse.start();
});
afterAll(async () => {
  await house.close();
});

test('a link works the same on unmodified GramJS', async () => {
  const { link } = await house.loggedIn();
  expect((ige as unknown as { IGE: { name: string } }).IGE.name).toBe('IGENEW');
  expect(BinaryReader.prototype.readLong.toString()).toContain('readLargeInt');
  await link.dialogs();
  const page = await link.history(TALES_ID, 0, 100);
  expect(page).toMatchObject({ oldestId: 1, total: 10, pts: expect.any(Number) });
  expect(page.messages.map(({ id }) => id)).toEqual([25, 22, 19, 16, 13, 10, 6, 5, 2, 1]);
  expect(page.messages.slice(6)).toMatchObject([
    { id: 6, kind: 'message', text: 'a picture', media: 'Photo' },
    { id: 5, text: 'edited answer', replyToId: 2, media: null },
    { id: 2, chatId: TALES_ID, text: '🌍 olá negrito e aqui #tagx = 1👍', raw: { _: 'Message', post: true } },
    { id: 1, kind: 'service', raw: { action: { _: 'MessageActionChannelCreate' } } },
  ]);
});
