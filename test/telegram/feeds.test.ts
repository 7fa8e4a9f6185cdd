import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ActorSystem } from '../../src/actors/system.ts';
import type { Store } from '../../src/ports.ts';
import { openTestStore } from '../jobs/job-house.ts';
import { until } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type LifeOptions, startLife } from './account-life.ts';
import { TALES_ID, TelegramHouse } from './telegram-house.ts';

let store: Store;
let house: TelegramHouse;
let accountId = '';
let accounts = 0;
const systems: ActorSystem[] = [];

beforeEach(async () => {
  store = await openTestStore();
  house = await TelegramHouse.start();
  accountId = `account-${++accounts}`;
});
afterEach(async () => {
  await Promise.all(systems.splice(0).map((system) => system.stop()));
  await house.close();
  await store.close();
});

async function start({ through = store, ...options }: LifeOptions & { readonly through?: Store } = {}) {
  const life = await startLife(accountId, house, through, options);
  systems.push(life.system);
  return life;
}

const stats = () => house.control.tell('stats', {});
const texts = async (): Promise<string[]> => (await store.readMessages({ chatId: TALES_ID, limit: 100 })).map(({ text }) => text);
const box = async () => (await store.positions(accountId)).find((position) => position.box === `channel:${TALES_ID}`);

describe('the feed of a channel', () => {
  test('that is not pushed is found out by looking around, and from then on by asking it', async () => {
    const clock = new VirtualClock();
    const { live, line, system } = await start({ clock });
    await live();
    await house.control.tell('push', { channel: 'tales', on: false });
    /** Time passes in steps shorter than any call's deadline; at the end of each, the server has answered what it was asked. */
    const passMinutes = async (minutes: number): Promise<void> => {
      for (let step = 0; step < 12 * minutes; step++) {
        await clock.advance(5_000);
        await stats();
        await until(async () => {
          await clock.settle();
          return `${system.find('root/connection')?.state}`.includes('heartbeat.waiting') || undefined;
        });
      }
    };
    const stored = (text: string) =>
      until(async () => {
        await clock.settle();
        return (await texts()).includes(text) ? true : undefined;
      });
    await house.control.tell('post', { channel: 'tales', text: 'never told of' });
    await passMinutes(14);
    expect(await texts()).not.toContain('never told of');
    await passMinutes(2);
    await stored('never told of');
    await house.control.tell('post', { channel: 'tales', text: 'nor this' });
    await passMinutes(5);
    await stored('nor this');
    expect(line.health()).toMatchObject({ gaps: 0, state: 'authenticated' });
    expect((await stats()).calls['messages.getDialogs']).toBe(2);
  }, 60_000);

  test('that is too long to tell is read from its history: what is new, what was edited, what is gone', async () => {
    const { live, system, line } = await start();
    await live();
    const ids: number[] = [];
    for (const text of ['stays', 'will be edited', 'will be deleted']) {
      ids.push((await house.control.tell('post', { channel: 'tales', text })).id);
    }
    await until(async () => ((await texts()).includes('will be deleted') ? true : undefined));
    await house.control.tell('push', { channel: 'tales', on: false });
    await house.control.tell('edit', { channel: 'tales', messageId: ids[1] ?? 0, text: 'was edited' });
    await house.control.tell('delete', { channel: 'tales', ids: [ids[2] ?? 0] });
    for (let post = 0; post < 130; post++) await house.control.tell('post', { channel: 'tales', text: `long ago ${post}` });
    await house.control.tell('forget', { channel: 'tales' });
    await house.control.tell('channelTooLong', { channel: 'tales' });
    await house.control.tell('push', { channel: 'tales', on: true });
    const last = await house.control.tell('post', { channel: 'tales', text: 'and on it goes' });
    await until(async () => ((await box())?.pts === last.pts ? true : undefined));
    const after = (ids[0] ?? 0) - 1;
    const theirs = await house.control.tell('dump', { channel: 'tales', after });
    const ours = await store.readMessages({ chatId: TALES_ID, after, limit: 500 });
    expect(ours.map(({ id, text }) => `${id} ${text}`).reverse()).toEqual(theirs.map(({ id, text }) => `${id} ${text}`));
    expect(ours).toHaveLength(133);
    expect(line.health()).toMatchObject({ gaps: 0, gapCounts: { channel: { detected: 1, healed: 1, missing: 0 } } });
    expect((await stats()).calls['messages.getHistory']).toBeGreaterThanOrEqual(2);
    expect(system.find('root/box')?.restarts).toBe(0);
  });

  test('that cannot be seen any more is left alone, a gap that is told of, until it shows itself', async () => {
    const { live, system, healthy } = await start();
    await live();
    await house.control.tell('fail', { method: 'updates.getChannelDifference', code: 400, message: 'CHANNEL_PRIVATE' });
    await house.control.tell('channelTooLong', { channel: 'tales', withPts: false });
    await until(async () => (system.find(`root/feeds/${TALES_ID}`)?.state === 'paused' ? true : undefined));
    expect(await healthy(({ gaps }) => gaps === 1)).toMatchObject({ state: 'authenticated', openGaps: [{ reason: 'too-long' }] });
    await house.control.tell('fail', { method: 'updates.getChannelDifference', code: 400, message: '', times: 0 });
    // The dialogs of the next connection show it again.
    await house.control.tell('drop', {});
    await healthy(({ gaps }) => gaps === 0);
  });

  test('that is taken to stand where Telegram never was is looked at anew, at once, and the right place is kept', async () => {
    const first = await start();
    await first.live();
    await house.control.tell('post', { channel: 'tales', text: 'known' });
    await until(async () => ((await texts()).includes('known') ? true : undefined));
    await first.system.stop();
    const real = await box();
    const misled = { ...real, box: `channel:${TALES_ID}`, pts: 5_000_000, qts: 0, date: 1_700_000_000, seq: 0 };
    await store.transaction((tx) => tx.savePosition(accountId, misled));
    const { pts } = await house.control.tell('post', { channel: 'tales', text: 'would have counted as known' });
    const second = await start();
    await until(async () => ((await box())?.pts === pts ? true : undefined));
    expect(await texts()).toContain('would have counted as known');
    await second.healthy(({ gaps, state }) => gaps === 0 && state === 'authenticated');
    expect((await stats()).calls['updates.getChannelDifference']).toBeGreaterThanOrEqual(2);
    const later = await house.control.tell('post', { channel: 'tales', text: 'pushed again' });
    await until(async () => ((await box())?.pts === later.pts ? true : undefined));
    expect(await texts()).toContain('pushed again');
  });

  test('that is not followed is not written; what was missed is, once it is followed again', async () => {
    const clock = new VirtualClock();
    const { live } = await start({ clock });
    await live();
    await store.setFollowed([accountId], TALES_ID, false);
    await clock.advance(15_000);
    await clock.settle();
    const unheard = await house.control.tell('post', { channel: 'tales', text: 'not followed' });
    await until(async () => ((await stats()).pushed > 0 ? true : undefined));
    await clock.settle();
    expect((await box())?.pts).toBe(unheard.pts - 1);
    await store.setFollowed([accountId], TALES_ID, true);
    await clock.advance(15_000);
    await until(async () => {
      await clock.settle();
      return (await box())?.pts === unheard.pts ? true : undefined;
    });
    expect(await texts()).toContain('not followed');
  });
});
