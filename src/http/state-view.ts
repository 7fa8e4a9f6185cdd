import type { ActorDetail, ActorNode, JsonObject } from '../ports.ts';
import { REMOTE } from './process-view.ts';
import { Type } from './typebox.ts';

const Time = (description: string) => Type.Integer({ description: `${description}, in ms since the Unix epoch.` });

const Exit = Type.Object({
  at: Time('When it ended'),
  reason: Type.Enum(['normal', 'failure', 'shutdown'], { description: 'shutdown: it was told to end.' }),
  causes: Type.Array(Type.String(), { description: 'Messages, outermost first.' }),
});

const Events = Type.Object({
  handled: Type.Integer({ description: 'In all its lives, since the process began.' }),
  rejected: Type.Integer({ description: 'Of those, the events for which its machine had no transition.' }),
  perSecond: Type.Number({ description: 'Over the last 10 s.' }),
  longest: Type.Optional(Type.Object({ event: Type.String(), durationMs: Type.Number(), at: Time('When') })),
});

const Supervision = Type.Object({
  strategy: Type.Enum(['one_for_one', 'one_for_all', 'rest_for_one'], {
    description: 'Who is started again with a child that failed: nobody, all, those after it.',
  }),
  maxRestarts: Type.Integer({ description: 'More in the period, and it fails itself.' }),
  periodMs: Type.Number({ description: 'The period.' }),
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
  number: Type.Integer({
    description: 'Counts what the actor handled and raised, from 1: what is between two of them was left out.',
  }),
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

const Offer = Type.Object({
  act: Type.Enum(['restart', 'stop', 'resume', 'send']),
  event: Type.Optional(Type.String({ description: 'Of a send: what its machine takes from a person as it is now.' })),
});

const Stay = Type.Object({ at: Time('When it entered the state'), incarnation: Type.Integer(), state: Type.String() });

const Node = {
  path: Type.String({ description: 'Where it is in the tree, as root/accounts/main.' }),
  kind: Type.String({ description: 'Which actor it is; of one with a machine, its name under /api/machines.' }),
  state: Type.String({ description: "Its machine's state: of parallel regions each, in brackets." }),
  since: Time('When it entered the state'),
  incarnation: Type.Integer({ description: 'Which life it is; 0 before the first.' }),
  restarts: Type.Integer({ description: 'How often it was started again, since the process began.' }),
  nextStartAt: Type.Optional(Time('When it is started again')),
  supervision: Type.Optional(Supervision),
  events: Events,
  queued: Type.Optional(
    Type.Integer({ description: 'What waits for it: wake-ups, updates, statements. Absent where nothing can.' }),
  ),
  lastExit: Type.Optional(Exit),
  context: Type.Optional(
    Type.Unsafe<JsonObject>(Type.Object({}, { description: 'What its machine knows, as far as it may be shown.' })),
  ),
  children: Type.Array(Type.Ref('Actor'), { description: 'In the order in which they start.' }),
};

/** What is told beside an actor where a process was asked for. */
interface OfProcess {
  readonly process?: string;
  readonly at?: number;
  readonly seenAgoMs?: number;
  readonly stale?: boolean;
}

/** An actor with all below it. */
export const ActorSchema = Type.Unsafe<ActorNode & OfProcess>(
  Type.Cyclic({ Actor: Type.Object(Node), ActorTree: Type.Object({ ...Node, ...REMOTE }) }, 'ActorTree'),
);

/** An actor with its past, and all below it. */
export const ActorDetailSchema = Type.Unsafe<ActorDetail & OfProcess>(
  Type.Cyclic(
    {
      Actor: Type.Object(Node),
      ActorDetail: Type.Object({
        ...Node,
        ...REMOTE,
        states: Type.Array(Stay, { description: 'Newest first, at most 32.' }),
        transitions: Type.Array(Transition, { description: 'Newest first, at most 64.' }),
        acts: Type.Optional(Type.Array(Offer, { description: 'What POST /api/acts would do with it as it is now.' })),
      }),
    },
    'ActorDetail',
  ),
);
