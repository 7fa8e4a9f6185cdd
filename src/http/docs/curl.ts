import type { Json, JsonObject } from '../../ports.ts';
import { isObject } from './json-schema.ts';

export interface CurlOptions {
  /** Where the gateway is, e.g. `http://127.0.0.1:4010`. */
  readonly base: string;
  readonly needsToken: boolean;
}

/**
 * @param path as OpenAPI has it
 * @param operation of the document
 * @returns a command to copy into a shell, with the document's own examples
 */
export function curlOf(method: string, path: string, operation: JsonObject, { base, needsToken }: CurlOptions): string {
  const parameters = listOf(operation.parameters);
  const inPath = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const example = parameters.find((one) => one.in === 'path' && one.name === name)?.example;
    const value = typeof example === 'string' ? example : name.toUpperCase();
    return name === 'path' ? value : encodeURIComponent(value);
  });
  const query = parameters.filter((one) => one.in === 'query' && (one.required === true || one.example !== undefined));
  const asked = query.map(({ name, example }) => `${name}=${encodeURIComponent(String(example))}`).join('&');
  const content = isObject(operation.requestBody) && isObject(operation.requestBody.content) ? operation.requestBody.content : {};
  const body = isObject(content['application/json']) ? content['application/json'].example : undefined;
  const isStream = Object.values(isObject(operation.responses) ? operation.responses : {}).some(
    (response) => isObject(response) && isObject(response.content) && 'text/event-stream' in response.content,
  );
  const isPublic = Array.isArray(operation.security) && operation.security.length === 0;
  const words = [
    `curl${isStream ? ' -N' : ''}${method === 'GET' ? '' : ` -X ${method}`} ${quoted(`${base}${inPath}${asked === '' ? '' : `?${asked}`}`)}`,
    ...(needsToken && !isPublic ? ['-H "X-Gateway-Token: $GATEWAY_TOKEN"'] : []),
    ...(isWorthSaying(body) ? [`-H 'content-type: application/json'`, `-d ${quoted(JSON.stringify(body))}`] : []),
  ];
  return words.join(' \\\n  ');
}

/** @returns the same for a WebSocket, which curl does not speak */
export function socketCommand(path: string, { base, needsToken }: CurlOptions): string {
  const url = `${base.replace(/^http/, 'ws')}${path}`;
  const token = needsToken ? ',"token":"\'"$GATEWAY_TOKEN"\'"' : '';
  return `npx wscat --wait 3600 --connect ${quoted(url)} \\\n  --execute '{"type":"subscribe"${token}}'`;
}

/** An empty body where one is not needed is not worth a line. */
function isWorthSaying(body: Json | undefined): body is JsonObject {
  return isObject(body) && Object.keys(body).length > 0;
}

export function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function quoted(text: string): string {
  return `'${inQuotes(text)}'`;
}

/** @returns text as it stands between single quotes of a shell */
export function inQuotes(text: string): string {
  return text.replaceAll("'", `'\\''`);
}
