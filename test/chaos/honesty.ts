import type { HealthReport } from '../../src/ports.ts';

/** A pong older than this is no evidence (requirement A12), in ms. */
const PONG_COUNTS_MS = 75_000;
/** What a worker said of its accounts counts for two periods of its lease (requirement A12), in ms. */
const EVIDENCE_COUNTS_MS = 10_000;
/** For the way of a report, on a machine that has more to do, in ms. */
const SLACK_MS = 2_000;

/** Since when something does not run, by the wall clock; undefined where it does. */
export interface Truth {
  /** By the name of the worker's installation. */
  readonly workerAwaySince: ReadonlyMap<string, number>;
  readonly simulatorAwaySince: number | undefined;
}

/**
 * Holds a gateway's report against itself, and against what is known.
 * @param askedAt before it was asked for, by the wall clock
 * @param truth as it was then
 * @returns what it says that is not so
 */
export function liesIn(report: HealthReport, httpStatus: number, askedAt: number, truth: Truth): string[] {
  const lies: string[] = [];
  const served = report.accounts.filter(
    ({ state, lastPongAgeMs }) => state === 'authenticated' && lastPongAgeMs !== null && lastPongAgeMs < PONG_COUNTS_MS,
  );
  if (report.status === 'ok' && served.length < report.accounts.length)
    lies.push(`ok, though of ${report.accounts.length} accounts ${served.length} are served`);
  if (report.status !== 'down' && served.length === 0) lies.push(`${report.status}, though no account is served`);
  if ((httpStatus === 503) !== (report.status === 'down')) lies.push(`${httpStatus} with ${report.status}`);
  const known = EVIDENCE_COUNTS_MS + SLACK_MS;
  for (const { id, state, lease } of report.accounts) {
    const awaySince = truth.workerAwaySince.get(lease?.worker ?? '');
    if (state === 'authenticated' && awaySince !== undefined && askedAt - awaySince > known)
      lies.push(`${id} is authenticated, though its worker has stood still for ${askedAt - awaySince} ms`);
  }
  const { simulatorAwaySince } = truth;
  if (simulatorAwaySince !== undefined && askedAt - simulatorAwaySince > known && report.status !== 'down')
    lies.push(`${report.status}, though Telegram has been away for ${askedAt - simulatorAwaySince} ms`);
  return lies;
}
