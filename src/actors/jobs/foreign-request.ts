import { createHash } from 'node:crypto';
import { ACCOUNT_ID } from '../../account-id.ts';
import { toVigiliaError, VigiliaError } from '../../errors.ts';
import type { Json, JsonObject } from '../../ports.ts';
import type { Action } from './action.ts';

/** What a job's id may look like, here as in the gateway's paths. */
const JOB_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** As the gateway's bodies. */
const MOST_BYTES = 1 << 20;
const DEFAULT_PRIORITY = 5;
const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;
const FIELDS = ['jobId', 'action', 'params', 'accountId', 'priority'] as const;

/** A request of another program, checked. */
export interface AskedJob {
  readonly jobId: string;
  readonly action: string;
  readonly params: JsonObject;
  /** Undefined: one is chosen. */
  readonly accountId: string | undefined;
  readonly priority: number;
  /** The same for requests that ask for the same. */
  readonly digest: string;
}

/** A message in which somebody asks for something. */
interface Asking {
  readonly body: Uint8Array;
  /** Where the sender says nothing, it is taken for JSON. */
  readonly contentType: string | undefined;
}

/** What may be asked for. */
export interface AskingRules {
  readonly actions: ReadonlyMap<string, Action>;
  /** The only actions that may be asked for; null: all those that only read. */
  readonly allowed: readonly string[] | null;
}

/** What a request was refused for, and which job it was for, where that could be read. */
export interface RefusedJob {
  readonly jobId: string | undefined;
  readonly error: VigiliaError;
}

/** Reads and checks a request, as the gateway checks its bodies. Never throws. */
export function readAskedJob(asking: Asking, rules: AskingRules): AskedJob | RefusedJob {
  let jobId: string | undefined;
  try {
    const body = readBody(asking);
    // Whoever asked shall hear of it whatever else is wrong.
    if (typeof body.jobId === 'string' && JOB_ID.test(body.jobId)) jobId = body.jobId;
    return readJob(body, rules);
  } catch (thrown) {
    return { jobId, error: toVigiliaError(thrown) };
  }
}

function readBody({ body, contentType }: Asking): JsonObject {
  if (contentType !== undefined && contentType !== '' && !JSON_TYPE.test(contentType))
    throw new VigiliaError('UNSUPPORTED_MEDIA_TYPE', 'Requests are application/json, in UTF-8.');
  if (body.length > MOST_BYTES) throw new VigiliaError('BODY_TOO_LARGE', 'The body is larger than 1 MiB.');
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as Json;
  } catch (thrown) {
    throw new VigiliaError('INVALID_JSON', 'The body is not JSON in UTF-8.', { cause: thrown });
  }
  if (!isObject(value)) throw new VigiliaError('INVALID_REQUEST', 'The body must be a JSON object.');
  return value;
}

function readJob(body: JsonObject, { actions, allowed }: AskingRules): AskedJob {
  const { jobId, action: name, params = {}, accountId, priority = DEFAULT_PRIORITY } = body;
  const unknown = Object.keys(body).find((field) => !(FIELDS as readonly string[]).includes(field));
  if (unknown !== undefined) throw refused(unknown, 'there is no such field');
  if (jobId === undefined) throw refused('jobId', 'is missing');
  if (typeof jobId !== 'string' || !JOB_ID.test(jobId)) throw refused('jobId', 'must be 1 to 64 letters, digits, _ or -');
  if (typeof name !== 'string') throw refused('action', name === undefined ? 'is missing' : 'must be a string');
  if (!isObject(params)) throw refused('params', 'must be a JSON object');
  if (accountId !== undefined && !(typeof accountId === 'string' && ACCOUNT_ID.test(accountId)))
    throw refused('accountId', 'must be 1 to 64 letters, digits, _ or -');
  if (!(typeof priority === 'number' && Number.isInteger(priority) && priority >= 1 && priority <= 10))
    throw refused('priority', 'must be a whole number from 1 (first) to 10');
  const request = actions.get(name)?.request;
  if (request === undefined)
    throw new VigiliaError('UNKNOWN_ACTION', `there is no action ${shortened(name)}`, { field: 'action' });
  if (allowed === null ? !request.readsOnly : !allowed.includes(name))
    throw new VigiliaError('ACTION_NOT_ALLOWED', `${name} may not be asked for over RabbitMQ; RABBITMQ_ACTIONS says what may`, {
      field: 'action',
    });
  const asked = { action: name, params: request.params(params), accountId, priority };
  return { jobId, ...asked, digest: digestOf(asked) };
}

/** Of what was asked for, and not of how it was written: the order of fields and what is there by default do not count. */
function digestOf({ action, params, accountId, priority }: Omit<AskedJob, 'jobId' | 'digest'>): string {
  return createHash('sha256')
    .update(JSON.stringify([action, sorted(params), accountId ?? null, priority]))
    .digest('hex');
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name] as Json)]));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(field: string, reason: string): VigiliaError {
  return new VigiliaError('INVALID_REQUEST', `${shortened(field)}: ${reason}.`, { field: shortened(field) });
}

function shortened(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}
