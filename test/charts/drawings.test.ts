import Elk from 'elkjs/lib/elk.bundled.js';
import type { ELK } from 'elkjs/lib/elk-api.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { MACHINES } from '../../src/charts/catalogue.ts';
import { type ChartState, chartOf, edgeKey } from '../../src/charts/chart.ts';
import { drawingOf } from '../../src/charts/drawing.ts';
import { type Box, type Layout, layOut } from '../../src/charts/layout.ts';
import { svgOf } from '../../src/charts/svg.ts';

// Its types do not know that it is a CommonJS module.
const elk = new (Elk as unknown as new () => ELK)();

describe.each(MACHINES.map(({ machine }) => [machine.id, machine] as const))('the chart of %s', (_, machine) => {
  const chart = chartOf(machine);
  const drawing = drawingOf(chart);
  let layout: Layout;
  let svg: string;
  beforeAll(async () => {
    layout = await layOut(drawing, elk);
    svg = svgOf(drawing, layout);
  });

  it('shows each state once', () => {
    const paths = (state: ChartState): string[] => [state.path, ...state.children.flatMap(paths)];
    expect(attributes(svg, 'data-state')).toEqual(paths(chart.root));
    expect(attributes(svg, 'data-words')).toEqual(paths(chart.root));
  });

  it('tells of each transition once, under the name that an actor’s history has for it', () => {
    const keys = chart.edges.map(edgeKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(attributes(svg, 'data-edge').sort()).toEqual([...keys].sort());
    // Every arrow has its words, and no arrow is of a transition that is not there.
    expect(
      attributes(svg, 'data-edges')
        .flatMap((all) => all.split('|'))
        .filter((key) => !keys.includes(key)),
    ).toEqual([]);
  });

  it('lets no two boxes meet, and nothing stand outside of what it is in', () => {
    const boxes = new Map(layout.states.map((placed) => [placed.state.path, placed]));
    const page = { x: 0, y: 0, width: layout.width, height: layout.height };
    for (const { state, ...box } of layout.states) {
      const around = state.path === '' ? page : boxes.get(state.path.split('.').slice(0, -1).join('.'));
      expect(around && holds(around, box), `${state.path} lies in what is around it`).toBe(true);
      const siblings = state.children.map(({ path }) => boxes.get(path)).filter((one) => one !== undefined);
      for (const [at, one] of siblings.entries())
        for (const other of siblings.slice(at + 1))
          expect(meet(one, other), `${one.state.path} and ${other.state.path}`).toBe(false);
    }
    const atoms = layout.states.filter(({ state }) => state.children.length === 0);
    for (const [at, { arrow, label }] of layout.arrows.entries()) {
      expect(label.width, `the words of ${arrow.id}`).toBeGreaterThan(0);
      for (const box of atoms) expect(meet(label, box), `the words of ${arrow.id} and ${box.state.path}`).toBe(false);
      for (const other of layout.arrows.slice(at + 1))
        expect(meet(label, other.label), `${arrow.id} and ${other.arrow.id}`).toBe(false);
    }
  });

  it('leads each arrow from its state to its target', () => {
    const boxes = new Map(layout.states.map((placed) => [placed.state.path, placed]));
    for (const { arrow, points } of layout.arrows) {
      const [first, last] = [points[0], points.at(-1)];
      expect(first && onEdge(boxes.get(arrow.from), first), `${arrow.id} begins`).toBe(true);
      expect(last && onEdge(boxes.get(arrow.to), last), `${arrow.id} ends`).toBe(true);
    }
  });

  it('is the same each time', async () => {
    expect(svgOf(drawing, await layOut(drawingOf(chartOf(machine)), elk))).toBe(svg);
  });
});

function attributes(svg: string, name: string): string[] {
  const plain = (text: string): string =>
    text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  return [...svg.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value]) => plain(value ?? ''));
}

function holds(outer: Box, inner: Box): boolean {
  const { x, y, width, height } = inner;
  return x >= outer.x && y >= outer.y && x + width <= outer.x + outer.width + 0.5 && y + height <= outer.y + outer.height + 0.5;
}

function meet(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height
  );
}

function onEdge(box: Box | undefined, { x, y }: { readonly x: number; readonly y: number }): boolean {
  if (!box) return false;
  const near = (one: number, other: number): boolean => Math.abs(one - other) < 1.5;
  const inX = x >= box.x - 1.5 && x <= box.x + box.width + 1.5;
  const inY = y >= box.y - 1.5 && y <= box.y + box.height + 1.5;
  return (inX && (near(y, box.y) || near(y, box.y + box.height))) || (inY && (near(x, box.x) || near(x, box.x + box.width)));
}
