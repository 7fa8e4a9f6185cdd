import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newsOf } from '../../src/actors/acts/act-trail.ts';
import { createMemoryCache } from '../../src/actors/cache/memory.cache.ts';
import { EventParts } from '../../src/actors/events/event-parts.ts';
import { toldEvent } from '../../src/actors/events/told-event.ts';
import { Registry } from '../../src/actors/registry.ts';
import { type ActorSystem, startSystem } from '../../src/actors/system.ts';
import { AccountLine } from '../../src/actors/telegram/account-line.ts';
import { boxSpec } from '../../src/actors/telegram/box.actor.ts';
import { connectionSpec } from '../../src/actors/telegram/connection.actor.ts';
import { feedsSpec } from '../../src/actors/telegram/feeds.ts';
import { openFileVault } from '../../src/actors/telegram/session/file-vault.ts';
import { systemClock } from '../../src/clock.ts';
import type { ErrorRecord } from '../../src/errors.ts';
import { EVENT_TOPICS } from '../../src/event-topics.ts';
import { eventTable } from '../../src/http/docs/event-catalogue.ts';
import { silentLog } from '../../src/log.ts';
import { connectionMachine } from '../../src/machines/connection.machine.ts';
import type { JobMachineEvent } from '../../src/machines/job.machine.ts';
import { stepJob } from '../../src/machines/job-step.ts';
import type { Job, OutboxEntry, Store } from '../../src/ports.ts';
import { openTestStore } from '../jobs/job-house.ts';
import { anAct } from '../store/acts.contract.ts';
import { jobRow } from '../support/jobs.ts';
import { until } from '../support/program.ts';
import { TALES_ID, TelegramHouse } from '../telegram/telegram-house.ts';

const FILE = new URL('../../docs/events.md', import.meta.url).pathname;
const PAGE = readFileSync(FILE, 'utf8');

/** Told to a single subscriber by its stream, and written nowhere. */
const OF_THE_STREAM = ['closed', 'reset'];

/** The catalogue: `message.new` and so on. */
const CATALOGUE = Object.entries(EVENT_TOPICS).flatMap(([group, names]) => names.map((name) => `${group}.${name}`));

interface Documented {
  readonly required: ReadonlySet<string>;
  readonly optional: ReadonlySet<string>;
}

/** @returns what the page says of each type of event; a row may name several, and say "the same" of its fields as the row above */
function documented(): Map<string, Documented> {
  const rows = (PAGE.split('## The events\n')[1] ?? '').split('\n').filter((line) => line.startsWith('| `'));
  const found = new Map<string, Documented>();
  let above: Documented = { required: new Set(), optional: new Set() };
  for (const row of rows) {
    const [, topics = '', fields = ''] = row.split(/(?<!\\)\|/);
    const named = [...fields.matchAll(/`(\w+)(?::[^`]*)?`(\?)?/g)].map(([, name = '', mark]) => ({
      name,
      isOptional: mark === '?',
    }));
    const inherited = fields.trim().startsWith('the same') ? above : { required: [], optional: [] };
    const own = (isOptional: boolean) => named.filter((field) => field.isOptional === isOptional).map(({ name }) => name);
    above = {
      required: new Set([...inherited.required, ...own(false)]),
      optional: new Set([...inherited.optional, ...own(true)]),
    };
    for (const [, topic = ''] of topics.matchAll(/`([^`]+)`/g)) found.set(topic.replace('.<channelId>', ''), above);
  }
  return found;
}

