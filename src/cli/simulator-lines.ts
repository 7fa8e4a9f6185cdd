import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ControlOp, ControlOps } from '../simulator/control.ts';
import type { Simulator } from '../simulator/simulator.ts';

/**
 * The control protocol for people and for programs in any language: one JSON object a line, `{"op": "post", "channel": "news", "text": "hello"}`, is
 * done, in order, and answered by one line, `{"op": "post", "ok": true, "result": …}` or `{"op": …, "ok": false, "error": "in words"}`. The end
 * of the input ends nothing.
 */
export function serveLines(simulator: Pick<Simulator, 'control'>, input: Readable, answer: (line: string) => void): void {
  let before: Promise<void> = Promise.resolve();
  createInterface({ input }).on('line', (line) => {
    if (line.trim() === '') return;
    before = before.then(async () => answer(JSON.stringify(await done(simulator, line))));
  });
}

async function done(simulator: Pick<Simulator, 'control'>, line: string): Promise<object> {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    request = undefined;
  }
  if (typeof request !== 'object' || request === null || !('op' in request)) {
    return { op: null, ok: false, error: 'a line is a JSON object with an "op", as {"op": "channels"}' };
  }
  const { op } = request;
  try {
    const result = await simulator.control(request as { op: ControlOp } & ControlOps[ControlOp]['request']);
    return { op, ok: true, result };
  } catch (error) {
    return { op, ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
