import type { Chart, ChartEdge, ChartState } from './chart.ts';

/** What stands in a state's box below its name. */
export interface BoxLine {
  readonly text: string;
  /** The transition that it tells of: one that stays where it is. */
  readonly edge: ChartEdge | undefined;
}

/** Transitions that lead from one state to another are one arrow, with a line of text for each. */
export interface Arrow {
  readonly id: string;
  /** Path of the state that has them; empty for the machine itself. */
  readonly from: string;
  readonly to: string;
  readonly edges: readonly ChartEdge[];
}

/** A chart, divided into what is drawn as a box and what as an arrow. */
export interface Drawing {
  readonly chart: Chart;
  readonly arrows: readonly Arrow[];
  /** By the path of the state. */
  readonly lines: ReadonlyMap<string, readonly BoxLine[]>;
}

/**
 * Decides what of a chart is an arrow: every transition that leads out of its state, or back to it. Those that stay are lines in their state's box, and
 * so are those that lead further in: they are taken from anywhere in it.
 */
export function drawingOf(chart: Chart): Drawing {
  const arrows = new Map<string, Arrow>();
  const lines = new Map<string, BoxLine[]>();
  const eachState = (state: ChartState): void => {
    lines.set(state.path, ownLines(state));
    state.children.forEach(eachState);
  };
  eachState(chart.root);
  for (const edge of chart.edges) {
    const from = placeOf(edge.from);
    const targets = edge.to.map(placeOf).filter((to) => !isInside(to, from));
    if (targets.length === 0) lines.get(from)?.push({ text: lineText(edge), edge });
    for (const to of targets) {
      const id = `${from} → ${to}`;
      arrows.set(id, { id, from, to, edges: [...(arrows.get(id)?.edges ?? []), edge] });
    }
  }
  return { chart, arrows: [...arrows.values()], lines };
}

/** @returns what makes a transition happen: `LINK_DOWN [isCurrent]` */
export function causeText({ label, guard }: ChartEdge): string {
  return guard === undefined ? label : `${label} [${guard}]`;
}

/** @returns what it does on its way: `/ keepError`; empty where that is nothing */
export function effectText({ actions = [] }: ChartEdge): string {
  return actions.length === 0 ? '' : `/ ${actions.join(', ')}`;
}

/** @returns a transition in a line: `LINK_DOWN [isCurrent] / keepError` */
function lineText(edge: ChartEdge): string {
  const leads = edge.to.length > 0 ? `→ ${edge.to.map(placeOf).join(', ')}` : '';
  const parts = [causeText(edge), leads, effectText(edge)].filter((part) => part !== '');
  return parts.length === 1 ? `${causeText(edge)} / –` : parts.join(' ');
}

function ownLines({ entry, exit, invokes }: ChartState): BoxLine[] {
  const line = (text: string): BoxLine => ({ text, edge: undefined });
  return [
    ...entry.map((action) => line(`entry / ${action}`)),
    ...exit.map((action) => line(`exit / ${action}`)),
    ...invokes.map(({ src }) => line(`runs ${src}`)),
  ];
}

function isInside(path: string, outer: string): boolean {
  return path !== outer && (outer === '' || path.startsWith(`${outer}.`));
}

/** An edge names the machine itself by its id. */
function placeOf(name: string): string {
  return name.startsWith('#') ? '' : name;
}
