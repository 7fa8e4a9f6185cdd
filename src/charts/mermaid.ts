import type { Chart, ChartState } from './chart.ts';
import { causeText, drawingOf, effectText } from './drawing.ts';

/**
 * A chart as text of Mermaid's state diagrams, for documents that can show them. It says less than the drawing: Mermaid knows neither transitions of
 * the whole machine nor those that stay where they are; they stand in notes.
 * @see https://mermaid.js.org/syntax/stateDiagram.html
 */
export function mermaidOf(chart: Chart): string {
  const { arrows, lines } = drawingOf(chart);
  const out = ['stateDiagram-v2'];
  const write = (state: ChartState, indent: string): void => {
    const nested = state.children.length > 0;
    out.push(`${indent}state "${state.key}" as ${idOf(state.path)}${nested ? ' {' : ''}`);
    if (nested) writeAll(state, `${indent}  `);
    if (nested) out.push(`${indent}}`);
  };
  const writeAll = (parent: ChartState, indent: string): void => {
    parent.children.forEach((child, index) => {
      if (parent.type === 'parallel' && index > 0) out.push(`${indent}--`);
      if (parent.type === 'compound' && child.initial) out.push(`${indent}[*] --> ${idOf(child.path)}`);
      write(child, indent);
      if (child.type === 'final') out.push(`${indent}${idOf(child.path)} --> [*]`);
    });
  };
  writeAll(chart.root, '  ');
  const text = (of: string): string => of.replaceAll(':', '꞉').replaceAll(';', ',');
  for (const { from, to, edges } of arrows) {
    for (const edge of edges)
      out.push(`  ${idOf(from)} --> ${idOf(to)}: ${text(`${causeText(edge)} ${effectText(edge)}`.trim())}`);
  }
  const notes = [...lines].map(([path, all]) => [path, all.map((line) => line.text)] as const);
  const first = chart.root.children[0];
  for (const [path, all] of notes) {
    const at = path === '' ? first?.path : path;
    if (all.length === 0 || at === undefined) continue;
    const whose = path === '' ? [`${chart.id}:`] : [];
    out.push(`  note right of ${idOf(at)}`, ...[...whose, ...all].map((line) => `    ${text(line)}`), '  end note');
  }
  return `${out.join('\n')}\n`;
}

/** Mermaid's ids are words. */
function idOf(path: string): string {
  return path.replaceAll(/[^A-Za-z0-9]/g, '_');
}
