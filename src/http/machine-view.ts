import type { CataloguedChart } from '../charts/library.ts';
import { Type } from './typebox.ts';

/** What there is to know of a machine at a glance. */
export const MachineListSchema = Type.Object({
  machines: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Its name: GET /api/machines/NAME.' }),
      version: Type.String({ description: 'Another structure has another one.' }),
      purpose: Type.String({ description: 'What it is for, in a sentence.' }),
      states: Type.Integer({ description: 'How many it has.' }),
      transitions: Type.Integer({ description: 'How many it has.' }),
    }),
  ),
});

const Invoke = Type.Object({ src: Type.String(), id: Type.String() });

const State = Type.Object({
  path: Type.String({ description: 'E.g. authenticated.service.live; empty for the machine itself.' }),
  key: Type.String({ description: 'The last part of its path.' }),
  type: Type.Enum(['atomic', 'compound', 'parallel', 'final', 'history']),
  initial: Type.Boolean({ description: 'The state around it enters it by itself.' }),
  entry: Type.Array(Type.String(), { description: 'Actions when it is entered.' }),
  exit: Type.Array(Type.String(), { description: 'Actions when it is left.' }),
  invokes: Type.Array(Invoke, { description: 'What runs as long as it is active.' }),
  children: Type.Array(Type.Ref('State')),
});

const Edge = Type.Object({
  from: Type.String({ description: 'As in the transitions of an actor: GET /api/state/PATH.' }),
  to: Type.Array(Type.String()),
  on: Type.String(),
  branch: Type.Integer(),
  guard: Type.Optional(Type.String()),
  actions: Type.Optional(Type.Array(Type.String())),
  kind: Type.Enum(['event', 'after', 'always', 'done', 'error'], {
    description: 'What takes it: an event, a time, nothing at all, or the end of what is invoked.',
  }),
  label: Type.String({ description: 'For people.' }),
  reenters: Type.Boolean({ description: 'Its state is left and entered anew.' }),
});

/** A machine's structure. */
export const ChartSchema = Type.Unsafe<CataloguedChart>(
  Type.Cyclic(
    {
      State,
      Chart: Type.Object({
        id: Type.String(),
        version: Type.String(),
        purpose: Type.String(),
        root: Type.Ref('State'),
        edges: Type.Array(Edge),
        delays: Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]), {
          description: 'In ms; null where it depends.',
        }),
      }),
    },
    'Chart',
  ),
);
