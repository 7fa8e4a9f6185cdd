import type { HealthReport } from '../ports.ts';
import { Type } from './typebox.ts';
import { nullable } from './view.ts';

const Since = Type.Integer({ description: 'ms since the Unix epoch.', examples: [1_769_860_800_000] });
const Age = (of: string) => nullable(Type.Integer({ description: `Age of the last ${of}, in ms.`, examples: [4_200] }));
const Dependency = Type.Object({
  kind: Type.String({ description: 'postgresql, pglite; rabbitmq; redis; in-process …' }),
  state: Type.String({ description: 'up, down, connecting …' }),
  since: Since,
  latencyMs: Type.Optional(Type.Number({ description: 'How long its last answer took; absent where nothing is asked.' })),
  lastAnswerAgeMs: Type.Optional(Type.Integer({ description: 'Age of that answer, in ms.' })),
});
/** What is known of an account besides, where there is anything to know. */
const KNOWN = {
  reason: Type.Optional(Type.String({ description: 'Why it is in this state, where an error led there.' })),
  userId: Type.Optional(Type.Integer({ description: 'The Telegram user that it is; absent before its first login.' })),
  lease: Type.Optional(Type.Object({}, { description: 'Which installation serves it, where that is another one.' })),
  breaker: Type.Optional(Type.Enum(['open', 'half-open'], { description: 'Calls are refused, since they kept failing.' })),
  floods: Type.Optional(Type.Array(Type.Object({}), { description: 'Kinds of calls that Telegram asked to wait with.' })),
  limited: Type.Optional(Type.Array(Type.Object({}), { description: 'Kinds of calls in which Telegram has limited it.' })),
  openGaps: Type.Optional(Type.Array(Type.Object({}), { description: 'The oldest of its gaps, at most 10.' })),
  gapCounts: Type.Optional(
    Type.Object({}, { description: 'What became of gaps since the process began: detected, healed, missing, by kind of box.' }),
  ),
};

/** What `/health` tells; strangers off loopback hear its status alone. */
export const HealthSchema = Type.Unsafe<Partial<HealthReport>>(
  Type.Object({
    status: Type.Enum(['ok', 'degraded', 'down'], { description: 'All accounts are served, some, or none (then 503).' }),
    simulated: Type.Optional(Type.Boolean({ description: 'What answers as Telegram is not Telegram.', examples: [false] })),
    world: Type.Optional(
      Type.Object({
        kind: Type.String({ description: 'telegram or simulator: what its database is bound to.', examples: ['telegram'] }),
        id: Type.Optional(nullable(Type.String({ examples: ['telegram'] }))),
      }),
    ),
    role: Type.Optional(Type.String({ description: 'Of the process that answers: all, gateway, worker.', examples: ['all'] })),
    version: Type.Optional(Type.String({ description: 'Of the program.' })),
    uptimeMs: Type.Optional(Type.Integer({ description: 'How long this process has run.', examples: [86_400_000] })),
    accounts: Type.Optional(
      Type.Array(
        Type.Object({
          id: Type.String({ examples: ['main'] }),
          state: Type.String({ description: 'Of its connection, or of its lease.', examples: ['authenticated'] }),
          since: Since,
          lastPongAgeMs: Age('pong'),
          lastRpcAgeMs: Age('answered call'),
          lastUpdateAgeMs: Age('update'),
          gaps: Type.Integer({ description: 'Known gaps in what was received that are not filled yet.', examples: [0] }),
          ...KNOWN,
        }),
      ),
    ),
    dependencies: Type.Optional(
      Type.Object({ store: Dependency, broker: Dependency, cache: Dependency, simulator: Type.Optional(Dependency) }),
    ),
    notes: Type.Optional(Type.Array(Type.String(), { description: 'What people should know.', examples: [[]] })),
  }),
);

/** What a probe is told. */
export const AliveSchema = Type.Object({ status: Type.Literal('ok') });
