import type { Json } from '../../../ports.ts';
import { API_BASE } from '../../api-base.ts';
import type { RouteRow } from '../../route-table.ts';
import { ACCOUNT_ANSWERS } from './account-answers.ts';
import { CHANNEL_ANSWERS } from './channel-answers.ts';
import { HEALTH_ANSWERS } from './health-answers.ts';
import { INSIDE_ANSWERS } from './inside-answers.ts';
import { JOB_ANSWERS } from './job-answers.ts';

const ALL = [CHANNEL_ANSWERS, JOB_ANSWERS, ACCOUNT_ANSWERS, HEALTH_ANSWERS, INSIDE_ANSWERS];

/**
 * What a route answers, written by hand: a generated one fits its schema and lies. A test asks each whether it fits.
 * @returns undefined where there is none
 */
export function exampleAnswer({ method, path }: Pick<RouteRow, 'method' | 'path'>, status: string): Json | undefined {
  const route = `${method} ${path.replace(API_BASE, '')}`;
  return ALL.map((answers) => answers[route]?.[Number(status)]).find((example) => example !== undefined);
}
