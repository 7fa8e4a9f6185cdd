import { describe, expect, it } from 'vitest';
import { and, createMachine } from 'xstate';
import { chartOf } from '../../src/charts/chart.ts';
import { drawingOf } from '../../src/charts/drawing.ts';
import { mermaidOf } from '../../src/charts/mermaid.ts';

const lamp = () =>
  createMachine({
    id: 'lamp',
    initial: 'off',
    on: { SMASH: '.broken', 'power.back': { actions: 'note' } },
    states: {
      off: { exit: 'click', on: { PRESS: [{ guard: and(['hasPower', 'hasBulb']), target: 'on', actions: 'count' }, {}] } },
      on: {
        entry: ['click', 'glow'],
        type: 'parallel',
        invoke: { src: 'burn', onDone: 'off', onError: 'broken' },
        after: { evening: { target: 'off' }, 500: { target: 'on', reenter: true } },
        states: { light: {}, heat: { always: { guard: 'isHot', actions: 'hum' } } },
      },
      broken: { type: 'final' },
    },
  } as never);

describe('a chart', () => {
  it('has the states with what they do, and what makes each transition happen', () => {
    const { root, edges } = chartOf(lamp());
    expect(
      root.children.map(({ path, type, initial, entry, invokes }) => ({
        path,
        type,
        initial,
        entry,
        runs: invokes.map(({ src }) => src),
      })),
    ).toEqual([
      { path: 'off', type: 'atomic', initial: true, entry: [], runs: [] },
      { path: 'on', type: 'parallel', initial: false, entry: ['click', 'glow'], runs: ['burn'] },
      { path: 'broken', type: 'final', initial: false, entry: [], runs: [] },
    ]);
    expect(edges.map(({ from, kind, label, to, guard }) => [from, kind, label, to.join(), guard ?? ''].join(' | '))).toEqual([
      '#lamp | event | SMASH | broken | ',
      '#lamp | event | power.back |  | ',
      'off | event | PRESS | on | hasPower and hasBulb',
      'off | event | PRESS |  | ',
      'on | done | burn done | off | ',
      'on | error | burn fails | broken | ',
      'on | after | after 500 ms | on | ',
      'on | after | after evening | off | ',
      'on.heat | always | always |  | isHot',
    ]);
    expect(edges.filter(({ reenters }) => reenters).map(({ label }) => label)).toEqual(['after 500 ms']);
  });

  it('has a version that goes with its structure, and with nothing else', () => {
    expect(chartOf(lamp()).version).toBe(chartOf(lamp()).version);
    const other = createMachine({ id: 'lamp', initial: 'off', states: { off: {} } });
    expect(chartOf(other).version).not.toBe(chartOf(lamp()).version);
  });

  it('is drawn with what stays as lines, what leads on as arrows, and one arrow from one state to another', () => {
    const { arrows, lines } = drawingOf(chartOf(lamp()));
    expect(arrows.map(({ from, to, edges }) => `${from} > ${to}: ${edges.map(({ label }) => label).join(', ')}`)).toEqual([
      'off > on: PRESS',
      'on > off: burn done, after evening',
      'on > broken: burn fails',
      'on > on: after 500 ms',
    ]);
    expect([...lines].map(([path, all]) => [path, all.map(({ text }) => text)])).toEqual([
      ['', ['SMASH → broken', 'power.back / note']],
      ['off', ['exit / click', 'PRESS / –']],
      ['on', ['entry / click', 'entry / glow', 'runs burn']],
      ['on.light', []],
      ['on.heat', ['always [isHot] / hum']],
      ['broken', []],
    ]);
  });

  it('is written as Mermaid has it', () => {
    expect(mermaidOf(chartOf(lamp()))).toBe(`stateDiagram-v2
  [*] --> off
  state "off" as off
  state "on" as on {
    state "light" as on_light
    --
    state "heat" as on_heat
  }
  state "broken" as broken
  broken --> [*]
  off --> on: PRESS [hasPower and hasBulb] / count
  on --> off: burn done
  on --> off: after evening
  on --> broken: burn fails
  on --> on: after 500 ms
  note right of off
    lamp꞉
    SMASH → broken
    power.back / note
  end note
  note right of off
    exit / click
    PRESS / –
  end note
  note right of on
    entry / click
    entry / glow
    runs burn
  end note
  note right of on_heat
    always [isHot] / hum
  end note
`);
  });
});
