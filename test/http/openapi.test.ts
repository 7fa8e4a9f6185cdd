import { createConfig, lintFromString } from '@redocly/openapi-core';
import type { InjectOptions } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors.ts';
import type { App } from '../../src/http/app.ts';
import { exampleAnswer } from '../../src/http/docs/answers/example-answer.ts';
import { exampleError } from '../../src/http/docs/error-examples.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask, post } from '../support/ask.ts';
import { aChannel, aMessage, HttpHouse } from '../support/http-house.ts';

const GOLDEN = new URL('../golden/openapi.json', import.meta.url).pathname;
const house = new HttpHouse();
let app: App;
// biome-ignore lint/suspicious/noExplicitAny: what is in it is what is tested
let document: any;

beforeAll(async () => {
  app = buildGateway(house.deps());
  document = (await ask(app, { url: '/openapi.json' })).body;
});

describe('GET /openapi.json', () => {
  it('is the golden file (rewritten by vitest -u)', async () => {
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(GOLDEN);
  });

  it('has nothing that a linter of OpenAPI documents objects to', async () => {
    const config = await createConfig({
      extends: ['recommended-strict'],
      rules: {
        // Where the gateway is, only whoever runs it knows: relative.
        'no-server-example.com': 'error',
        // `…/dead-letters/{id}` and `…/dead-letters/replay` differ in their methods.
        'no-ambiguous-paths': 'error',
        'no-invalid-media-type-examples': 'error',
        'no-invalid-schema-examples': 'error',
        'operation-operationId-url-safe': 'error',
        'no-unused-components': 'error',
        'tag-description': 'error',
        // Some have no way to be asked wrongly.
        'operation-4xx-response': 'off',
      },
    });
    const problems = await lintFromString({ source: JSON.stringify(document), config });
    const told = problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`);
    // What follows on 101 is no answer of HTTP.
    expect(told.filter((line) => !/^operation-2xx-response: .*~1ws\/get/.test(line))).toEqual([]);
  });

  it('has every route, with its scope, its errors by their status, and an example for every body', () => {
    for (const { method, path, scope, errors, schema } of app.routeTable) {
      const operation = document.paths[path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{path}')]?.[method.toLowerCase()];
      expect(operation, `${method} ${path}`).toBeDefined();
      expect(operation['x-scope'] ?? 'public').toBe(scope);
      for (const code of errors) {
        const { $ref = '', description = '' } = operation.responses[ERRORS[code].status] ?? {};
        expect(`${$ref} ${description}`, `${path} ${code}`).toContain(code);
      }
      if (schema.body) expect(operation.requestBody.content['application/json'].example, path).toBeDefined();
    }
  });

  it('promises an ETag where one is answered, and nowhere else', async () => {
    const known = new HttpHouse();
    known.channels.push(aChannel());
    await known.logins.begin('main', { method: 'qr' }, true);
    const open = buildGateway(known.deps());
    let seen = 0;
    for (const { path, config } of open.routeTable.filter(({ method }) => method === 'GET')) {
      if (config.streams) continue;
      const url = path
        .replace('/accounts/:id', '/accounts/main')
        .replace('/channels/:id', '/channels/habr_com')
        .replace('*', 'root');
      const { status, headers } = await ask(open, { url });
      if (status !== 200) continue;
      seen += 1;
      const promised = document.paths[path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{path}')].get.responses[200].headers;
      expect('ETag' in promised, path).toBe('etag' in headers);
    }
    expect(seen).toBeGreaterThan(20);
  });

  it('says of each DELETE what it answers', async () => {
    const dead = document.paths['/api/telegram-gateway/dead-letters/{id}'].delete.responses;
    expect(Object.keys(dead).filter((status) => Number(status) < 300)).toEqual(['204']);
    expect(dead[204]).not.toHaveProperty('content');
  });

  // That each fits its answer, and has nothing besides, the linter has checked.
  it('has an example of every answer, written by hand', () => {
    for (const row of app.routeTable) {
      for (const status of Object.keys((row.schema.response as object | undefined) ?? {}).filter((one) => one !== '204'))
        expect(exampleAnswer(row, status), `${row.method} ${row.path} ${status}: src/http/docs/answers has none`).toBeDefined();
    }
  });

  it('has the headers that are sent and answered', async () => {
    const guarded = buildGateway(house.deps({ tokens: [{ scope: 'write', token: 'w'.repeat(32) }] }));
    const url = '/api/telegram-gateway/sync-messages';
    const asked = { method: 'POST', url, body: { channelId: 'habr_com' } } as const;
    const headers = { 'x-gateway-token': 'w'.repeat(32), 'idempotency-key': 'one' };
    const { status, headers: answered } = await ask(guarded, { ...asked, headers });
    expect(status).toBe(202);
    const operation = document.paths[url].post;
    const documented = Object.keys(operation.responses[202].headers);
    expect(documented).toEqual(
      expect.arrayContaining(['X-Request-Id', 'RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'Location']),
    );
    // A replay alone has the last one.
    for (const name of documented.filter((one) => one !== 'Idempotent-Replayed'))
      expect(answered).toHaveProperty(name.toLowerCase());
    for (const { method, path, scope, errors } of app.routeTable) {
      const { parameters = [] } = document.paths[path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{path}')][method.toLowerCase()];
      const inHeader = parameters.filter((one: { in: string }) => one.in === 'header').map(({ name }: { name: string }) => name);
      expect(inHeader.includes('Idempotency-Key'), path).toBe(scope !== 'public' && errors.includes('IDEMPOTENCY_KEY_REUSED'));
    }
    expect(document.paths['/health/live'].get.responses[200].headers).not.toHaveProperty('RateLimit-Limit');
  });

  it('says what is answered', async () => {
    house.channels.push(aChannel());
    house.messages.push(aMessage(7));
    const { body } = await ask(app, { url: '/api/telegram-gateway/channels/habr_com/messages' });
    const { properties, required } =
      document.paths['/api/telegram-gateway/channels/{id}/messages'].get.responses[200].content['application/json'].schema;
    expect(Object.keys(body)).toEqual(expect.arrayContaining(required));
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(body)));
    expect(Object.keys(document.components.schemas.Message.properties)).toEqual(
      expect.arrayContaining(Object.keys(body.messages[0])),
    );
  });
});

describe('GET /docs', () => {
  it('has a command for every route, nothing of another host, and a policy that allows just what is in it', async () => {
    const { status, headers, text } = await ask(app, { url: '/docs' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+';/);
    const commands = [...text.matchAll(/<pre class="command">((?:curl|npx) [^<]+)<\/pre>/g)].map(([, command]) => command);
    for (const { method, summary } of app.routeTable) {
      expect(commands.some((command) => method === 'GET' || command?.includes(`-X ${method} `))).toBe(true);
      expect(text).toContain(summary.replaceAll("'", '&#39;').replaceAll('"', '&quot;'));
    }
    expect(commands.length).toBeGreaterThanOrEqual(app.routeTable.length);
    for (const command of commands) expect(command).toMatch(/(http|ws):\/\/localhost:4010\//);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(text).not.toMatch(/ (style|on\w+)="/);
    expect(text).not.toContain('GATEWAY_TOKEN"');
  });

  it('puts the token into its commands where one is needed, and takes a Host for text', async () => {
    const guarded = buildGateway(house.deps({ tokens: [{ scope: 'read', token: 'r'.repeat(32) }] }));
    const { text } = await ask(guarded, { url: '/docs', headers: { host: '"><script>alert(1)</script>' } });
    expect(text).toContain('-H &quot;X-Gateway-Token: $GATEWAY_TOKEN&quot;');
    expect(text.match(/<script>/g)).toHaveLength(1);
  });
});

describe('an example of an error', () => {
  const BASE = '/api/telegram-gateway';
  const CODES = ['INVALID_REQUEST', 'INVALID_CHANNEL', 'NOT_FOUND', 'METHOD_NOT_ALLOWED', 'LOGIN_NOT_FOUND'] as const;
  const ASKED: Readonly<Record<(typeof CODES)[number], InjectOptions>> = {
    INVALID_REQUEST: { url: `${BASE}/jobs?limit=0&offset=5` },
    INVALID_CHANNEL: post(`${BASE}/sync-messages`, { channelId: 'no channel!' }),
    NOT_FOUND: { url: `${BASE}/jobs/JOB_ID` },
    METHOD_NOT_ALLOWED: { method: 'PUT', url: `${BASE}/jobs` },
    LOGIN_NOT_FOUND: { url: `${BASE}/accounts/second/login` },
  };

  it.each(CODES)('is what is answered: %s', async (code) => {
    await house.logins.create('second');
    expect((await ask(app, ASKED[code])).body).toEqual(exampleError(code));
  });
});
