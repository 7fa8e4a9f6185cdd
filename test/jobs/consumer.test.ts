import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { VigiliaError } from '../../src/errors.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import type { Store } from '../../src/ports.ts';
import { deferred } from '../support/deferred.ts';
import { JobHouse, openTestStore } from './job-house.ts';
import { ScriptedLink } from './scripted-link.ts';

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

function house(channelSize = 0): JobHouse {
  const made = new JobHouse(store, channelSize);
  houses.push(made);
  return made;
}

describe('a consumer', () => {
  test('leaves jobs alone while its account is offline, and runs them once it is there', async () => {
    const at = house(10);
    await at.start();
    const { id } = await at.submit();
    await until(at, async () => (await at.history(id)).length === 1);
    expect(await store.findJob(id)).toMatchObject({ status: 'queued', claims: 0 });
    at.goOnline();
    expect(await at.ended(id)).toMatchObject({ status: 'completed', claims: 1 });
  });

  test('runs at most four jobs of an account at once, and all of them in the end', async () => {
    const at = house(5);
    let running = 0;
    let most = 0;
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    at.actions.set('wait', {
      name: 'wait',
      idPrefix: 'wait',
      run: async () => {
        most = Math.max(most, ++running);
        if (running === 4) setImmediate(release);
        await released;
        running--;
        return { result: {} };
      },
    });
    at.goOnline();
    await at.start();
    const jobs = await Promise.all(Array.from({ length: 9 }, () => at.submit({ action: 'wait' })));
    for (const { id } of jobs) expect((await at.ended(id)).status).toBe('completed');
    expect(most).toBe(4);
  });

  test('begins the next jobs while the ends of those before are written, and not more than as many again', async () => {
    const at = house();
    const [eight, written] = [deferred(), deferred()];
    const ran = new Set<string>();
    const claimed = new Set<string>();
    at.actions.set('quick', {
      name: 'quick',
      idPrefix: 'quick',
      run: async ({ job }) => {
        if (ran.add(job.id).size === 8) eight.resolve();
        return { result: {} };
      },
    });
    at.beforeCall = async (name, [id]) => {
      if (name !== 'stepJob') return;
      if (ran.has(String(id))) await written.promise;
      else claimed.add(String(id));
    };
    const jobs = await Promise.all(Array.from({ length: 12 }, () => at.submit({ action: 'quick' })));
    at.goOnline();
    await at.start();
    await eight.promise;
    for (const { id } of jobs) await at.broker.wake(at.accountId, id);
    // Far more turns than a ninth claim takes to be asked for.
    for (let look = 0; look < 3; look++) await store.countJobs();
    expect([claimed.size, ran.size]).toEqual([8, 8]);
    written.resolve();
    for (const { id } of jobs) expect(await at.ended(id)).toMatchObject({ status: 'completed', claims: 1 });
    expect(ran.size).toBe(12);
  });

  test('takes what is urgent before what waits longer, however much that is', async () => {
    const at = house();
    const order: number[] = [];
    const [busy, gate] = [deferred(), deferred()];
    at.actions.set('note', {
      name: 'note',
      idPrefix: 'note',
      run: async ({ job }) => {
        if (order.push(job.priority) === 4) busy.resolve();
        await gate.promise;
        return { result: {} };
      },
    });
    at.goOnline();
    await at.start();
    const waiting = await Promise.all(Array.from({ length: 30 }, () => at.submit({ action: 'note', priority: 7 })));
    await busy.promise;
    const urgent = await at.submit({ action: 'note', priority: 1 });
    gate.resolve();
    for (const { id } of [urgent, ...waiting]) expect((await at.ended(id)).status).toBe('completed');
    // Four ran, and four more were woken already.
    expect(order.indexOf(1)).toBeLessThanOrEqual(8);
    expect(order).toHaveLength(31);
  });

  test('runs a job once, however often it is woken', async () => {
    const at = house(50);
    const first = at.link.hold(1);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    for (let i = 0; i < 20; i++) await at.broker.wake(at.accountId, id);
    await first;
    for (let i = 0; i < 20; i++) await at.broker.wake(at.accountId, id);
    at.link.release();
    expect(await at.ended(id)).toMatchObject({ status: 'completed', claims: 1 });
    for (let i = 0; i < 20; i++) await at.broker.wake(at.accountId, id);
    const { id: next } = await at.submit();
    await at.ended(next);
    expect(await store.findJob(id)).toMatchObject({ claims: 1, attempts: 1 });
    expect(at.link.pages.filter(({ offsetId }) => offsetId === 0)).toHaveLength(2);
  });

  test('does not mind a wake-up for a job that does not exist', async () => {
    const at = house(5);
    at.goOnline();
    await at.start();
    await at.broker.wake(at.accountId, 'sync-nothing');
    const { id } = await at.submit();
    expect((await at.ended(id)).status).toBe('completed');
  });

  test('fails a job after three attempts in all', async () => {
    const at = house(50);
    at.link.beforePage = () => {
      throw new VigiliaError('TELEGRAM_TRANSIENT', 'Telegram answered GetHistory with 500 INTERNAL');
    };
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    expect(await at.ended(id)).toMatchObject({
      status: 'failed',
      attempts: 3,
      claims: 3,
      error: { code: 'TELEGRAM_TRANSIENT', message: 'Telegram answered GetHistory with 500 INTERNAL' },
    });
    expect(await at.history(id)).toEqual(['SUBMIT', 'CLAIM', 'PROGRESS', 'FAIL', 'DUE', 'CLAIM', 'FAIL', 'DUE', 'CLAIM', 'FAIL']);
  });

  test('treats a defect of an action like a passing failure, and shows it as one of ours', async () => {
    const at = house();
    at.actions.set('broken', {
      name: 'broken',
      idPrefix: 'broken',
      run: () => Promise.reject(new TypeError('x is not a function')),
    });
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ action: 'broken' });
    expect(await at.ended(id)).toMatchObject({ status: 'failed', attempts: 3, error: { code: 'INTERNAL', fault: 'bug' } });
  });

  test('fails a job whose action this worker does not have', async () => {
    const at = house();
    at.goOnline();
    await at.start();
    at.actions.set('gone', { name: 'gone', idPrefix: 'gone', run: async () => ({ result: {} }) });
    const submitted = at.submit({ action: 'gone' });
    at.actions.delete('gone');
    expect(await at.ended((await submitted).id)).toMatchObject({ status: 'failed', error: { code: 'UNKNOWN_ACTION' } });
  });

  test('fails a job whose last effect the database refuses, without that effect', async () => {
    const at = house(5);
    at.actions.set('unstorable', {
      name: 'unstorable',
      idPrefix: 'unstorable',
      run: async () => ({
        result: { fine: true },
        effect: async (tx) => {
          await tx.appendOutbox([{ topic: 'job.failed', payload: {} }]);
          await tx.markSynced(-1_000_999_999_999, 1, 1, true);
        },
      }),
    });
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ action: 'unstorable' });
    expect(await at.ended(id)).toMatchObject({ status: 'failed', result: null, error: { code: 'CHANNEL_NOT_FOUND' } });
  });

  test('completes a job though what makes it visible sooner fails', async () => {
    const at = house(5);
    at.actions.set('late', {
      name: 'late',
      idPrefix: 'late',
      run: async () => ({ result: { fine: true }, after: () => Promise.reject(new Error('the cache is gone')) }),
    });
    at.goOnline();
    await at.start();
    const { id } = await at.submit({ action: 'late' });
    expect(await at.ended(id)).toMatchObject({ status: 'completed', result: { fine: true }, error: null });
  });
});

