import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stateName } from '../../src/actors/state-name.ts';
import { activeStates } from '../../src/console/active-states.ts';
import { eventParser, type ServerEvent } from '../../src/console/event-parser.ts';
import { merged } from '../../src/console/heard-transitions.ts';
import { hrefOf, placeOf } from '../../src/console/place.ts';
import type { ActorDetail, Transition } from '../../src/console/shapes.ts';

describe('the states that a chart lights', () => {
  it('are those of the machine’s state, with all around them', () => {
    expect([...activeStates('authenticated(heartbeat.waiting, service.live)')]).toEqual([
      '',
      'authenticated',
      'authenticated.heartbeat',
      'authenticated.heartbeat.waiting',
      'authenticated.service',
      'authenticated.service.live',
    ]);
    expect([...activeStates('connecting.opening')]).toEqual(['', 'connecting', 'connecting.opening']);
  });

  it('are found for whatever state a machine may have, as the gateway writes it', () => {
    const key = fc.stringMatching(/^[a-z][a-z-]{0,8}$/);
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        key,
        fc.dictionary(key, tie('value'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
      ),
    }));
    const paths = (of: unknown, outer: string): string[] =>
      typeof of === 'string'
        ? [outer === '' ? of : `${outer}.${of}`]
        : Object.entries(of as object).flatMap(([name, inner]) => {
            const path = outer === '' ? name : `${outer}.${name}`;
            return [path, ...paths(inner, path)];
          });
    fc.assert(
      fc.property(value, (state) => {
        expect([...activeStates(stateName(state))].sort()).toEqual([...new Set(['', ...paths(state, '')])].sort());
      }),
    );
  });
});

describe('a stream of events', () => {
  const stream =
    'retry: 1000\nid: 41\n\nid: 42\r\nevent: message.new\ndata: {"a":1}\ndata: {"b":2}\n\n: a comment\n\ndata:plain\n\n';
  const events: ServerEvent[] = [
    { id: '41', event: 'message', data: '' },
    { id: '42', event: 'message.new', data: '{"a":1}\n{"b":2}' },
    { id: '', event: 'message', data: 'plain' },
  ];

  it('is read alike in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length }), { maxLength: 12 }), (cuts) => {
        const seen: ServerEvent[] = [];
        const parse = eventParser((event) => seen.push(event));
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        at.slice(1).forEach((end, index) => {
          parse(stream.slice(at[index], end));
        });
        expect(seen).toEqual(events);
      }),
    );
  });
});

describe('an address of the page', () => {
  it('leads where it says, and anything else to the overview', () => {
    expect(placeOf(hrefOf('system', 'root/accounts/a b/connection'))).toEqual({
      view: 'system',
      what: 'root/accounts/a b/connection',
    });
    expect(placeOf('#/jobs')).toEqual({ view: 'jobs', what: '' });
    for (const hash of ['', '#', '#/telegram-gateway', '#/nothing/there'])
      expect(placeOf(hash)).toEqual({ view: 'overview', what: '' });
  });
});

describe('what was heard of an actor since it was asked for', () => {
  const transition = (number: number, state: string, at = number): Transition => ({
    number,
    at,
    incarnation: number > 4 ? 2 : 1,
    event: 'E',
    raised: false,
    rejected: false,
    failed: false,
    edges: [],
    state,
  });
  const actor: ActorDetail = {
    path: 'root/a',
    kind: 'connection',
    state: 'resting',
    since: 1,
    incarnation: 1,
    restarts: 0,
    events: { handled: 3, rejected: 0, perSecond: 0 },
    children: [],
    transitions: [transition(3, 'resting'), transition(2, 'racing')],
  };

  it('comes before what it did by then, each once, and says where it is now', () => {
    const shown = merged(actor, [transition(5, 'racing'), transition(4, 'resting'), transition(3, 'resting')]);
    expect(shown.transitions.map(({ number }) => number)).toEqual([5, 4, 3, 2]);
    expect(shown).toMatchObject({ state: 'racing', since: 5, incarnation: 2 });
  });

  it('is nothing where all of it was known, or is of an actor of this name that was forgotten', () => {
    expect(merged(actor, [])).toBe(actor);
    expect(merged(actor, [transition(3, 'racing')])).toBe(actor);
    expect(merged({ ...actor, transitions: [transition(1, 'resting', 90)] }, [transition(40, 'racing')]).state).toBe('resting');
  });
});
