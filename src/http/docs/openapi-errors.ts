import { ERRORS, type ErrorCode } from '../../errors.ts';
import type { JsonObject } from '../../ports.ts';
import { COMMON_ERRORS, type RouteRow } from '../route-table.ts';
import { exampleError } from './error-examples.ts';
import { named, RATE_HEADERS } from './openapi-headers.ts';

/** What does not wait for the body of a route that has none. */
const OF_BODIES: readonly ErrorCode[] = ['INVALID_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
const OF_TOKENS: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED', 'AUTH_KEYS_UNAVAILABLE'];

/** @returns every code that a route may answer, its own ones first */
export function errorsOf({ schema, scope, errors }: Pick<RouteRow, 'schema' | 'scope' | 'errors'>): ErrorCode[] {
  const common = COMMON_ERRORS.filter(
    (code) => !(schema.body === undefined && OF_BODIES.includes(code)) && !(scope === 'public' && OF_TOKENS.includes(code)),
  );
  return [...new Set([...errors, ...common])];
}

/** @returns what a route answers that is no success, by status */
export function failuresOf(row: RouteRow): JsonObject {
  return Object.fromEntries(
    [...byStatus(errorsOf(row))]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([status, codes]) => [status, { $ref: `#/components/responses/${responseName(codes)}` }]),
  );
}

function byStatus(codes: readonly ErrorCode[]): Map<string, ErrorCode[]> {
  const groups = new Map<string, ErrorCode[]>();
  for (const code of codes) {
    const status = String(ERRORS[code].status);
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}

/** The same codes are the same answer, wherever. */
function responseName(codes: readonly ErrorCode[]): string {
  return [...codes].sort().join('.');
}

/** @returns the answers that {@link failuresOf} points at */
export function errorResponses(rows: readonly RouteRow[]): JsonObject {
  const all = new Map<string, ErrorCode[]>();
  for (const row of rows) {
    for (const codes of byStatus(errorsOf(row)).values()) all.set(responseName(codes), [...codes].sort());
  }
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, codes]) => [name, errorResponse(codes)]));
}

function errorResponse(codes: readonly ErrorCode[]): JsonObject {
  const status = ERRORS[codes[0] ?? 'INTERNAL'].status;
  const waits = status === 429 || status === 503;
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join('\n\n'),
    headers: named('X-Request-Id', ...(status === 429 ? RATE_HEADERS : []), ...(waits ? ['Retry-After'] : [])),
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Error' },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

/** @returns one example for each code that a route may answer */
export function errorExamples(rows: readonly RouteRow[]): JsonObject {
  const codes = [...new Set(rows.flatMap(errorsOf))].sort();
  return Object.fromEntries(codes.map((code) => [code, { summary: code, value: exampleError(code) }]));
}
