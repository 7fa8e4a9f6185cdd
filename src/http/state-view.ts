import type { ActorDetail, ActorNode, JsonObject } from '../ports.ts';
import { Type } from './typebox.ts';

const Time = (description: string) => Type.Integer({ description: `${description}, in ms since the Unix epoch.` });

const Exit = Type.Object({
  at: Time('When it ended'),
  reason: Type.Enum(['normal', 'failure', 'shutdown']),
  causes: Type.Array(Type.String(), { description: 'Messages, outermost first.' }),
});

const Events = Type.Object({
  handled: Type.Integer(),
  rejected: Type.Integer({ description: 'Of those, the events for which its machine had no transition.' }),
  perSecond: Type.Number({ description: 'Over the last 10 s.' }),
  longest: Type.Optional(Type.Object({ event: Type.String(), durationMs: Type.Number(), at: Time('When') })),
});

const Supervision = Type.Object({
  strategy: Type.Enum(['one_for_one', 'one_for_all', 'rest_for_one']),
  maxRestarts: Type.Integer(),
  periodMs: Type.Number(),
  restarts: Type.Integer({ description: 'Within the period that ends now.' }),
  quarantines: Type.Boolean({ description: 'Each child has the whole intensity; one that exceeds it is put aside.' }),
});

const Edge = Type.Object({
  from: Type.String({ description: 'The state that has the transition; the machine itself as #id.' }),
  to: Type.Array(Type.String(), { description: 'Its targets; empty for one that stays.' }),
  on: Type.String({ description: 'The event as the chart has it (* for any), or always.' }),
  branch: Type.Integer({ description: 'Which of the transitions of that state on that event, from 0.' }),
  guard: Type.Optional(Type.String()),
  actions: Type.Optional(Type.Array(Type.String())),
});

const Transition = Type.Object({
  at: Time('When'),
  incarnation: Type.Integer(),
  event: Type.String({ description: 'Its type; what it carried is never kept.' }),
  raised: Type.Boolean({ description: 'The machine raised it itself.' }),
  rejected: Type.Boolean({ description: 'There was no transition for it.' }),
  failed: Type.Boolean({ description: 'The life ended in failure with it.' }),
  edges: Type.Array(Edge),
  edgesOmitted: Type.Optional(Type.Integer()),
  state: Type.Optional(Type.String({ description: "The machine's state after it." })),
  durationMs: Type.Optional(Type.Number()),
});

const Stay = Type.Object({ at: Time('When it entered the state'), incarnation: Type.Integer(), state: Type.String() });

const Node = {
  path: Type.String(),
  kind: Type.String(),
  state: Type.String(),
  since: Time('When it entered the state'),
  incarnation: Type.Integer({ description: 'Which life it is; 0 before the first.' }),
  restarts: Type.Integer(),
  nextStartAt: Type.Optional(Time('When it is started again')),
  supervision: Type.Optional(Supervision),
  events: Events,
  lastExit: Type.Optional(Exit),
  context: Type.Optional(Type.Unsafe<JsonObject>(Type.Object({}))),
  children: Type.Array(Type.Ref('Actor'), { description: 'In the order in which they start.' }),
};

/** An actor with all below it. */
export const ActorSchema = Type.Unsafe<ActorNode>(Type.Cyclic({ Actor: Type.Object(Node) }, 'Actor'));

/** An actor with its past, and all below it. */
export const ActorDetailSchema = Type.Unsafe<ActorDetail>(
  Type.Cyclic(
    {
      Actor: Type.Object(Node),
      ActorDetail: Type.Object({
        ...Node,
        states: Type.Array(Stay, { description: 'Newest first, at most 32.' }),
        transitions: Type.Array(Transition, { description: 'Newest first, at most 64.' }),
      }),
    },
    'ActorDetail',
  ),
);
