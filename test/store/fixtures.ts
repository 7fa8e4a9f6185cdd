import type { Channel, Claim, Job, JobChange, Message, NewJob } from '../../src/ports.ts';
import { NOW } from './store-harness.ts';

export const CHANNEL_ID = -1_001_032_086_354;

export function channel(overrides: Partial<Channel> = {}): Channel {
  return {
    chatId: CHANNEL_ID,
    username: 'habr_com',
    title: 'Хабр',
    kind: 'channel',
    about: null,
    participants: null,
    ...overrides,
  };
}

export function message(overrides: Partial<Message> = {}): Message {
  return {
    chatId: CHANNEL_ID,
    id: 1,
    date: 1_700_000_000,
    editDate: null,
    pts: 0,
    kind: 'message',
    text: 'Olá, mundo 🌍',
    entities: [],
    fromId: null,
    replyToId: null,
    views: null,
    media: null,
    raw: {},
    ...overrides,
  };
}

/** Messages 1 to `count`, a minute apart. */
export function history(count: number): Message[] {
  return Array.from({ length: count }, (_, at) =>
    message({ id: at + 1, date: 1_700_000_000 + 60 * at, text: `message ${at + 1}` }),
  );
}

export function newJob(overrides: Partial<NewJob> = {}): NewJob {
  return {
    id: 'sync-1',
    action: 'sync-messages',
    params: { channelId: 'habr_com', limit: 50 },
    accountId: 'main',
    priority: 5,
    machineVersion: 1,
    createdAt: NOW,
    ...overrides,
  };
}

/** A step as `job.machine` would decide it, for tests that are not about what it decides. */
export function step(set: JobChange['set'], event = 'STEP'): JobChange {
  return { set, events: [{ event, from: 'queued', to: set.status ?? 'queued', detail: {} }], outbox: [] };
}

export function claiming(token: number): (job: Job) => JobChange | undefined {
  return (job) => {
    const claim: Claim = { token, number: job.claims + 1 };
    return job.status === 'queued'
      ? step({ status: 'processing', claim, claims: claim.number, dueAt: null }, 'CLAIM')
      : undefined;
  };
}

export function ending(status: 'completed' | 'failed' | 'cancelled', endedAt: number): () => JobChange {
  return () => step({ status, claim: null, dueAt: null, endedAt }, 'END');
}
