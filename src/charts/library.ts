import { readFile } from 'node:fs/promises';
import { VigiliaError } from '../errors.ts';
import { MACHINES } from './catalogue.ts';
import { type Chart, chartOf } from './chart.ts';
import { mermaidOf } from './mermaid.ts';

/** Where the build puts the drawings, beside this file. */
export const DRAWINGS = new URL('./drawings/', import.meta.url);

/** A machine's chart, and what the machine is for. */
export interface CataloguedChart extends Chart {
  readonly purpose: string;
}

/** The charts of all machines. */
export interface Charts {
  /** In the order in which somebody new would look at them. */
  list(): readonly CataloguedChart[];
  find(id: string): CataloguedChart | undefined;
  /** @returns its drawing, with its style in it @throws INTERNAL where the build has not drawn this structure */
  svg(chart: Chart): Promise<string>;
  mermaid(chart: Chart): string;
}

/**
 * Opens the charts. They are laid out when the program is built, so that showing one costs no more than reading its file.
 * @param folder where the drawings are
 */
export function openCharts(folder: URL): Charts {
  const charts = new Map(MACHINES.map(({ machine, purpose }) => [machine.id, { ...chartOf(machine), purpose }]));
  const drawings = new Map<string, Promise<string>>();
  const read = async ({ id, version }: Chart): Promise<string> => {
    const svg = await readFile(new URL(`${id}.svg`, folder), 'utf8').catch((cause: unknown) => {
      throw new VigiliaError('INTERNAL', `the machine ${id} is not drawn: npm run build does it`, { cause });
    });
    if (svg.includes(`data-version="${version}"`)) return svg;
    throw new VigiliaError('INTERNAL', `the drawing of the machine ${id} is of another version: npm run build renews it`);
  };
  return {
    list: () => [...charts.values()],
    find: (id) => charts.get(id),
    svg(chart) {
      const drawing = drawings.get(chart.id) ?? read(chart);
      drawings.set(chart.id, drawing);
      drawing.catch(() => drawings.delete(chart.id));
      return drawing;
    },
    mermaid: mermaidOf,
  };
}
