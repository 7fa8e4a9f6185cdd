import type { TSchema } from 'typebox';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import type { JsonObject } from '../../ports.ts';
import { ChannelSchema } from '../channel-view.ts';
import { JobSchema, ListedJobSchema } from '../job-view.ts';
import { LoginSchema } from '../login-view.ts';
import { MessageSchema } from '../message-schema.ts';
import { COMMON_ERRORS, type RouteRow } from '../route-table.ts';
import { Compile, Type } from '../typebox.ts';
import { exampleBody, exampleOf, examplePart } from './example.ts';
import { isObject, SchemaLibrary } from './json-schema.ts';

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

/** In the order in which people read about them: what the path begins with, and what is there. */
const TAGS: readonly (readonly [name: string, description: string, path: RegExp])[] = [
  [
    'Messages and channels',
    'What is stored of channels: from the cache, then from the database, never from Telegram.',
    /\/channels\b/,
  ],
  [
    'Jobs',
    'What takes time becomes a job: it is answered at once, and never lost.',
    /\/(sync-messages|get-channels|jobs|queue)\b/,
  ],
  ['Dead letters', 'Jobs that failed for good.', /\/dead-letters\b/],
  ['Events', 'What happens, pushed as it happens.', /\/(events|ws)$/],
  ['Accounts', 'The Telegram accounts, and how people log them in and out.', /\/accounts\b/],
  ['Health', 'Whether it runs, and what it can serve.', /^\/(health|metrics)/],
  ['Inside', 'The actors and their machines, as they are.', /^\/api\/(state|machines)/],
  ['This gateway', 'Its own pages.', /^\//],
];

const SUCCESS: Readonly<Record<string, string>> = {
  '200': 'Answered.',
  '201': 'Made.',
  '202': 'Accepted: it goes on after the answer.',
  '204': 'Done; there is nothing to say.',
  '503': 'Nothing can be served now: the evidence, or `STORE_UNAVAILABLE`.',
  '101': 'From here on it is a WebSocket.',
};

/** What does not wait for the body of a route that has none. */
const OF_BODIES: readonly ErrorCode[] = ['INVALID_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
const OF_TOKENS: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'RATE_LIMITED', 'AUTH_KEYS_UNAVAILABLE'];

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
    const path = row.path.replaceAll(/:([A-Za-z]+)/g, '{$1}').replace('*', '{path}');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row, library) };
  }
  const used = new Set(rows.map(tagOf));
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
    tags: TAGS.filter(([name]) => used.has(name)).map(([name, description]) => ({ name, description })),
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

/** @returns the name of the part of the document where a route stands */
export function tagOf({ path }: RouteRow): string {
  return TAGS.find(([, , pattern]) => pattern.test(path))?.[0] ?? '';
}

/** @returns the parts of the document, in their order */
export function tagNames(): string[] {
  return TAGS.map(([name]) => name);
}

/** @returns a name for a route that no other one has */
export function operationIdOf({ method, path }: RouteRow): string {
  const words = path
    .replace('/api/telegram-gateway', '')
    .replace('/api', '')
    .replace('*', 'path')
    .split(/[^A-Za-z]+/)
    .filter((word) => word !== '');
  const named = words.length === 0 ? ['index'] : words;
  return method.toLowerCase() + named.map((word) => (word[0] ?? '').toUpperCase() + word.slice(1)).join('');
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
  const example = exampleBody(path) ?? exampleOf(schema, true, (ref) => resolved(library, ref));
  const fits = Compile(body).Check(Compile(body).Default(structuredClone(example)));
  return {
    ...(!bodyIsOptional && { required: true }),
    content: { 'application/json': { schema, ...(fits && { example }) } },
  };
}

function successesOf({ method, schema, config }: RouteRow, library: SchemaLibrary): JsonObject {
  if (config.upgrades) return { '101': { description: SUCCESS['101'] ?? '' } };
  const given = (schema.response ?? {}) as Record<string, TSchema | undefined>;
  const headers = method === 'GET' && !config.streams ? { ETag: { $ref: '#/components/headers/ETag' } } : {};
  const answer = (status: string, response: TSchema | undefined): JsonObject => ({
    description: SUCCESS[status] ?? status,
    headers: { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' }, ...headers },
    ...(response && { content: contentOf(response, library) }),
    ...(config.produces && { content: { [config.produces]: { schema: { type: 'string' } } } }),
  });
  const statuses = Object.keys(given);
  return Object.fromEntries(
    (statuses.length === 0 ? ['200'] : statuses).map((status) => [status, answer(status, given[status])]),
  );
}

function contentOf(response: TSchema, library: SchemaLibrary): JsonObject {
  const schema = library.use(response);
  const example = exampleOf(schema, false, (ref) => resolved(library, ref));
  return { 'application/json': { schema, ...(Compile(response).Check(example) && { example }) } };
}

function resolved(library: SchemaLibrary, ref: string): JsonObject {
  const found = library.components[ref.split('/').at(-1) ?? ''];
  return isObject(found) ? found : {};
}

/** @returns every code that a route may answer, its own ones first */
export function errorsOf({ schema, scope, errors }: Pick<RouteRow, 'schema' | 'scope' | 'errors'>): ErrorCode[] {
  const common = COMMON_ERRORS.filter(
    (code) => !(schema.body === undefined && OF_BODIES.includes(code)) && !(scope === 'public' && OF_TOKENS.includes(code)),
  );
  return [...new Set([...errors, ...common])];
}

function failuresOf(row: RouteRow): JsonObject {
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

function errorResponses(rows: readonly RouteRow[]): JsonObject {
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
    headers: {
      'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
      ...(waits && { 'Retry-After': { $ref: '#/components/headers/Retry-After' } }),
    },
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/Error' },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

function errorExamples(rows: readonly RouteRow[]): JsonObject {
  const codes = [...new Set(rows.flatMap(errorsOf))].sort();
  return Object.fromEntries(
    codes.map((code) => [code, { summary: code, value: { error: { code, message: ERRORS[code].meaning } } }]),
  );
}

const HEADERS: JsonObject = {
  'X-Request-Id': {
    description: 'Under which the log knows the request: the one that was sent, where it is harmless.',
    schema: { type: 'string' },
  },
  ETag: { description: 'To be sent as If-None-Match.', schema: { type: 'string' } },
  'Retry-After': { description: 'In s.', schema: { type: 'integer' } },
};
