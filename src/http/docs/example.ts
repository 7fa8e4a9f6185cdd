import type { Json, JsonObject } from '../../ports.ts';
import { API_BASE } from '../api-base.ts';
import { isObject } from './json-schema.ts';

/** What a path's last named part is called, by what stands before it. */
const BY_FOLDER: Readonly<Record<string, string>> = {
  // One that can be done without: commands are copied, those that delete too.
  accounts: 'second',
  channels: 'vigilia_news',
  console: 'console-0123456789ab.js',
  'dead-letters': 'JOB_ID',
  jobs: 'JOB_ID',
  machines: 'job',
  state: 'root/accounts/main/connection',
};

/** Parts of paths that nobody can copy: whoever asks puts an id there, and this says where it comes from. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  jobs: '`JOB_ID` stands for the `jobId` of an answer to `sync-messages` or `get-channels`; `GET …/jobs` lists all.',
  console: 'The name is another one in each version: `GET /` has it, as HTML.',
  'dead-letters': '`JOB_ID` stands for the `jobId` of a dead letter, as `GET …/dead-letters` lists them.',
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
  return BODIES[path.replace(API_BASE, '')];
}

/** @returns an example for a part of a path; undefined where none is known */
export function examplePart(path: string, name: string): string | undefined {
  return BY_FOLDER[folderOf(path, name)];
}

/** @returns what to put in place of a part of a path that only stands for something; undefined for one that can be copied */
export function placeholderIn(path: string): string | undefined {
  return PLACEHOLDERS[folderOf(path, 'id')] ?? PLACEHOLDERS[folderOf(path, 'file')];
}

/** Makes an example of a body from its schema: what has to be there, or has an example of its own. */
export function exampleOf({ properties, required }: JsonObject): JsonObject {
  const needed = Array.isArray(required) ? required : [];
  const fields = Object.entries(isObject(properties) ? properties : {}).flatMap(([name, field]): [string, Json][] => {
    if (!isObject(field) || field.default !== undefined) return [];
    const { examples, enum: choices } = field;
    const [example] = Array.isArray(examples) ? examples : needed.includes(name) && Array.isArray(choices) ? choices : [];
    return example === undefined ? [] : [[name, example]];
  });
  return Object.fromEntries(fields);
}

function folderOf(path: string, name: string): string {
  const parts = path.split('/');
  const at = parts.findIndex((part) => part === `:${name}` || (name === 'path' && part === '*'));
  return parts[at - 1] ?? '';
}
