import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { VigiliaError } from '../../src/errors.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import type { Job, Store } from '../../src/ports.ts';
import { deferred } from '../support/deferred.ts';
import { JobHouse, openTestStore } from './job-house.ts';

let store: Store;
const houses: JobHouse[] = [];

beforeAll(async () => {
  store = await openTestStore();
});
afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});
afterAll(async () => {
  await store.close();
});

function house(channelSize: number): JobHouse {
  const made = new JobHouse(store, channelSize);
  houses.push(made);
  return made;
}

/** What is stored of the house's channel, newest first. */
async function stored({ link, store: from }: JobHouse): Promise<number[]> {
  const ids: number[] = [];
  for (;;) {
    const before = ids.at(-1);
    const page = await from.readMessages({
      chatId: link.channel.chatId,
      limit: 500,
      ...(before === undefined ? {} : { before }),
    });
    if (page.length === 0) return ids;
    ids.push(...page.map(({ id }) => id));
  }
}

const ids = ({ link }: JobHouse, count = link.messages.length): number[] => link.messages.slice(0, count).map(({ id }) => id);

/** Stored exactly, and each page read and written once. */
async function expectReadOnce(at: JobHouse, job: Job): Promise<void> {
  expect(job.status).toBe('completed');
  expect(await stored(at)).toEqual(ids(at));
  const offsets = at.link.pages.map(({ offsetId }) => offsetId);
  expect(offsets).toEqual([...new Set(offsets)]);
  await expectProgress(at, job.id, at.link.messages.length);
}

/** From nothing to so many, and never back. How many pages went into one commit is the pump's matter. */
async function expectProgress(at: JobHouse, id: string, end: number): Promise<void> {
  const done = (await at.progress(id)) as number[];
  expect(done).toEqual([...new Set(done)].sort((a, b) => a - b));
  expect([done[0], done.at(-1)]).toEqual([0, end]);
}

/** Lets the first `commits` steps of progress through and holds the next ones back. @returns what lets them go */
function holdCommits(at: JobHouse, commits: number): { readonly held: Promise<void>; release(): void } {
  const reached = deferred();
  const go = deferred();
  let steps = 0;
  at.beforeCall = async (name, args) => {
    // A step with an effect is a commit of work; a claim and an end without a result have none.
    if (name !== 'stepJob' || typeof args[2] !== 'function' || ++steps <= commits) return;
    reached.resolve();
    await go.promise;
  };
  return { held: reached.promise, release: () => go.resolve() };
}

