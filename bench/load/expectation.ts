import type { HttpAnswer } from './http-connection.ts';

/** What every answer of a load has to be. */
export interface Expectation {
  readonly status: number;
  /** What stands in the headers, in lower case. */
  readonly header?: string;
  /** What stands in the body. */
  readonly text?: string;
  /** The body's length. */
  readonly bytes?: number;
}

/** @throws Error that says what came instead */
export function check({ status, header, text, bytes }: Expectation, answer: HttpAnswer): void {
  const fits =
    answer.status === status &&
    (header === undefined || answer.head.toLowerCase().includes(header)) &&
    (bytes === undefined || answer.body.length === bytes) &&
    (text === undefined || answer.body.includes(text));
  if (fits) return;
  const wanted = JSON.stringify({ status, header, text, bytes });
  throw new Error(
    `an answer is not ${wanted}:\n${answer.head}\n\n${answer.body.toString().slice(0, 300)} (${answer.body.length} bytes)`,
  );
}
