import type { ELK, ElkExtendedEdge, ElkNode, ElkPoint } from 'elkjs/lib/elk-api.js';
import type { ChartEdge, ChartState } from './chart.ts';
import { type Arrow, causeText, type Drawing, effectText } from './drawing.ts';
import { LINE_PX, NAME_PX, PADDING_PX, TEXT_PX, textWidth } from './text-size.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedState extends Box {
  readonly state: ChartState;
  /** How deep it lies: 0 for the machine itself. */
  readonly depth: number;
}

export interface PlacedArrow {
  readonly arrow: Arrow;
  /** Corners of its line, from its state to its target. */
  readonly points: readonly ElkPoint[];
  readonly label: Box;
}

/** Where everything of a drawing lies, in px from its upper left corner. Outer states come before those inside them. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly states: readonly PlacedState[];
  readonly arrows: readonly PlacedArrow[];
}

const GAP = 22;

/** Of all that is laid out together. Repeated further in, the order of the model makes ELK fail. */
const PAGE_OPTIONS = {
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.json.edgeCoords': 'ROOT',
  'elk.json.shapeCoords': 'ROOT',
};

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.spacing.nodeNodeBetweenLayers': String(GAP),
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '12',
  'elk.spacing.nodeNode': String(GAP),
  'elk.spacing.edgeNode': '16',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.edgeLabel': '4',
};

/**
 * Lays a drawing out.
 * @param elk the layout engine (https://eclipse.dev/elk/reference/algorithms/org-eclipse-elk-layered.html)
 */
export async function layOut(drawing: Drawing, elk: Pick<ELK, 'layout'>): Promise<Layout> {
  const graph: ElkNode = await elk.layout({
    id: 'page',
    layoutOptions: {
      ...PAGE_OPTIONS,
      ...OPTIONS,
      'elk.padding': `[top=${PADDING_PX},left=${PADDING_PX},bottom=${PADDING_PX},right=${PADDING_PX}]`,
    },
    children: [nodeOf(drawing.chart.root, drawing)],
    edges: edgesIn(drawing, undefined),
  });
  const nodes = new Map<string, ElkNode>();
  const edges = new Map<string, ElkExtendedEdge>();
  const collect = (node: ElkNode): void => {
    nodes.set(node.id, node);
    for (const edge of node.edges ?? []) edges.set(edge.id, edge);
    node.children?.forEach(collect);
  };
  collect(graph);
  const boxOf = (id: string): Box => {
    const { x = 0, y = 0, width = 0, height = 0 } = nodes.get(id) ?? {};
    return { x, y, width, height };
  };
  const states: PlacedState[] = [];
  const place = (state: ChartState, depth: number): void => {
    const box = boxOf(idOf(state.path));
    // ELK makes room for the states inside one, not for the text above them.
    states.push({ state, depth, ...box, width: Math.max(box.width, textSize(state, drawing).width) });
    for (const child of state.children) place(child, depth + 1);
  };
  place(drawing.chart.root, 0);
  return {
    width: graph.width ?? 0,
    height: graph.height ?? 0,
    states,
    arrows: drawing.arrows.map((arrow) => {
      const edge = edges.get(arrow.id);
      const { x = 0, y = 0, width = 0, height = 0 } = edge?.labels?.[0] ?? {};
      return { arrow, points: pointsOf(edge), label: { x, y, width, height } };
    }),
  };
}

/** A line of an arrow's text. */
export interface LabelLine {
  readonly edge: ChartEdge;
  readonly part: 'cause' | 'effect';
  readonly text: string;
}

/** @returns the lines of an arrow's text: for each transition what makes it happen, and what it does where it does anything */
export function labelLines({ edges }: Arrow): readonly LabelLine[] {
  return edges.flatMap((edge) => {
    const effect = effectText(edge);
    const cause = { edge, part: 'cause', text: causeText(edge) } as const;
    return effect === '' ? [cause] : [cause, { edge, part: 'effect', text: effect } as const];
  });
}

function textSize(state: ChartState, drawing: Drawing): Pick<Box, 'width' | 'height'> {
  const lines = drawing.lines.get(state.path) ?? [];
  const widths = [40, textWidth(state.key, NAME_PX), ...lines.map(({ text }) => textWidth(text, TEXT_PX))];
  return { width: 2 * PADDING_PX + Math.max(...widths), height: 2 * PADDING_PX - 4 + (1 + lines.length) * LINE_PX };
}

function nodeOf(state: ChartState, drawing: Drawing): ElkNode {
  const { width, height } = textSize(state, drawing);
  const first: Record<string, string> = state.initial ? { 'elk.layered.layering.layerConstraint': 'FIRST' } : {};
  if (state.children.length === 0) return { id: idOf(state.path), width, height, layoutOptions: first };
  return {
    id: idOf(state.path),
    layoutOptions: {
      ...OPTIONS,
      ...first,
      'elk.padding': `[top=${height + (state.type === 'parallel' ? 6 : 22)},left=${GAP},bottom=${GAP},right=${GAP}]`,
    },
    children: state.children.map((child) => nodeOf(child, drawing)),
    edges: edgesIn(drawing, state.path),
  };
}

/** @returns the arrows whose innermost common state is this one; undefined for those that none holds */
function edgesIn(drawing: Drawing, path: string | undefined): ElkExtendedEdge[] {
  return drawing.arrows
    .filter(({ from, to }) => commonState(from, to) === path)
    .map((arrow) => {
      const lines = labelLines(arrow);
      return {
        id: arrow.id,
        sources: [idOf(arrow.from)],
        targets: [idOf(arrow.to)],
        labels: [
          {
            text: lines.map(({ text }) => text).join('\n'),
            width: 2 * 6 + Math.max(...lines.map(({ text }) => textWidth(text, TEXT_PX))),
            height: lines.length * LINE_PX + 4,
            layoutOptions: { 'elk.edgeLabels.inline': 'true', 'elk.edgeLabels.placement': 'CENTER' },
          },
        ],
      };
    });
}

function commonState(one: string, other: string): string | undefined {
  // A state that leads to itself, or into itself, is held by the one around it.
  if (one === other) return parentOf(one);
  let at: string | undefined = one;
  while (at !== undefined && !(at === '' || other === at || other.startsWith(`${at}.`))) at = parentOf(at);
  return at;
}

function parentOf(path: string): string | undefined {
  if (path === '') return undefined;
  return path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : '';
}

/** ELK wants ids that are not empty. */
function idOf(path: string): string {
  return `state ${path}`;
}

function pointsOf(edge: ElkExtendedEdge | undefined): ElkPoint[] {
  return (edge?.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) => [startPoint, ...bendPoints, endPoint]);
}
