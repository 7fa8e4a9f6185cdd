import { figure } from './report.ts';

/** What is meant to be reached. */
export interface Aim {
  /** What is compared, for people. */
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit?: string;
}

/** @returns a line that says whether it was reached; nothing where it was not measured */
function aimLine({ what, value, atLeast, atMost, unit = '' }: Aim): string {
  if (Number.isNaN(value)) return '';
  const isMet = (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
  const limit = atLeast === undefined ? `≤ ${figure(atMost ?? Number.NaN)}` : `≥ ${figure(atLeast)}`;
  return `- ${what}: aim ${limit}${unit}: ${isMet ? 'met' : '**missed**'} (${figure(value)}${unit}).`;
}

/** @returns the lines of all that were measured, with a heading; nothing where none was */
export function aimText(aims: readonly Aim[]): string {
  const lines = aims.map(aimLine).filter((line) => line !== '');
  return lines.length === 0 ? '' : `\n\nAims:\n\n${lines.join('\n')}`;
}
