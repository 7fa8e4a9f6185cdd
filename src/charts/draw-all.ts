import type { ELK } from 'elkjs/lib/elk-api.js';
import { MACHINES } from './catalogue.ts';
import { chartOf } from './chart.ts';
import { standAlone } from './chart-style.ts';
import { drawingOf } from './drawing.ts';
import { layOut } from './layout.ts';
import { svgOf } from './svg.ts';

/** Part of the build. @returns an SVG document of each machine, by its id */
export async function drawAll(elk: Pick<ELK, 'layout'>): Promise<ReadonlyMap<string, string>> {
  const drawn = new Map<string, string>();
  for (const { machine } of MACHINES) {
    const drawing = drawingOf(chartOf(machine));
    drawn.set(machine.id, standAlone(svgOf(drawing, await layOut(drawing, elk))));
  }
  return drawn;
}
