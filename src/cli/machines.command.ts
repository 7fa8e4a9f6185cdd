import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DRAWINGS, openCharts } from '../charts/library.ts';
import { EXIT } from './exit-codes.ts';
import { say } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** `vigilia machines [--svg DIR]`. @returns the exit code */
export async function showMachines(args: readonly string[]): Promise<number> {
  const charts = openCharts(DRAWINGS);
  if (args.length === 0) {
    for (const { id, purpose } of charts.list()) say(`${id.padEnd(12)}${purpose}`);
    return EXIT.ok;
  }
  const [option, folder, ...more] = args;
  if (option !== '--svg' || folder === undefined || more.length > 0)
    throw new UsageError('vigilia machines takes nothing, or --svg and the folder to write the drawings to');
  await mkdir(folder, { recursive: true });
  for (const chart of charts.list()) {
    const file = join(folder, `${chart.id}.svg`);
    await writeFile(file, await charts.svg(chart));
    say(file);
  }
  return EXIT.ok;
}
