import { isBusy, type Machine } from './machine.ts';
import type { Spread } from './statistics.ts';

/** A table's column: its heading, and whether its cells are numbers. */
export interface Column {
  readonly heading: string;
  readonly numeric: boolean;
}

/** @returns a Markdown table. @throws RangeError when a row has more or fewer cells than there are columns */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => {
    if (cells.length !== columns.length)
      throw new RangeError(`${cells.length} cells for ${columns.length} columns: ${cells.join(', ')}`);
    return `| ${cells.join(' | ')} |`;
  };
  return [
    line(columns.map(({ heading }) => heading)),
    `|${columns.map(({ numeric }) => (numeric ? '---:' : '---')).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}

/** A number for people: three significant digits, thousands apart from 10,000 on; an en dash where there is none. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** A median, with the extremes behind it. */
export function spreadText({ median, min, max }: Spread): string {
  if (!Number.isFinite(median)) return '–';
  return `${figure(median)} (${figure(min)}–${figure(max)})`;
}

/** A ratio with two decimals, and its extremes. */
export function ratioText({ median, min, max }: Spread): string {
  return `**${median.toFixed(2)}** (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** @param bytes @returns in MB (10⁶ bytes) */
export function megabytes(bytes: number): number {
  return bytes / 1e6;
}

/** The paragraph that says where it was measured. @param also further software and its version */
export function machineText(machine: Machine, also: readonly string[]): string {
  const { cpu, cores, memoryBytes, os, node, date, loadBefore } = machine;
  const memory = `${(memoryBytes / 2 ** 30).toFixed(0)} GiB`;
  const words = [`${cpu}, ${cores} cores, ${memory}`, os, `Node ${node}`, ...also, date].join('; ');
  const load = `Load average before: ${loadBefore.toFixed(2)}${isBusy(machine) ? ': **the machine was busy, these figures are worth less**' : ''}.`;
  return `${words}. ${load}`;
}
