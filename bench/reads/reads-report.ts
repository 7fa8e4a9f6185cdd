import { aimText } from '../harness/aim.ts';
import type { Machine } from '../harness/machine.ts';
import { figure, machineText } from '../harness/report.ts';
import type { Measured } from '../harness/rounds.ts';
import type { LoadPlan, ServerSample } from '../load/measure-server.ts';
import { ratioBetween, serverTable, steadyP99 } from '../load/server-table.ts';

/** All that the section says. */
export interface ReadsResults {
  readonly machine: Machine;
  readonly plan: LoadPlan;
  readonly rounds: number;
  readonly servers: readonly string[];
  /** Of an answer's body. */
  readonly bytes: number;
  readonly channels: number;
  /** Messages in an answer. */
  readonly limit: number;
  /** Names of the peers that the aims compare. */
  readonly reference: string;
  readonly vigilia: string;
  readonly measured: readonly Measured<ServerSample>[];
}

const RATIO_AIM = 0.8;
const P99_AIM_MS = 5;

/** @returns the section's text */
export function readsReport(results: ReadsResults): string {
  const { machine, plan, rounds, servers, bytes, channels, limit, reference, vigilia, measured } = results;
  const { connections, seconds, perSecond, warmUpSeconds } = plan;
  return `## Cached reads

${machineText(machine, servers)}

\`GET …/channels/:id/messages?limit=${limit}\` of ${channels} channels in turn, whose windows are in Redis; ${figure(bytes)} bytes an answer, over ${connections} \
connections. First as fast as each is answered (${seconds} s after ${warmUpSeconds} s of warm-up), then ${figure(perSecond)} a second for ${seconds} s, evenly, each timed \
from when it was due. ${rounds} interleaved round${rounds === 1 ? '' : 's'}, each with a fresh process; medians, in brackets the least and the most. Every answer was checked. The gateway \
checks a token, asks Redis with each request whether the window is still the one it knows, and answers with an ETag; the peers do none of it.

${serverTable({ measured, reference, perSecond, parts: { server: 'server', redis: 'Redis', database: 'PostgreSQL', load: 'generator' } })}${aimText(
  [
    {
      what: 'requests/s against one GET of Redis behind Fastify',
      value: ratioBetween(measured, vigilia, reference),
      atLeast: RATIO_AIM,
    },
    { what: `p99 at ${figure(perSecond)}/s`, value: steadyP99(measured, vigilia), atMost: P99_AIM_MS, unit: ' ms' },
  ],
)}`;
}
