import type { ElkPoint } from 'elkjs/lib/elk-api.js';
import { type EdgeKind, edgeKey } from './chart.ts';
import type { Arrow, BoxLine, Drawing } from './drawing.ts';
import { type Layout, labelLines, type PlacedArrow, type PlacedState } from './layout.ts';
import { LINE_PX, NAME_PX, PADDING_PX, TEXT_PX } from './text-size.ts';

const KINDS: readonly EdgeKind[] = ['event', 'after', 'always', 'done', 'error'];
/** Radius of a line's corners, in px. */
const CORNER_PX = 6;

/**
 * Draws a chart that was laid out.
 *
 * States carry `data-state` with their path, transitions `data-edge` with their `edgeKey`: whoever shows a living machine gives them the classes
 * `active` and `taken`. Colours come from {@link CHART_STYLE}, which goes by what the reader prefers, dark or light.
 * @returns an SVG document without scripts and without a style of its own
 */
export function svgOf({ chart, lines }: Drawing, layout: Layout): string {
  const { width, height, states, arrows } = layout;
  const title = `State chart of ${chart.id}`;
  const described = `${states.length - 1} states, ${chart.edges.length} transitions, version ${chart.version}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="group" aria-label="${escaped(title)}" data-machine="${escaped(chart.id)}" data-version="${chart.version}">`,
    `<title>${escaped(title)}</title><desc>${escaped(described)}</desc>`,
    `<defs>${KINDS.map((kind) => arrowHead(chart.id, kind)).join('')}${arrowHead(chart.id, 'begin')}</defs>`,
    ...states.map((placed) => stateBox(placed)),
    ...arrows.map((placed) => arrowLine(placed, chart.id)),
    ...states.filter(({ state }) => state.initial && state.path !== '').map((placed) => beginning(placed, chart.id)),
    ...states.map((placed) => stateText(placed, lines.get(placed.state.path) ?? [])),
    ...arrows.map(arrowLabel),
    '</svg>\n',
  ].join('\n');
}

function stateBox({ state, depth, x, y, width, height }: PlacedState): string {
  const classes = ['state', state.type, `depth-${Math.min(depth, 3)}`].join(' ');
  const rect = (inset: number, extra = ''): string =>
    `<rect${extra} x="${round(x + inset)}" y="${round(y + inset)}" width="${round(width - 2 * inset)}" height="${round(height - 2 * inset)}" rx="${8 - inset}"/>`;
  const name = state.path === '' ? state.key : state.path;
  const inner = state.type === 'final' ? rect(3, ' class="inner"') : '';
  return `<g class="${classes}" data-state="${escaped(state.path)}" role="img" aria-label="${escaped(`${name}${said(state.type)}`)}">${rect(0)}${inner}</g>`;
}

function said(type: string): string {
  return type === 'final' || type === 'parallel' ? `, ${type}` : '';
}

function stateText({ state, x, y, width }: PlacedState, lines: readonly BoxLine[]): string {
  const left = round(x + PADDING_PX);
  const top = y + PADDING_PX + NAME_PX - 2;
  const region =
    state.type === 'parallel'
      ? `<text class="mark" x="${round(x + width - PADDING_PX)}" y="${round(top)}" text-anchor="end">parallel</text>`
      : '';
  const texts = lines.map(({ text, edge }, index) => {
    const data = edge ? ` class="inside ${edge.kind}" data-edge="${escaped(edgeKey(edge))}"` : ' class="does"';
    return `<text${data} x="${left}" y="${round(top + (index + 1) * LINE_PX)}" font-size="${TEXT_PX}">${escaped(text)}</text>`;
  });
  return `<g class="words" data-words="${escaped(state.path)}"><text class="name" x="${left}" y="${round(top)}" font-size="${NAME_PX}">${escaped(state.key)}</text>${region}${texts.join('')}</g>`;
}

function arrowLine({ arrow, points }: PlacedArrow, machine: string): string {
  const kind = kindOf(arrow);
  const keys = arrow.edges.map(edgeKey).map(escaped).join('|');
  return `<path class="edge ${kind}" data-edges="${keys}" d="${pathOf(points)}" marker-end="url(#${machine}-${kind})"/>`;
}

/** Where an arrow stands for transitions of several kinds it is drawn as the plain one; its text tells them apart. */
function kindOf({ edges: [first, ...others] }: Arrow): EdgeKind {
  return first && others.every(({ kind }) => kind === first.kind) ? first.kind : 'event';
}

function arrowLabel({ arrow, label }: PlacedArrow): string {
  const { x, y, width } = label;
  const lines = labelLines(arrow);
  const rows = lines.map(({ edge, part, text }, index) => {
    const top = y + 2 + index * LINE_PX;
    const words = `<text class="${part}" x="${round(x + 6)}" y="${round(top + TEXT_PX)}" font-size="${TEXT_PX}">${escaped(text)}</text>`;
    return { edge, top, words };
  });
  const groups = arrow.edges.map((edge) => {
    const own = rows.filter((row) => row.edge === edge);
    const top = (own[0]?.top ?? 0) - 2;
    const back = `<rect x="${round(x)}" y="${round(top)}" width="${round(width)}" height="${own.length * LINE_PX + 3}" rx="4"/>`;
    return `<g class="label ${edge.kind}" data-edge="${escaped(edgeKey(edge))}">${back}${own.map(({ words }) => words).join('')}</g>`;
  });
  return groups.join('');
}

/** A dot above the state that is entered first. */
function beginning({ x, y }: PlacedState, machine: string): string {
  const [left, top] = [round(x + 16), round(y - 15)];
  return `<g class="beginning" aria-hidden="true"><circle cx="${left}" cy="${top}" r="4.5"/><path d="M${left} ${top}V${round(y)}" marker-end="url(#${machine}-begin)"/></g>`;
}

function arrowHead(machine: string, kind: string): string {
  return `<marker id="${machine}-${kind}" class="head ${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 .5 8 4 0 7.5z"/></marker>`;
}

/** @returns a line with round corners through these points */
function pathOf(points: readonly ElkPoint[]): string {
  const [first, ...others] = points;
  if (!first) return '';
  const parts = [`M${round(first.x)} ${round(first.y)}`];
  others.forEach((point, index) => {
    const [before, next] = [points[index], others[index + 1]];
    if (!before || !next) {
      parts.push(`L${round(point.x)} ${round(point.y)}`);
      return;
    }
    const [start, end] = [towards(point, before), towards(point, next)];
    parts.push(`L${round(start.x)} ${round(start.y)}Q${round(point.x)} ${round(point.y)} ${round(end.x)} ${round(end.y)}`);
  });
  return parts.join('');
}

/** @returns the point on the way from a corner to another point at which its rounding begins */
function towards(corner: ElkPoint, other: ElkPoint): ElkPoint {
  const distance = Math.hypot(other.x - corner.x, other.y - corner.y);
  const part = distance === 0 ? 0 : Math.min(CORNER_PX, distance / 2) / distance;
  return { x: corner.x + (other.x - corner.x) * part, y: corner.y + (other.y - corner.y) * part };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
