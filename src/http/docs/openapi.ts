import type { TSchema } from 'typebox';
import type { JsonObject } from '../../ports.ts';
import { ChannelSchema } from '../channel-view.ts';
import { JobSchema, ListedJobSchema } from '../job-view.ts';
import { LoginSchema } from '../login-view.ts';
import { MessageSchema } from '../message-schema.ts';
import type { RouteRow } from '../route-table.ts';
import { Compile, Type } from '../typebox.ts';
import { exampleAnswer } from './answers/example-answer.ts';
import { exampleBody, exampleOf, examplePart } from './example.ts';
import { SchemaLibrary } from './json-schema.ts';
import { errorExamples, errorResponses, failuresOf } from './openapi-errors.ts';
import { HEADERS, named, RATE_HEADERS } from './openapi-headers.ts';
import { operationIdOf, tagOf, tagsOf, templateOf } from './route-names.ts';

/** Version of what HTTP looks like from outside, by semver: fields and routes are only added under the same first number. */
const API_VERSION = '1.0.0';

const ErrorSchema = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'Stable: programs look at it.' }),
    message: Type.String({ description: 'For people.' }),
    field: Type.Optional(Type.String({ description: 'The part of the request that is at fault, as a dotted path.' })),
  }),
});

const NAMED = {
  Channel: ChannelSchema,
  Error: ErrorSchema,
  Job: JobSchema,
  ListedJob: ListedJobSchema,
  Login: LoginSchema,
  Message: MessageSchema,
};

const SUCCESS: Readonly<Record<string, string>> = {
  '200': 'Answered.',
  '201': 'Made.',
  '202': 'Accepted: it goes on after the answer.',
  '204': 'Done; there is nothing to say.',
  '503': 'Nothing can be served now: the evidence, or `STORE_UNAVAILABLE`.',
  '101': 'From here on it is a WebSocket.',
};

const INTRODUCTION = `A gateway to Telegram user accounts. Times are ISO 8601 in UTC where they are text, milliseconds since 1970 where they are numbers.

**Errors** are \`{"error": {"code", "message", "field"?}}\`; programs look at \`code\`, which is stable.
**Tokens** go into \`X-Gateway-Token\` or \`Authorization: Bearer\`; each has a scope: \`read\`, \`write\`, \`admin\`, of which each includes the ones before. A gateway without tokens listens on its own machine only and needs none.
**Limits**: \`RateLimit-Limit\`, \`RateLimit-Remaining\` and \`RateLimit-Reset\` (s) say what is left of a token's requests; with 429 and 503, \`Retry-After\` (s) says when to come back.
**Pages**: \`next\`, and the header \`Link\` with \`rel="next"\`, lead on; null is the end.
**Reads** carry an \`ETag\`: send it as \`If-None-Match\` and what has not changed is answered with 304.`;

/** @returns the document (https://spec.openapis.org/oas/v3.1.1) for an application's routes */
export function openApiDocument(rows: readonly RouteRow[]): JsonObject {
  const library = new SchemaLibrary(NAMED);
  const paths: Record<string, JsonObject> = {};
  for (const row of rows) {
    const path = templateOf(row);
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row, library) };
  }
  // The library is full only now.
  library.use(ErrorSchema);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Vigília',
      version: API_VERSION,
      summary: 'An always-on gateway to Telegram user accounts.',
      description: INTRODUCTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This gateway' }],
    tags: tagsOf(rows).map(({ name, description }) => ({ name, description })),
    paths,
    components: {
      schemas: library.components,
      responses: errorResponses(rows),
      examples: errorExamples(rows),
      headers: HEADERS,
      securitySchemes: {
        gatewayToken: { type: 'apiKey', in: 'header', name: 'X-Gateway-Token', description: 'A token of GATEWAY_TOKENS.' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same, or a JWT where the gateway takes them.' },
      },
    },
  };
}

