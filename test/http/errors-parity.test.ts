import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { COMMON_ERRORS, type RouteRow } from '../../src/http/route-table.ts';
import { buildGateway } from '../../src/http/server.ts';
import { HttpHouse } from '../support/http-house.ts';

const FILE = new URL('../../docs/errors.md', import.meta.url).pathname;

function page(routes: readonly RouteRow[]): string {
  const codes = Object.entries(ERRORS).map(
    ([code, { status, fault, meaning }]) => `| \`${code}\` | ${status} | ${fault} | ${meaning} |`,
  );
  const rows = routes.map(({ method, path, scope, errors }) => {
    const own = errors.map((code) => `\`${code}\``).join(', ');
    return `| \`${method} ${path}\` | ${scope} | ${own} |`;
  });
  return `# Errors

An answer that is not a success carries \`{"error": {"code", "message", "field"?}}\`. Programs look at \`code\`, which is stable; \`message\` is for
people; \`field\` is the part of the request that is at fault. Every answer has an \`X-Request-Id\`, under which the log knows it. From status
500 on, the message is the sentence below and nothing else. With 503 and 429, \`Retry-After\` says in how many seconds to try again.

The same codes stand in a job's \`error\`. A job that fails is no failed request: its status is asked for with 200.

| fault | what to do |
|---|---|
| transient | try again after a while |
| throttled | try again after the time that was named |
| reauth | log the account in again |
| conflict | somebody else holds what was asked for; trying again alone does not help |
| permanent | the request, or the configuration, has to change |
| bug | ours: please report it with the request id |

| code | status | fault | meaning |
|---|---|---|---|
${codes.join('\n')}

## By route

Every route may answer ${COMMON_ERRORS.map((code) => `\`${code}\``).join(', ')}; these may answer more:

| route | scope | errors of its own |
|---|---|---|
${rows.join('\n')}
`;
}

describe('errors', () => {
  const routes = buildGateway(new HttpHouse().deps()).routeTable;

  it('are in docs/errors.md as in the table and in the routes (rewritten by vitest -u)', async () => {
    await expect(page(routes)).toMatchFileSnapshot(FILE);
  });

  it('that a route declares are below 500, or tell when to try again', () => {
    for (const { path, errors } of routes) {
      for (const code of errors) expect(ERRORS[code].status < 500 || ERRORS[code].status === 503, `${path} ${code}`).toBe(true);
    }
  });

  it('have a status that fits their fault', () => {
    for (const [code, { fault, status }] of Object.entries(ERRORS) as [ErrorCode, (typeof ERRORS)[ErrorCode]][]) {
      if (fault === 'throttled') expect(status, code).toBe(429);
      if (status < 500) expect(['permanent', 'throttled'], code).toContain(fault);
      if (fault === 'bug') expect(status, code).toBe(500);
    }
  });
});
