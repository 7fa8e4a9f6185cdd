import type { Static } from 'typebox';
import { ACTION_NAMES, ACTION_PURPOSES } from '../action-names.ts';
import { formatChannelRef, parseChannelRef } from '../channel-ref.ts';
import type { Job, JobFilter, JobQuery, JobStatus } from '../ports.ts';
import { READ_MS, withinDeadline } from './deadline.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { SHOWN_STATUSES } from './job-view.ts';
import { momentSchema, rangeOf, refused } from './moment.ts';
import { nameSchema, patterned } from './patterned.ts';
import { Type } from './typebox.ts';

const PURPOSES = ACTION_NAMES.map((name) => `\`${name}\` ${ACTION_PURPOSES[name]}`).join(', ');

/** By what jobs and dead letters are found alike. */
const COMMON = {
  action: Type.Optional(Type.Enum(ACTION_NAMES, { description: `What the job does: ${PURPOSES}.` })),
  accountId: Type.Optional(nameSchema('The account whose job it is.')),
  channel: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'As channelId; found under its other name too, where it is stored.',
    }),
  ),
};

const PAGE = {
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: "The page before's next.cursor." })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'How many a page has.' }),
};

const DEAD = {
  ...COMMON,
  code: Type.Optional(
    patterned('^[A-Z0-9_]{1,64}$', 'a code of an error: 1 to 64 capital letters, digits and _', {
      description: 'Of the error that it died of.',
    }),
  ),
  text: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'A part of its error, reason or parameters, upper or lower case.' }),
  ),
  from: Type.Optional(momentSchema('Those that died from this moment on.')),
  to: Type.Optional(momentSchema('Those that died before this moment.')),
};

/** What `GET …/jobs` takes; all that is given has to fit. */
export const JobsQuerySchema = Type.Object(
  {
    status: Type.Optional(Type.Enum(SHOWN_STATUSES, { description: 'As answers show it: a parked job is delayed.' })),
    ...COMMON,
    from: Type.Optional(momentSchema('Those that were asked for from this moment on.')),
    to: Type.Optional(momentSchema('Those that were asked for before this moment.')),
    ...PAGE,
  },
  { additionalProperties: false },
);

/** What `GET …/dead-letters` takes; all that is given has to fit. */
export const DeadLettersQuerySchema = Type.Object({ ...DEAD, ...PAGE }, { additionalProperties: false });

/** Which dead letters something is done to. */
export const DeadLetterFilterSchema = Type.Object(DEAD, {
  additionalProperties: false,
  description: 'Which are meant: all that is given has to fit.',
});

const ASKED: Readonly<Record<(typeof SHOWN_STATUSES)[number], readonly JobStatus[]>> = {
  queued: ['queued'],
  processing: ['processing'],
  completed: ['completed'],
  failed: ['failed'],
  delayed: ['delayed', 'parked'],
  cancelled: ['cancelled'],
};

type Deps = Pick<GatewayDeps, 'clock' | 'reader'>;

/** @throws INVALID_REQUEST, INVALID_CHANNEL, STORE_UNAVAILABLE */
export async function jobsQuery(query: Static<typeof JobsQuerySchema>, deps: Deps): Promise<JobQuery> {
  const { status, from, to } = query;
  const created = rangeOf(from, to);
  return {
    ...(await commonOf(query, deps)),
    ...(status !== undefined && { statuses: ASKED[status] }),
    ...(created !== undefined && { created }),
    ...pageOf(query, 'createdAt'),
  };
}

/** @throws INVALID_REQUEST, INVALID_CHANNEL, STORE_UNAVAILABLE */
export async function deadLettersQuery(query: Static<typeof DeadLettersQuerySchema>, deps: Deps): Promise<JobQuery> {
  return { ...(await deadLetterFilter(query, deps)), statuses: ['failed'], ...pageOf(query, 'endedAt') };
}

/** @throws INVALID_REQUEST, INVALID_CHANNEL, STORE_UNAVAILABLE */
export async function deadLetterFilter(filter: Static<typeof DeadLetterFilterSchema>, deps: Deps): Promise<JobFilter> {
  const { code, text, from, to } = filter;
  const ended = rangeOf(from, to);
  return {
    ...(await commonOf(filter, deps)),
    ...(code !== undefined && { code }),
    ...(text !== undefined && { text }),
    ...(ended !== undefined && { ended }),
  };
}

/**
 * A page of a list that was asked for one longer than its limit.
 * @returns the page, and what asks for the next one; null where there is none
 */
export function pageOfJobs(
  found: readonly Job[],
  { by, limit }: JobQuery,
): { jobs: readonly Job[]; next: { cursor: string } | null } {
  const jobs = found.slice(0, limit);
  const last = jobs.at(-1);
  const at = last?.[by];
  if (found.length <= limit || last === undefined || at == null) return { jobs, next: null };
  return { jobs, next: { cursor: Buffer.from(`${at}.${last.id}`).toString('base64url') } };
}

async function commonOf(
  { action, accountId, channel }: { readonly action?: string; readonly accountId?: string; readonly channel?: string },
  { clock, reader }: Deps,
): Promise<JobFilter> {
  const filter = { ...(action !== undefined && { action }), ...(accountId !== undefined && { accountId }) };
  if (channel === undefined) return filter;
  const ref = parseChannelRef(channel, 'channel');
  const stored = await withinDeadline(clock, READ_MS, reader.channel(ref));
  const names = [formatChannelRef(ref), ...(stored ? [String(stored.chatId), stored.username] : [])];
  return { ...filter, channels: [...new Set(names.filter((name) => name !== null))] };
}

function pageOf(
  query: { readonly cursor?: string; readonly limit: number },
  by: JobQuery['by'],
): Pick<JobQuery, 'by' | 'limit' | 'after'> {
  const { cursor, limit } = query;
  if (cursor === undefined) return { by, limit };
  const [, at, id] = /^(\d{1,15})\.(.{1,128})$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined) throw refused('cursor', 'is not one that a page gave');
  return { by, limit, after: { at: Number(at), id } };
}