function operationOf(row: RouteRow, library: SchemaLibrary): JsonObject {
  const { schema, scope, summary } = row;
  const body = schema.body as TSchema | undefined;
  return {
    operationId: operationIdOf(row),
    summary,
    ...(row.config.notes !== undefined && { description: row.config.notes }),
    tags: [tagOf(row)],
    ...(scope === 'public' ? { security: [] } : { security: [{ gatewayToken: [] }, { bearer: [] }], 'x-scope': scope }),
    ...withAny('parameters', parametersOf(row, library)),
    ...(body && { requestBody: requestBodyOf(body, row, library) }),
    // What a route says of a status itself is more than its codes.
    responses: { ...failuresOf(row), ...successesOf(row, library) },
  };
}

function withAny(name: string, list: readonly JsonObject[]): JsonObject {
  return list.length === 0 ? {} : { [name]: list };
}

const IDEMPOTENCY = {
  'Idempotency-Key': 'Up to 255 visible ASCII characters: the same request under the same key is one job, for 24 hours.',
};

function parametersOf({ path, schema, config, errors }: RouteRow, library: SchemaLibrary): JsonObject[] {
  const fieldsOf = (part: unknown): [string, JsonObject, boolean][] => {
    const object = library.useRequest((part as object | undefined) ?? {});
    const required = Array.isArray(object.required) ? object.required : [];
    return Object.entries((object.properties ?? {}) as Record<string, JsonObject>).map(([name, field]) => [
      name,
      field,
      required.includes(name),
    ]);
  };
  const one = (place: string, name: string, { description, examples, ...field }: JsonObject, required: boolean): JsonObject => {
    const example =
      (Array.isArray(examples) ? examples[0] : undefined) ?? (place === 'path' ? examplePart(path, name) : undefined);
    return {
      name,
      in: place,
      ...(required && { required }),
      ...(description !== undefined && { description }),
      schema: field,
      ...(example !== undefined && { example }),
    };
  };
  return [
    ...fieldsOf(schema.params).map(([name, field]) => one('path', name === '*' ? 'path' : name, field, true)),
    ...fieldsOf(schema.querystring).map(([name, field, required]) => one('query', name, field, required)),
    ...Object.entries({ ...(errors.includes('IDEMPOTENCY_KEY_REUSED') && IDEMPOTENCY), ...config.headers }).map(
      ([name, description]) => one('header', name, { description, type: 'string' }, false),
    ),
  ];
}

function requestBodyOf(body: TSchema, { path, bodyIsOptional }: RouteRow, library: SchemaLibrary): JsonObject {
  const schema = library.useRequest(body);
  const example = exampleBody(path) ?? exampleOf(schema);
  const fits = Compile(body).Check(Compile(body).Default(structuredClone(example)));
  return {
    ...(!bodyIsOptional && { required: true }),
    content: { 'application/json': { schema, ...(fits && { example }) } },
  };
}

function successesOf(row: RouteRow, library: SchemaLibrary): JsonObject {
  const { method, schema, config, scope, errors } = row;
  if (config.upgrades) return { '101': { description: SUCCESS['101'] ?? '' } };
  const given = (schema.response ?? {}) as Record<string, TSchema | undefined>;
  const isOnce = errors.includes('IDEMPOTENCY_KEY_REUSED');
  const headers = named('X-Request-Id', ...(scope === 'public' ? [] : RATE_HEADERS));
  const isKept = method === 'GET' && !config.streams && !config.notKept;
  const answer = (status: string, response: TSchema | undefined): JsonObject => ({
    description: SUCCESS[status] ?? status,
    headers: {
      ...headers,
      ...(isKept && status === '200' && named('ETag')),
      ...(isOnce && status === '202' && named('Location', 'Idempotent-Replayed')),
    },
    ...(response && status !== '204' && { content: contentOf(row, status, response, library) }),
    ...(config.produces && { content: { [config.produces]: { schema: { type: 'string' } } } }),
  });
  const statuses = Object.keys(given);
  return Object.fromEntries(
    (statuses.length === 0 ? ['200'] : statuses).map((status) => [status, answer(status, given[status])]),
  );
}

function contentOf(row: RouteRow, status: string, response: TSchema, library: SchemaLibrary): JsonObject {
  const example = exampleAnswer(row, status);
  return { 'application/json': { schema: library.use(response), ...(example !== undefined && { example }) } };
}