test('the page has the table that /docs shows (rewritten by vitest -u)', async () => {
  const page = PAGE.replace(/(?<=## The events\n\n)\|[\s\S]*?(?=\n\nThere are no others\.)/, () => eventTable());
  await expect(page).toMatchFileSnapshot(FILE);
});

test('the page tells of every event of the catalogue, and of nothing else', () => {
  expect([...documented().keys()].sort()).toEqual([...CATALOGUE, ...OF_THE_STREAM].sort());
});

test('every state of a connection is told, but those that pass into one that is, and that of an account which is another worker’s', () => {
  const silent = ['changing-session', 'lease-lost', 'logging-out', 'stopped'];
  const told = EVENT_TOPICS.account.filter((name) => name !== 'limited');
  const states = Object.keys(connectionMachine.states).filter((state) => !silent.includes(state));
  expect(states.sort()).toEqual([...told].sort());
});

describe('what is told', () => {
  let store: Store;
  let house: TelegramHouse;
  let system: ActorSystem | undefined;
  /** By type of event, what was told of it. */
  const told = new Map<string, OutboxEntry['payload'][]>();
  const note = (topic: string, payload: OutboxEntry['payload']): void => {
    const { type } = toldEvent({ position: 1, topic, payload, at: 0 });
    told.set(type, [...(told.get(type) ?? []), payload]);
  };

  beforeAll(async () => {
    store = await openTestStore();
  });
  beforeEach(async () => {
    house = await TelegramHouse.start();
  });
  afterEach(async () => {
    await system?.stop();
    await house.close();
  });
  afterAll(() => store.close());

  /** Has an account live a life, from its first connection to its stop. */
  async function life(accountId: string, live: (line: AccountLine) => Promise<void>, withCredentials = true): Promise<void> {
    const deps = { clock: systemClock, log: silentLog, random: () => 0 };
    const parts = new EventParts(store, { ...deps, owner: 'test' });
    const registry = new Registry(systemClock);
    const line = parts.announce(new AccountLine(accountId, deps.clock, deps.random));
    const all = { ...deps, registry, store: parts.store, cache: createMemoryCache(deps.clock) };
    const sessions = openFileVault(join(house.folder, 'sessions'), { key: 'a key' }, { ...deps, world: 'test' });
    const credentials = () => (withCredentials ? house.account : undefined);
    const children = [
      parts.sequencer,
      parts.announcer,
      connectionSpec(line, { ...all, telegram: house.telegram(), sessions, credentials }),
      boxSpec(line, all),
      feedsSpec(all),
    ];
    const { head } = await store.readEvents(0, 0);
    system = startSystem({ children }, all);
    await system.started;
    await live(line);
    await system.stop();
    for (const { topic, payload } of (await store.readEvents(head, 1_000)).events) note(topic, payload);
  }

  const isLive = () =>
    until(async () => (`${system?.find('root/connection')?.state}`.includes('service.live') ? true : undefined));
  const is = (line: AccountLine, state: string) => until(async () => (line.health().state === state ? true : undefined));
  const happened = (type: string, channelId: number) =>
    until(async () => {
      const { events } = await store.readEvents(0, 1_000);
      return events.some(({ topic }) => topic === `${type}.${channelId}`) ? true : undefined;
    });

  test('of a channel and of gaps', async () => {
    await life('one', async (line) => {
      await isLive();
      const { control } = house;
      // The first post says that the channel is followed; what is before it was its history.
      const { id, pts } = await control.tell('post', { channel: 'tales', text: 'first' });
      await happened('message.new', TALES_ID);
      await control.tell('edit', { channel: 'tales', messageId: id, text: 'first, edited' });
      await happened('message.edited', TALES_ID);
      await control.tell('pin', { channel: 'tales', messageId: id });
      await happened('message.pinned', TALES_ID);
      await control.tell('delete', { channel: 'tales', ids: [id] });
      await happened('message.deleted', TALES_ID);
      await control.tell('push', { channel: 'tales', on: false });
      await control.tell('post', { channel: 'tales', text: 'never pushed' });
      await control.tell('push', { channel: 'tales', on: true });
      const behind = await control.tell('post', { channel: 'tales', text: 'behind the gap' });
      await until(async () => {
        const [box] = (await store.positions('one')).filter((position) => position.box.startsWith('channel'));
        return (box?.pts ?? pts) >= behind.pts ? true : undefined;
      });
      await until(async () => (line.health().gaps === 0 ? true : undefined));
    });
  });

  test('of an account that is limited, dropped and deactivated', async () => {
    await life('two', async (line) => {
      await isLive();
      await house.control.tell('fail', { method: 'messages.getHistory', code: 420, message: 'FROZEN_METHOD_INVALID', times: 1 });
      await expect(line.history(TALES_ID, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_LIMITED' });
      const gone = new Promise<void>((resolve) => line.onServing((serving) => !serving && resolve()));
      await house.control.tell('drop', {});
      await gone;
      await isLive();
      await house.control.tell('revoke', { phone: house.account.phone, error: 'USER_DEACTIVATED' });
      await line.dialogs().catch(() => {});
      await is(line, 'deactivated');
    });
  });

  test('of an account whose key is burnt, and of one that nobody has logged in', async () => {
    await life('three', async (line) => {
      await isLive();
      await house.control.tell('fail', { method: 'messages.getHistory', code: 406, message: 'AUTH_KEY_DUPLICATED' });
      await expect(line.history(TALES_ID, 0, 1)).rejects.toMatchObject({ code: 'TELEGRAM_KEY_DUPLICATED' });
      await is(line, 'conflict');
    });
    await life('four', (line) => is(line, 'reauth-required').then(() => {}), false);
  });

  test('of a job', () => {
    const claim = { token: 1, number: 1 };
    const error: ErrorRecord = { code: 'TELEGRAM_TIMEOUT', fault: 'transient', message: 'no answer' };
    const steps: readonly (readonly [Job['status'], JobMachineEvent])[] = [
      ['queued', { type: 'CLAIM', now: 9_000, token: 1 }],
      ['processing', { type: 'PROGRESS', now: 9_000, claim, progress: { done: 1, total: 2 }, checkpoint: {} }],
      ['processing', { type: 'COMPLETE', now: 9_000, claim, result: {} }],
      ['processing', { type: 'FAIL', now: 9_000, claim, error, retryable: true, retryAt: 9_500 }],
      ['processing', { type: 'PARK', now: 9_000, claim, error }],
      ['processing', { type: 'FAIL', now: 9_000, claim, error, retryable: false, retryAt: 9_500 }],
      ['processing', { type: 'RELEASE', now: 9_000, claim, retryAt: 9_000 }],
      ['queued', { type: 'CANCEL', now: 9_000, error }],
    ];
    for (const [status, event] of steps) {
      const job = jobRow({ status, claim: status === 'processing' ? claim : null, dueAt: status === 'queued' ? 8_000 : null });
      const entries = stepJob(job, [event])?.outbox ?? [];
      expect(entries, event.type).toHaveLength(1);
      for (const { topic, payload } of entries) note(topic, payload);
    }
  });

  test('of what people do', () => {
    for (const outcome of EVENT_TOPICS.act) for (const { topic, payload } of newsOf(anAct({ outcome }))) note(topic, payload);
    expect(newsOf(anAct({ outcome: 'wanted' }))).toEqual([]);
  });

  test('is all of the catalogue, and each event has the fields that the page names', () => {
    expect([...told.keys()].sort()).toEqual([...CATALOGUE].sort());
    const page = documented();
    for (const [type, payloads] of told) {
      const { required = new Set(), optional = new Set() } = page.get(type) ?? {};
      for (const payload of payloads) {
        const fields = Object.keys(payload);
        expect(fields, type).toEqual(expect.arrayContaining([...required]));
        expect(
          fields.filter((field) => !required.has(field) && !optional.has(field)),
          type,
        ).toEqual([]);
        // These are the stream's own, and a payload's would be dropped.
        for (const own of ['version', 'id', 'topic', 'at']) expect(fields, type).not.toContain(own);
      }
    }
  });
});
