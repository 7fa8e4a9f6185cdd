import type { HealthReport } from '../ports.ts';
import { Type } from './typebox.ts';
import { nullable } from './view.ts';

const Since = Type.Integer({ description: 'ms since the Unix epoch.', examples: [1_769_860_800_000] });
const Age = (of: string) => nullable(Type.Integer({ description: `Age of the last ${of}, in ms.`, examples: [4_200] }));
const Dependency = Type.Object({
  kind: Type.String({ examples: ['postgresql'] }),
  state: Type.String({ examples: ['up'] }),
  since: Since,
});

/** What `/health` tells; strangers off loopback hear its status alone. */
export const HealthSchema = Type.Unsafe<Partial<HealthReport>>(
  Type.Object({
    status: Type.Enum(['ok', 'degraded', 'down'], { description: 'All accounts are served, some, or none (then 503).' }),
    simulated: Type.Optional(Type.Boolean({ description: 'What answers as Telegram is not Telegram.', examples: [false] })),
    world: Type.Optional(
      Type.Object({
        kind: Type.String({ examples: ['telegram'] }),
        id: Type.Optional(nullable(Type.String({ examples: ['telegram'] }))),
      }),
    ),
    role: Type.Optional(Type.String({ examples: ['all'] })),
    version: Type.Optional(Type.String()),
    uptimeMs: Type.Optional(Type.Integer({ examples: [86_400_000] })),
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
        }),
        {
          description:
            'What is known besides stands beside these fields: `reason`, `lease`, `breaker`, `floods`, `limited`, `openGaps`, `gapCounts`.',
        },
      ),
    ),
    dependencies: Type.Optional(Type.Object({ store: Dependency, broker: Dependency, cache: Dependency })),
    notes: Type.Optional(Type.Array(Type.String(), { description: 'What people should know.', examples: [[]] })),
  }),
);

/** What a probe is told. */
export const AliveSchema = Type.Object({ status: Type.Literal('ok') });
