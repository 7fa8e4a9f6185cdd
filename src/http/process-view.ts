import type { KnownProcess } from '../ports.ts';
import { processIdSchema } from './patterned.ts';
import { Type } from './typebox.ts';

/** Which process is asked of. */
export const ProcessQuery = Type.Object(
  {
    process: Type.Optional(processIdSchema('An id of GET /api/processes. Without it, the process that answers.')),
  },
  { additionalProperties: false },
);

/** What an answer about another process says of its age. */
export const REMOTE = {
  process: Type.Optional(Type.String({ description: 'Which process it is, where that was asked.' })),
  at: Type.Optional(
    Type.Integer({
      description: "Another process's own clock when it said this, in ms since the Unix epoch: its times are by that clock.",
    }),
  ),
  seenAgoMs: Type.Optional(Type.Integer({ description: 'How long ago it said this, by the clock of the database.' })),
  stale: Type.Optional(Type.Boolean({ description: 'It has missed two beats (10 s): this is how it was then.' })),
};

const Ms = (description: string) => Type.Number({ description });

export const ProcessesSchema = Type.Object({
  processes: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Names its installation.' }),
      self: Type.Boolean({ description: 'It is the one that answers.' }),
      role: Type.Enum(['all', 'gateway', 'worker']),
      host: Type.String(),
      pid: Type.Integer(),
      version: Type.String(),
      startedAt: Type.Integer({ description: 'In ms since the Unix epoch, by the clock of the database.' }),
      seenAgoMs: Type.Integer({ description: 'How long ago it said that it is there, by the clock of the database.' }),
      stale: Type.Boolean({
        description: 'It has missed two beats (10 s): it was killed, hangs, or is cut off from the database.',
      }),
      accounts: Type.Array(Type.String(), { description: 'Those whose lease it holds.' }),
      lag: Type.Object(
        {
          p50Ms: Ms('Half of what was due came no later than this.'),
          p99Ms: Ms('99 of 100 came no later than this.'),
          maxMs: Ms('The worst.'),
        },
        {
          description:
            'How late its event loop came to what was due, over 10 s. What blocks it for less than 20 ms may go unseen.',
        },
      ),
      busy: Type.Number({ description: 'The part of 10 s in which its event loop was at work, 0 to 1.' }),
      memory: Type.Object({ rssBytes: Type.Integer(), heapUsedBytes: Type.Integer() }),
    }),
    { description: 'The one that answers first, then the others, the oldest first.' },
  ),
});

/** @returns a process as HTTP tells it */
export function processView({ figures, ...process }: KnownProcess) {
  return { ...process, role: process.role as 'all' | 'gateway' | 'worker', ...figures, accounts: [...process.accounts] };
}
