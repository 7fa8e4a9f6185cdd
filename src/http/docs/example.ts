import type { Json, JsonObject } from '../../ports.ts';
import { isObject } from './json-schema.ts';

const TIME = '2026-01-31T12:00:00.000Z';
const JOB = 'sync-01M7XS8M139VJW9K3V9V0K';

/** What a path's last named part is called, by what stands before it. */
const BY_FOLDER: Readonly<Record<string, string>> = {
  // One that can be done without: commands are copied, those that delete too.
  accounts: 'second',
  channels: 'vigilia_news',
  'dead-letters': JOB,
  jobs: JOB,
  machines: 'job',
  state: 'root/accounts/main/connection',
};

/** Fields that say the same wherever they are. */
const BY_NAME: Readonly<Record<string, Json>> = {
  accountId: 'main',
  about: 'What is new in Vigília.',
  action: 'sync-messages',
  attempts: 1,
  bare: 1_032_086_354,
  channelId: 'vigilia_news',
  code: 'TELEGRAM_TIMEOUT',
  cursor: 'eyJhdCI6MTc2OTg1NzIwMDAwMH0',
  done: 200,
  id: 'main',
  file: 'console-0123456789ab.js',
  jobId: JOB,
  message: 'Telegram did not answer within the deadline.',
  path: 'root/accounts/main/connection',
  pollUrl: `/api/telegram-gateway/jobs/${JOB}`,
  reason: 'Telegram asked to wait.',
  search: 'release',
  state: 'authenticated',
  text: 'Version 1.0 is out.',
  title: 'Vigília news',
  total: 200,
  username: 'vigilia_news',
  version: '0.1.0',
};

const LISTED = {
  jobId: JOB,
  action: 'sync-messages',
  params: { channelId: 'vigilia_news', limit: 200 },
  accountId: 'main',
  status: 'completed',
  priority: 5,
  progress: { done: 200, total: 200 },
  attempts: 1,
  reason: null,
  cancelRequested: false,
  error: null,
  createdAt: TIME,
  updatedAt: '2026-01-31T12:00:01.250Z',
  endedAt: '2026-01-31T12:00:01.250Z',
  nextAttemptAt: null,
};
const MESSAGE = {
  id: 412,
  channelId: -1_001_032_086_354,
  date: TIME,
  editDate: null,
  kind: 'message',
  text: 'Version 1.0 is out.',
  entities: [{ type: 'bold', offset: 0, length: 11 }],
  fromId: null,
  replyToId: null,
  views: 1_204,
  media: null,
};

/** Examples of what has a name of its own, which tell a story that no field alone can. */
const WHOLE: Readonly<Record<string, Json>> = {
  Channel: {
    id: -1_001_032_086_354,
    username: 'vigilia_news',
    title: 'Vigília news',
    kind: 'channel',
    about: 'What is new in Vigília.',
    participants: 1_204,
    messages: 412,
    syncedAt: TIME,
    complete: true,
  },
  Job: { ...LISTED, result: { count: 200, messages: [MESSAGE] } },
  ListedJob: LISTED,
  Message: MESSAGE,
};

/** Bodies that say something, by the route: copied into a shell, they do what is expected in the demo world, and no harm anywhere. */
const BODIES: Readonly<Record<string, JsonObject>> = {
  '/accounts': { id: 'second' },
  '/accounts/:id/login': { method: 'code', phone: '+15550000002' },
  '/accounts/:id/login/code': { code: '24680' },
  '/accounts/:id/login/password': { password: 'correct horse' },
  '/dead-letters/purge': { filter: { code: 'CHANNEL_NOT_FOUND' } },
  '/dead-letters/replay': { filter: { code: 'TELEGRAM_TIMEOUT' } },
  '/sync-messages': { channelId: 'vigilia_news', limit: 200 },
};

/** @returns an example for the body of a route; undefined where the schema says enough */
export function exampleBody(path: string): JsonObject | undefined {
  return BODIES[path.replace('/api/telegram-gateway', '')];
}

/** @returns an example for a part of a path; undefined where none is known */
export function examplePart(path: string, name: string): string | undefined {
  const parts = path.split('/');
  const at = parts.findIndex((part) => part === `:${name}` || (name === 'path' && part === '*'));
  const known = BY_FOLDER[parts[at - 1] ?? ''] ?? BY_NAME[name];
  return typeof known === 'string' ? known : undefined;
}

/**
 * Makes an example of what a schema describes: what it says itself (`examples`, `const`, `default`, the first of a choice), or what a field of the name has.
 * @param isRequest of a request, only what has to be there or has an example of its own
 * @param resolve gives what a reference points at
 */
export function exampleOf(
  schema: JsonObject,
  isRequest: boolean,
  resolve: (ref: string) => JsonObject,
  name = '',
  depth = 0,
): Json {
  const again = (part: JsonObject, of = name): Json => exampleOf(part, isRequest, resolve, of, depth + 1);
  const { examples, enum: choices, anyOf, type } = schema;
  if (Array.isArray(examples) && examples[0] !== undefined) return examples[0];
  if (schema.const !== undefined) return schema.const;
  if (typeof schema.$ref === 'string')
    return WHOLE[schema.$ref.split('/').at(-1) ?? ''] ?? (depth > 6 ? {} : again(resolve(schema.$ref)));
  if (schema.default !== undefined) return schema.default;
  if (Array.isArray(choices)) return choices[0] ?? null;
  if (Array.isArray(anyOf)) {
    const branches = anyOf.filter(isObject);
    const byName =
      isRequest && typeof BY_NAME[name] === 'string' ? branches.find((branch) => branch.type === 'string') : undefined;
    return again(byName ?? branches[0] ?? {});
  }
  switch (type) {
    case 'object':
      return objectExample(schema, isRequest, again);
    case 'array':
      // What holds things of its own kind would never end.
      return depth > 6 || !isObject(schema.items) || (name === 'children' && depth > 1) ? [] : [again(schema.items)];
    case 'integer':
    case 'number':
      return typeof BY_NAME[name] === 'number' ? BY_NAME[name] : numberExample(schema, name);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      if (schema.format === 'date-time') return TIME;
      return typeof BY_NAME[name] === 'string' ? BY_NAME[name] : 'text';
  }
}

function objectExample(schema: JsonObject, isRequest: boolean, again: (part: JsonObject, name: string) => Json): JsonObject {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>).filter(([name, field]) =>
    !isRequest || required.includes(name) ? !isRequest || field.default === undefined : field.examples !== undefined,
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, again(field, name)]));
}

function numberExample({ minimum }: JsonObject, name: string): number {
  if (name === 'at' || name === 'since') return Date.parse(TIME);
  if (name === 'channelId' || name === 'chatId') return -1_001_032_086_354;
  return typeof minimum === 'number' ? Math.max(minimum, 1) : 1;
}
