import type { HealthReport } from '../../src/ports.ts';
import { until } from '../support/program.ts';
import { WORKERS } from './rules.ts';
import { PEOPLE } from './world.ts';

/** Makes the accounts and logs them in as people do, over HTTP; then waits until both workers have some, so that what befalls one is not all. */
export async function logEverybodyIn(apiUrl: string, healthUrl: string): Promise<void> {
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${apiUrl}/accounts${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = (await answer.json()) as Record<string, unknown> & { error?: { code: string } };
    // The first one is there by itself.
    if (!answer.ok && said.error?.code !== 'ACCOUNT_EXISTS') throw new Error(`${path}: ${answer.status} ${JSON.stringify(said)}`);
    return said;
  };
  const reaches = (id: string, state: string): Promise<true> =>
    until(async () => {
      const said = (await (await fetch(`${apiUrl}/accounts/${id}/login`)).json()) as { state: string };
      return said.state === state ? true : undefined;
    });
  await Promise.all(
    PEOPLE.map(async ({ id, phone, code }) => {
      await post('', { id });
      // No worker may have found it yet.
      await until(() => post(`/${id}/login`, { method: 'code', phone }));
      await reaches(id, 'awaiting-code');
      await post(`/${id}/login/code`, { code });
      await reaches(id, 'done');
    }),
  );
  await until(async () => {
    const { status, accounts } = (await (await fetch(healthUrl)).json()) as HealthReport;
    const workers = new Set(accounts.map(({ lease }) => lease?.worker));
    return status === 'ok' && accounts.length === PEOPLE.length && workers.size === WORKERS.length ? true : undefined;
  });
}