describe('a consumer that takes over', () => {
  test('goes on where the lost worker stopped; the lost one can commit nothing any more', async () => {
    const at = house(450);
    const third = at.link.hold(3);
    at.goOnline();
    await at.start();
    const { id } = await at.submit();
    await third;
    await at.until(id, ({ progress }) => progress?.done === 200);
    // A second worker, with a line of its own, while the first hangs in the middle of a page.
    const line = new AccountLine(at.accountId, at.clock, () => 0);
    const link = new ScriptedLink(at.link.channel.chatId, 450);
    line.attach(link, { onTrouble: () => {}, onSilence: () => {} });
    await at.start(line);
    const job = await at.ended(id);
    expect(job).toMatchObject({ status: 'completed', attempts: 1, claims: 2, lostInARow: 0, result: { count: 450 } });
    // How many pages went into one commit is the pump's matter.
    const events = (await at.history(id)).filter((event, place, all) => event !== 'PROGRESS' || all[place - 1] !== event);
    expect(events).toEqual(['SUBMIT', 'CLAIM', 'PROGRESS', 'LOST', 'CLAIM', 'PROGRESS', 'COMPLETE']);
    expect(link.pages[0]?.offsetId).toBe(at.link.pages[2]?.offsetId);
    const before = await store.findJob(id);
    at.link.release();
    // The lost worker hears of it and is good for other jobs: its own line still stands.
    await at.close();
    expect(await store.findJob(id)).toEqual(before);
    const done = (await at.progress(id)) as number[];
    expect(done.slice(0, 3)).toEqual([0, 100, 200]);
    expect(done).toEqual([...new Set(done)].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(450);
    expect(await store.countMessages(at.link.channel.chatId)).toBe(450);
  });

  test('does not take a job for lost that was claimed with a newer token meanwhile', async () => {
    const at = house(5);
    const { id } = await at.submit();
    await store.ensureAccount(at.accountId);
    const older = await store.takeAccount(at.accountId, 'older');
    await store.stepJob(id, (job) => stepJob(job, [{ type: 'CLAIM', now: at.clock.now(), token: older }]));
    let newer = 0;
    at.beforeCall = async (name, args) => {
      // Between the search for lost jobs and the step, a newer worker takes the account, finds the same job, and claims it.
      if (name !== 'stepJob' || args[0] !== id || newer > 0) return;
      newer = await store.takeAccount(at.accountId, 'newer');
      const poison = { code: 'JOB_POISON', fault: 'permanent', message: 'x' } as const;
      await store.stepJob(id, (job) => stepJob(job, [{ type: 'LOST', now: at.clock.now(), token: newer, poison }]));
      await store.stepJob(id, (job) => stepJob(job, [{ type: 'CLAIM', now: at.clock.now(), token: newer }]));
    };
    await at.start();
    while (newer === 0) await at.nextStep();
    await at.close();
    expect(await store.findJob(id)).toMatchObject({ status: 'processing', claim: { token: newer, number: 2 }, lostInARow: 1 });
  });

  test('takes no jobs any more once another worker has taken the account', async () => {
    const at = house(5);
    at.goOnline();
    const system = await at.start();
    await at.ended((await at.submit()).id);
    const newer = await store.takeAccount(at.accountId, 'newer');
    const { id } = await at.submit({ action: 'get-channels' });
    while (system.find('root/consumer')?.context?.superseded !== true) await at.nextStep();
    expect(await store.findJob(id)).toMatchObject({ status: 'queued', claims: 0 });
    await store.stepJob(id, (job) => stepJob(job, [{ type: 'CLAIM', now: at.clock.now(), token: newer }]));
    expect(await store.findJob(id)).toMatchObject({ status: 'processing', claim: { token: newer } });
  });

  test('queues parked jobs again once its account serves', async () => {
    const at = house(5);
    const { id } = await at.submit();
    await store.ensureAccount(at.accountId);
    const token = await store.takeAccount(at.accountId, 'earlier');
    const error = { code: 'TELEGRAM_OFFLINE', fault: 'transient', message: 'away' } as const;
    const claim = { token, number: 1 };
    const now = at.clock.now();
    await store.stepJob(id, (job) =>
      stepJob(job, [
        { type: 'CLAIM', now, token },
        { type: 'PARK', now, claim, error },
      ]),
    );
    await at.start();
    at.goOnline();
    expect((await at.ended(id)).status).toBe('completed');
  });

  test('takes a job that five workers were lost on for poison', async () => {
    const at = house(50);
    const { id } = await at.submit();
    await store.ensureAccount(at.accountId);
    for (let worker = 1; worker <= 5; worker++) {
      const token = await store.takeAccount(at.accountId, 'doomed');
      await store.stepJob(id, (job) => stepJob(job, [{ type: 'CLAIM', now: at.clock.now(), token }]));
      await (await at.start()).stop();
    }
    expect(await store.findJob(id)).toMatchObject({ status: 'failed', attempts: 0, claims: 5, error: { code: 'JOB_POISON' } });
  });

  test('waits for a database that is away when it starts', async () => {
    const at = house(5);
    at.goOnline();
    const { id } = await at.submit();
    at.storeIsDown = true;
    const starting = at.start();
    while (at.refused < 3) await at.nextStep();
    at.storeIsDown = false;
    await starting;
    expect((await at.ended(id)).status).toBe('completed');
  });
});

describe('a consumer whose database loses answers', () => {
  /** Lets the nth step of a job be stored, and its answer be lost. */
  function loseAnswer(at: JobHouse, nth: number): void {
    let steps = 0;
    at.afterCall = async (name) => {
      if (name !== 'stepJob' || ++steps !== nth) return;
      throw new VigiliaError('STORE_UNAVAILABLE', 'the connection broke after COMMIT');
    };
  }

  // 1 is the claim, 2 and 3 are pages, 7 is the end.
  test.each([1, 2, 3, 7])('runs the job to its end all the same: step %i', async (nth) => {
    const at = house(450);
    at.goOnline();
    const { id } = await at.submit();
    loseAnswer(at, nth);
    await at.start();
    expect(await at.ended(id)).toMatchObject({ status: 'completed', error: null, result: { count: 450 } });
    expect(await store.countMessages(at.link.channel.chatId)).toBe(450);
    expect((await at.history(id)).filter((event) => event === 'COMPLETE')).toHaveLength(1);
  });

  test('does not ask Telegram again at once when a commit fails for itself', async () => {
    const at = house(450);
    at.goOnline();
    at.beforeCall = async (name, args) => {
      // Pages are refused; claims and endings pass.
      if (name === 'stepJob' && args[2] !== undefined) throw new VigiliaError('STORE_UNAVAILABLE', 'statement timeout');
    };
    const { id } = await at.submit();
    await at.start(at.line, () => 0.999);
    const job = await at.until(id, ({ status, claims }) => status === 'queued' && claims === 1);
    expect(job).toMatchObject({ attempts: 0 });
    expect((job.dueAt ?? 0) - job.updatedAt).toBeGreaterThan(1_000);
  });
});

/** Resolves once it holds, looked at after each step. */
async function until(at: JobHouse, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await at.nextStep();
}