describe('sync-messages', () => {
  test('reads a whole channel, page by page, until an empty page, and says so', async () => {
    const at = house(250);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    const job = await at.ended(id);
    await expectReadOnce(at, job);
    expect(at.link.pages).toEqual([
      { offsetId: 0, limit: 100 },
      { offsetId: ids(at)[99], limit: 100 },
      { offsetId: ids(at)[199], limit: 100 },
      { offsetId: ids(at)[249], limit: 100 },
    ]);
    expect(job).toMatchObject({
      attempts: 1,
      claims: 1,
      progress: { done: 250, total: 250 },
      result: { count: 250, complete: true, channelId: at.link.channel.chatId },
    });
    const shown = (job.result as { messages: { id: number; text: string; date: string }[] }).messages;
    expect(shown.map((message) => message.id)).toEqual(ids(at, 100));
    expect(shown[0]).toMatchObject({ text: `message ${ids(at)[0]}`, date: expect.stringMatching(/^20\d\d-.*Z$/) });
    expect(await store.findChannel({ kind: 'id', chatId: at.link.channel.chatId })).toMatchObject({
      syncedDepth: 250,
      complete: true,
      username: at.link.username,
    });
    expect(await store.entities(at.accountId)).toMatchObject([{ peerId: at.link.channel.chatId, accessHash: '7' }]);
  });

  test('a short page is not the end', async () => {
    const at = house(230);
    at.link.pageSize = (limit, page) => (page % 2 === 1 ? 37 : limit);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    await expectReadOnce(at, await at.ended(id));
  });

  test('reads no further than its limit, and asks for no more than that', async () => {
    const at = house(500);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ params: { limit: 130 } });
    const job = await at.ended(id);
    expect(at.link.pages.map(({ limit }) => limit)).toEqual([100, 30]);
    expect(job).toMatchObject({ result: { count: 130, complete: false }, progress: { done: 130, total: 130 } });
    expect(await stored(at)).toEqual(ids(at, 130));
    expect(await store.findChannel({ kind: 'id', chatId: at.link.channel.chatId })).toMatchObject({
      syncedDepth: 130,
      complete: false,
    });
  });

  test('an empty channel is complete with nothing', async () => {
    const at = house(0);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    expect(await at.ended(id)).toMatchObject({ status: 'completed', result: { count: 0, complete: true, messages: [] } });
  });

  test('shows how far it is while it reads', async () => {
    const at = house(450);
    const third = at.link.hold(3);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ params: { limit: 400 } });
    await third;
    const job = await at.until(id, ({ progress }) => progress?.done === 200);
    expect(job).toMatchObject({ status: 'processing', progress: { done: 200, total: 400 } });
    expect(await store.countMessages(at.link.channel.chatId)).toBe(200);
    at.link.release();
    await at.ended(id);
    await expectProgress(at, id, 400);
  });

  test('reads on while it writes, and writes what came meanwhile as one', async () => {
    const at = house(1_050);
    const commits = holdCommits(at, 1);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ params: { limit: 2_000 } });
    await commits.held;
    // The first page waits to be committed, and the whole channel is read meanwhile, to the empty page that ends it.
    while (at.link.pages.length < 12) await new Promise((resolve) => setImmediate(resolve));
    expect(await store.countMessages(at.link.channel.chatId)).toBe(0);
    commits.release();
    await expectReadOnce(at, await at.ended(id));
    expect(await at.progress(id)).toEqual([0, 100, 1_050]);
  });

  test('reads no further ahead than it may, however slow the writing', async () => {
    const at = house(4_000);
    const commits = holdCommits(at, 1);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ params: { limit: 4_000 } });
    await commits.held;
    while (at.link.pages.length < 20) await new Promise((resolve) => setImmediate(resolve));
    // Long enough for many more pages, had they been asked for.
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(at.link.pages).toHaveLength(20);
    commits.release();
    await expectReadOnce(at, await at.ended(id));
  });

  test('does not bring back what was deleted after it was read and before it was written', async () => {
    const at = house(250);
    const commits = holdCommits(at, 1);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ params: { limit: 2_000 } });
    await commits.held;
    while (at.link.pages.length < 4) await new Promise((resolve) => setImmediate(resolve));
    const gone = [0, 120, 249].map((place) => ids(at)[place] as number);
    await store.transaction((tx) => tx.deleteMessages(0, at.link.channel.chatId, gone, at.clock.now()));
    commits.release();
    expect(await at.ended(id)).toMatchObject({ status: 'completed' });
    expect(await stored(at)).toEqual(ids(at).filter((messageId) => !gone.includes(messageId)));
  });

  test('takes deletions over in a batch of pages as in a single one', async () => {
    const at = house(700);
    at.goOnline();
    await at.start();
    await at.ended((await at.submit()).id);
    // Within pages, between them, and a whole page's worth.
    const gone = new Set([0, 50, 99, 100, 199, 200, 201, ...Array.from({ length: 130 }, (_, n) => 320 + n), 699]);
    const kept = ids(at).filter((_, place) => !gone.has(place));
    at.link.messages = at.link.messages.filter((_, place) => !gone.has(place));
    const commits = holdCommits(at, 1);
    const { id } = await at.submit({ params: { force: true } });
    await commits.held;
    while (at.link.pages.length < 8 + 7) await new Promise((resolve) => setImmediate(resolve));
    commits.release();
    expect(await at.ended(id)).toMatchObject({ status: 'completed', result: { count: kept.length } });
    expect(await at.progress(id)).toEqual([0, 100, kept.length]);
    // The newest and the oldest one lie outside of what is read: of these nothing is known.
    const all = [...gone].filter((place) => place === 0 || place === 699);
    expect(await store.countMessages(at.link.channel.chatId)).toBe(kept.length + all.length);
    expect((await stored(at)).slice(1, -1)).toEqual(kept);
  });

  test('forgets a channel’s window with each commit that changed something, and asks the store nothing for it', async () => {
    const at = house(300);
    at.goOnline();
    await at.start();
    const asked: string[] = [];
    at.beforeCall = async (name) => {
      asked.push(name);
    };
    await at.ended((await at.submit()).id);
    // Once, when the end of the job is made visible.
    expect(asked.filter((name) => name === 'findChannel')).toHaveLength(1);
  });

  test('read twice, a channel’s messages are stored once', async () => {
    const at = house(120);
    at.goOnline();
    await at.start();
    const first = await at.submit();
    await at.ended(first.id);
    const second = await at.submit();
    expect((await at.ended(second.id)).result).toMatchObject({ count: 120 });
    expect(await stored(at)).toEqual(ids(at));
  });

  test('takes deletions over that nobody told of, within what it reads, and nothing beyond', async () => {
    const at = house(250);
    at.goOnline();
    await at.start();
    await at.ended((await at.submit()).id);
    const all = ids(at);
    // The two newest lie above what is read, the last one below it: of these nothing is known.
    const gone = [0, 1, 100, 101, 170].map((index) => all[index] as number);
    at.link.messages = at.link.messages.filter(({ id }) => !gone.includes(id));
    const job = await at.ended((await at.submit({ params: { limit: 150, force: true } })).id);
    expect(job.result?.count).toBe(150);
    const left = await stored(at);
    expect(gone.map((id) => left.includes(id))).toEqual([true, true, false, false, true]);
    expect(left).toHaveLength(248);
  });

  test('is complete when its limit is just what the channel has', async () => {
    const at = house(200);
    at.goOnline();
    await at.start();
    const job = await at.ended((await at.submit({ params: { limit: 200 } })).id);
    expect(job.result).toMatchObject({ count: 200, complete: true });
  });

  test('an unknown channel fails at once', async () => {
    const at = house(10);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ params: { channelId: 'somebody_else' } });
    expect(await at.ended(id)).toMatchObject({ status: 'failed', attempts: 1, claims: 1, error: { code: 'CHANNEL_NOT_FOUND' } });
    expect(await at.history(id)).toEqual(['SUBMIT', 'CLAIM', 'FAIL']);
  });

  test('get-channels stores what the account sees', async () => {
    const at = house(0);
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ action: 'get-channels' });
    expect(await at.ended(id)).toMatchObject({
      status: 'completed',
      result: { count: 1, channels: [{ id: at.link.channel.chatId, username: at.link.username }] },
    });
    expect(id).toMatch(/^channels-/);
    expect(await store.findChannel({ kind: 'username', username: at.link.username })).toBeDefined();
    expect(await store.entities(at.accountId)).toHaveLength(1);
  });
});

