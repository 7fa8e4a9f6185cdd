import type { InjectOptions } from 'fastify';
import { expect } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { COMMON_ERRORS } from '../../src/http/route-table.ts';

/** An answer as a test looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests compare it with what they expect
  readonly body: any;
}

/**
 * Asks the application without a socket, and checks what holds for every answer: it has a request id, and an error has our shape, the
 * status of its code, a code that its route declares, and nothing of our insides. What is no error but says how something is has a `status`, or `healthy`.
 */
export async function ask(app: App, options: InjectOptions): Promise<Answer> {
  const response = await app.inject({ ...options, headers: { host: 'localhost:4010', ...options.headers } });
  const text = response.body;
  const json = String(response.headers['content-type'] ?? '').startsWith('application/json');
  const body = json && text !== '' ? JSON.parse(text) : undefined;
  expect(response.headers['x-request-id']).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  if (response.statusCode >= 400 && body?.status === undefined && body?.healthy === undefined)
    checkError(app, response.statusCode, body, text, String(options.url), options.method ?? 'GET');
  return { status: response.statusCode, headers: response.headers, text, body };
}

function checkError(
  app: App,
  status: number,
  body: { error: { code: ErrorCode; message: string } },
  text: string,
  url: string,
  method: string,
): void {
  expect(Object.keys(body)).toEqual(['error']);
  expect(['code', 'message', 'field']).toEqual(expect.arrayContaining(Object.keys(body.error)));
  expect(ERRORS[body.error.code].status).toBe(status);
  // A sentence; what it begins with is a capital, or the name of a field.
  expect(body.error.message).toMatch(/^(?![a-z]+[ ,]).+[.!?…]$/s);
  expect(text).not.toMatch(/\bat .*\.[jt]s:\d|node_modules|SELECT |password/);
  const path = url.split('?')[0] ?? '';
  const routes = app.routeTable.filter((row) =>
    new RegExp(`^${row.path.replaceAll(/:[^/]+/g, '[^/]+').replace('*', '.*')}$`).test(path),
  );
  const route = routes.find((row) => row.method === method.toUpperCase()) ?? routes[0];
  expect([...COMMON_ERRORS, ...(route?.errors ?? [])], `declared by ${route?.path}`).toContain(body.error.code);
}

/** Options of a POST with a JSON body. */
export function post(url: string, payload: unknown, headers: Record<string, string> = {}): InjectOptions {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  };
}
