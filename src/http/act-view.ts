import type { FastifyRequest } from 'fastify';
import { ACT_NAMES, type Act, type ActAsker } from '../ports.ts';
import { callerOf } from './access.ts';
import { NEXT } from './next-link.ts';
import { actorPathSchema, patterned, processIdSchema } from './patterned.ts';
import { Type } from './typebox.ts';
import { isoTime, isoTimeOrNull, nullable } from './view.ts';

const ActorPathSchema = actorPathSchema('Its path, as GET /api/state has it.', 'root/accounts/main/connection');
const ProcessSchema = processIdSchema(
  'The id of the process whose actor it is, as GET /api/processes has it; without it, the one that is asked.',
);

/** What one asks for. */
export const ActBody = Type.Object(
  {
    actor: ActorPathSchema,
    act: Type.Enum(ACT_NAMES, { description: 'stop and suspend are the same: it stays down until it is resumed.' }),
    event: Type.Optional(
      patterned('^[A-Z_]{1,64}$', '1 to 64 capital letters and _', { description: 'Of a send, and of nothing else.' }),
    ),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'Why, for whoever reads of it later.' })),
    process: Type.Optional(ProcessSchema),
  },
  { additionalProperties: false },
);

/** Which acts one asks to see. */
export const ActsQuerySchema = Type.Object(
  {
    actor: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: 'Of this actor, and of those below it.' })),
    process: Type.Optional(ProcessSchema),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: "The page before's next.cursor." })),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'How many a page has.' }),
  },
  { additionalProperties: false },
);

const OUTCOMES = ['wanted', 'under-way', 'done', 'refused', 'failed', 'expired', 'unknown'] as const;

const ActSchema = Type.Object({
  id: Type.String({ description: 'A UUID.' }),
  at: Type.String({ description: 'When it was asked for.' }),
  by: Type.Object({
    id: Type.String({ description: 'The caller, as GET /api/caller and the log have it; nothing of a token.' }),
    by: Type.Enum(['token', 'jwt', 'local'], { description: 'How it was known; local: no token is needed there.' }),
    address: nullable(Type.String({ description: 'From where.' })),
    requestId: nullable(Type.String({ description: 'Under which the log knows the request.' })),
  }),
  process: Type.String({ description: 'Whose actor it is, as GET /api/processes has it.' }),
  actor: nullable(Type.String({ description: 'Null where it was not done to an actor.' })),
  act: Type.Enum([...ACT_NAMES, 'purge', 'replay'], { description: 'purge and replay: of dead letters.' }),
  event: nullable(Type.String({ description: 'Of a send.' })),
  reason: nullable(Type.String({ description: 'What whoever asked said of why.' })),
  detail: nullable(
    Type.Unsafe<NonNullable<Act['detail']>>(
      Type.Object({}, { description: 'The state it came to; of dead letters, which, and how many.' }),
    ),
  ),
  outcome: Type.Enum(OUTCOMES, {
    description:
      'wanted: the other process has not taken it; expired: it never will; unknown: its process ended before it said what came of it.',
  }),
  code: nullable(Type.String({ description: 'Of what it was refused with, or failed of.' })),
  why: nullable(Type.String({ description: 'The same, for people.' })),
  finishedAt: nullable(Type.String({ description: 'When it was known what came of it.' })),
});

/** What came of it so far. */
export const ActReportSchema = Type.Object({
  ...ActSchema.properties,
  audited: Type.Enum(['now', 'later'], { description: 'later: the database is away, and hears of it once it is back.' }),
});

export const ActsSchema = Type.Object({
  acts: Type.Array(ActSchema),
  next: nullable(Type.Object({ cursor: Type.String() }, { description: NEXT })),
});

export function actView({ at, asker, finishedAt, ...act }: Act) {
  const { caller, by, address, requestId } = asker;
  return { ...act, at: isoTime(at), by: { id: caller, by, address, requestId }, finishedAt: isoTimeOrNull(finishedAt) };
}

/** @returns who asks, for what is written down of it */
export function askerOf(request: Pick<FastifyRequest, 'caller' | 'ip' | 'id'>): ActAsker {
  const { id: caller, by } = callerOf(request);
  return { caller, by, address: request.ip, requestId: request.id };
}