describe('a run that is broken off', () => {
  test('by an account that went away waits for it, then goes on where it stopped, no attempt spent', async () => {
    const at = house(350);
    at.link.beforePage = (page) => {
      if (page !== 3) return;
      at.line.detach();
      throw new VigiliaError('TELEGRAM_OFFLINE', 'the connection was closed');
    };
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    const parked = await at.until(id, ({ status }) => status === 'parked');
    expect(parked).toMatchObject({ attempts: 0, progress: { done: 200 }, error: { code: 'TELEGRAM_OFFLINE' }, dueAt: null });
    expect(parked.reason).toMatch(/TELEGRAM_OFFLINE/);
    at.link.beforePage = () => {};
    at.goOnline();
    const job = await at.ended(id);
    expect(job).toMatchObject({ status: 'completed', attempts: 1, claims: 2, error: null, reason: null, result: { count: 350 } });
    expect(at.link.pages.map(({ offsetId }) => offsetId)).toEqual([
      0,
      ...[100, 200, 200, 300, 350].map((at_) => ids(at)[at_ - 1]),
    ]);
    await expectProgress(at, id, 350);
    expect(await stored(at)).toEqual(ids(at));
  });

  test('by an account that was back before its parking was stored is not forgotten', async () => {
    const at = house(150);
    let looked: () => void = () => {};
    const lookedForParked = new Promise<void>((resolve) => {
      looked = resolve;
    });
    let gone = false;
    at.link.beforePage = (page) => {
      if (page !== 2) return;
      at.line.detach();
      gone = true;
      at.goOnline();
      throw new VigiliaError('TELEGRAM_OFFLINE', 'the connection was closed');
    };
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    at.beforeCall = async (name) => {
      if (gone && name === 'findParked') looked();
      // The step that parks the job is slower than the look at what is parked.
      if (gone && name === 'stepJob') await lookedForParked;
    };
    expect(await at.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await at.history(id)).toContain('PARK');
  });

  test('by a flood wait waits as long as Telegram said, no attempt spent', async () => {
    const at = house(250);
    at.link.beforePage = (page) => {
      if (page === 2) throw new VigiliaError('TELEGRAM_FLOOD', 'wait', { retryAfterMs: 82_800_000 });
    };
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    const before = at.clock.now();
    const delayed = await at.until(id, ({ status }) => status === 'delayed');
    expect(delayed).toMatchObject({ attempts: 0, progress: { done: 100 }, error: { code: 'TELEGRAM_FLOOD' } });
    expect(delayed.dueAt).toBeGreaterThan(before + 82_800_000 - 20_000);
    expect(delayed.dueAt).toBeLessThan(at.clock.now() + 82_800_000 + 1_000);
    at.skip(82_800_000);
    expect(await at.ended(id)).toMatchObject({ status: 'completed', attempts: 1, claims: 2, result: { count: 250 } });
    await expectProgress(at, id, 250);
  });

  test('by a flood wait writes first what it had read before it', async () => {
    const at = house(600);
    at.link.beforePage = (page) => {
      if (page === 5) throw new VigiliaError('TELEGRAM_FLOOD', 'wait', { retryAfterMs: 82_800_000 });
    };
    const commits = holdCommits(at, 1);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    await commits.held;
    while (at.link.pages.length < 5) await new Promise((resolve) => setImmediate(resolve));
    commits.release();
    expect(await at.until(id, ({ status }) => status === 'delayed')).toMatchObject({ attempts: 0, progress: { done: 400 } });
    expect(await stored(at)).toEqual(ids(at, 400));
    at.skip(82_800_000);
    await at.ended(id);
    expect(at.link.pages.map(({ offsetId }) => offsetId)).toEqual([
      0,
      ...[100, 200, 300, 400, 400, 500, 600].map((place) => ids(at)[place - 1]),
    ]);
  });

  test('by a passing failure is tried again from its checkpoint', async () => {
    const at = house(250);
    at.link.beforePage = (page) => {
      if (page === 3) throw new VigiliaError('TELEGRAM_TRANSIENT', 'internal');
    };
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    expect(await at.ended(id)).toMatchObject({ status: 'completed', attempts: 2, claims: 2, error: null });
    await expectProgress(at, id, 250);
    expect(await stored(at)).toEqual(ids(at));
  });

  test('by the database waits for it, then completes', async () => {
    const at = house(350);
    at.link.beforePage = (page) => {
      if (page === 3) at.storeIsDown = true;
    };
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    // Away until the failed commit, and the end of the run too, were refused.
    while (at.refused < 2) await at.nextStep();
    at.storeIsDown = false;
    const job = await at.ended(id);
    expect(job).toMatchObject({ status: 'completed', attempts: 1, claims: 2, result: { count: 350 } });
    await expectProgress(at, id, 350);
    expect(await stored(at)).toEqual(ids(at));
  });

  test('by a lost claim writes nothing more, whatever it had read', async () => {
    const at = house(600);
    const commits = holdCommits(at, 2);
    at.goOnline();
    const system = await at.start();
    const { id } = await at.submit();
    await commits.held;
    const poison = { code: 'JOB_POISON', fault: 'permanent', message: 'lost' } as const;
    const { claim, progress } = (await store.findJob(id)) as Job;
    await store.stepJob(id, (job) =>
      stepJob(job, [{ type: 'LOST', now: at.clock.now(), token: (claim?.token ?? 0) + 1, poison }]),
    );
    const stopped = system.stop();
    commits.release();
    await stopped;
    expect(await store.findJob(id)).toMatchObject({ status: 'queued', progress, checkpoint: expect.anything() });
    expect(await store.countMessages(at.link.channel.chatId)).toBe(progress?.done);
  });

  test('by a stop finishes the page in hand and hands the job back; the next worker goes on', async () => {
    const at = house(350);
    const third = at.link.hold(3);
    at.goOnline();
    const system = await at.start();
    const { id } = await at.submit();
    await third;
    await at.until(id, ({ progress }) => progress?.done === 200);
    const stopped = system.stop();
    at.link.release();
    await stopped;
    expect(await store.findJob(id)).toMatchObject({
      status: 'queued',
      claim: null,
      attempts: 0,
      lostInARow: 0,
      progress: { done: 300 },
    });
    expect(await at.history(id)).toEqual(['SUBMIT', 'CLAIM', 'PROGRESS', 'PROGRESS', 'PROGRESS', 'PROGRESS', 'RELEASE']);
    await at.start();
    await expectReadOnce(at, await at.ended(id));
  });

  test('by a stop writes all that it has read', async () => {
    const at = house(900);
    const commits = holdCommits(at, 1);
    const eighth = at.link.hold(8);
    at.goOnline();
    const system = await at.start();
    const { id } = await at.submit();
    await commits.held;
    await eighth;
    const stopped = system.stop();
    commits.release();
    at.link.release();
    await stopped;
    expect(await store.findJob(id)).toMatchObject({ status: 'queued', claim: null, attempts: 0, progress: { done: 800 } });
    expect(at.link.pages).toHaveLength(8);
    await at.start();
    await expectReadOnce(at, await at.ended(id));
  });

  test('by a cancellation ends with the page in hand', async () => {
    const at = house(350);
    const second = at.link.hold(2);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    await second;
    await at.until(id, ({ progress }) => progress?.done === 100);
    const error = { code: 'JOB_CANCELLED', fault: 'permanent', message: 'not wanted' } as const;
    await at.store.stepJob(id, (job) => stepJob(job, [{ type: 'CANCEL', now: at.clock.now(), error }]));
    at.link.release();
    const ended = await at.ended(id);
    expect(ended).toMatchObject({ status: 'cancelled', error, result: null });
    expect(ended.progress?.done).toBeLessThan(350);
    expect(await stored(at)).toEqual(ids(at, ended.progress?.done));
  });
});
