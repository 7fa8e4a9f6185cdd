import { createHash } from 'node:crypto';
import { ERRORS } from '../../errors.ts';
import type { Json, JsonObject } from '../../ports.ts';
import type { RouteRow } from '../route-table.ts';
import { type CurlOptions, curlOf, listOf, socketCommand } from './curl.ts';
import { Html, html, marked } from './html.ts';
import { isObject } from './json-schema.ts';
import { errorsOf, openApiDocument, operationIdOf, tagNames, tagOf } from './openapi.ts';
import { SCRIPT } from './page-script.ts';
import { STYLE } from './page-style.ts';

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Just what is on the page: its own style and script, known by their hashes, and nothing from anywhere. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const documents = new WeakMap<readonly RouteRow[], JsonObject>();

/** @returns a page that tells people all that the OpenAPI document tells programs, with commands to copy */
export function docsPage(rows: readonly RouteRow[], options: CurlOptions): string {
  const document = documents.get(rows) ?? openApiDocument(rows);
  documents.set(rows, document);
  const groups = tagNames()
    .map((tag) => ({ tag, routes: rows.filter((row) => tagOf(row) === tag) }))
    .filter(({ routes }) => routes.length > 0);
  const about = new Map(listOf(document.tags).map(({ name, description }) => [String(name), String(description)]));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vigília · HTTP API</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<div class="frame">
<nav aria-label="Routes">
<div class="brand">Vigília <span>HTTP API</span><button id="theme" type="button" title="Theme" hidden>auto</button></div>
<input id="search" class="search" type="search" placeholder="Search (press /)" aria-label="Search the routes" hidden>
${groups.map(
  ({ tag, routes }) =>
    html`<div data-group><h2>${tag}</h2><ul>${routes.map(
      (row) =>
        html`<li data-words="${wordsOf(row)}"><a href="#${operationIdOf(row)}" title="${row.summary}"><span class="verb ${row.method}">${row.method}</span><span><bdi>${shortPath(row.path)}</bdi></span></a></li>`,
    )}</ul></div>`,
)}
</nav>
<main>
<div id="start">
<h1>What there is to ask</h1>
<p class="lead">An always-on gateway to Telegram user accounts. The same for programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
${startOf(options)}
</div>
<p id="empty" class="none" hidden>Nothing fits the search.</p>
${groups.map(
  ({ tag, routes }) => html`<section class="tag" data-group><h2>${tag}</h2><p>${about.get(tag)}</p>
${routes.map((row) => articleOf(row, document, options))}</section>`,
)}
<section class="tag"><h2 id="errors">Errors</h2><p>Every code there is. A program looks at the code; the text is for people.</p>
<article><table><tr><th>code</th><th>status</th><th>meaning</th></tr>
${Object.entries(ERRORS).map(
  ([code, { status, meaning }]) => html`<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${meaning}</td></tr>`,
)}
</table></article></section>
</main>
</div>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

function startOf({ base, needsToken }: CurlOptions): Html {
  const token = needsToken
    ? html`<p>Send a token as <code>X-Gateway-Token</code> or <code>Authorization: Bearer</code>. The commands below take it from the variable <code>GATEWAY_TOKEN</code>. Its scope is <code>read</code>, <code>write</code> or <code>admin</code>; each includes the ones before.</p>`
    : html`<p>None is needed: this gateway listens on its own machine only. Off it, every request but those for health and these pages needs one.</p>`;
  const first = curlOf('GET', '/health', {}, { base, needsToken: false });
  return html`<div class="block"><pre class="command">${first}</pre></div>
<div class="facts">
<div><h3>Tokens</h3>${token}</div>
<div><h3>Errors</h3><p><code>{"error": {"code", "message", "field"?}}</code>. Codes are stable: <a href="#errors">all of them</a>. Every answer has an <code>X-Request-Id</code>, under which the log knows it.</p></div>
<div><h3>Jobs</h3><p>What takes time is answered 202 with a <code>jobId</code>, whatever state Telegram is in. Ask for the job, or listen to the events.</p></div>
<div><h3>Pages</h3><p>Follow <code>next</code>, or the header <code>Link</code> with <code>rel="next"</code>, until it is null.</p></div>
<div><h3>Limits</h3><p><code>RateLimit-Remaining</code> says what is left. With 429 and 503, <code>Retry-After</code> says in how many seconds to come back.</p></div>
<div><h3>Again</h3><p>Reads carry an <code>ETag</code>: send it as <code>If-None-Match</code>, and what has not changed is 304. An <code>Idempotency-Key</code> makes a request that is sent twice one job.</p></div>
</div>`;
}

function articleOf(row: RouteRow, document: JsonObject, options: CurlOptions): Html {
  const path = row.path.replaceAll(/:([A-Za-z]+)/g, '{$1}').replace('*', '{path}');
  const item = isObject(document.paths) ? document.paths[path] : undefined;
  const found = isObject(item) ? item[row.method.toLowerCase()] : undefined;
  const operation = isObject(found) ? found : {};
  const id = operationIdOf(row);
  return html`<article id="${id}" data-words="${wordsOf(row)}">
<header><span class="verb ${row.method}">${row.method}</span><h3><a href="#${id}">${path}</a></h3><span class="scope">${row.scope === 'public' ? 'no token' : row.scope}</span></header>
<p>${row.summary}</p>${row.config.notes !== undefined && html`<p class="notes">${marked(row.config.notes)}</p>`}
<div class="parts"><div>${parametersOf(operation)}${bodyOf(operation, document)}${failuresOf(row)}</div>
<div><div class="block"><pre class="command">${row.config.upgrades ? socketCommand(path, options) : curlOf(row.method, path, operation, options)}</pre></div>${answersOf(operation)}</div></div>
</article>
`;
}

function parametersOf(operation: JsonObject): Html {
  const titles: Readonly<Record<string, string>> = { path: 'In the path', query: 'In the query', header: 'In the headers' };
  const parameters = listOf(operation.parameters);
  return html`${Object.entries(titles).map(([place, title]) => {
    const here = parameters.filter((one) => one.in === place);
    if (here.length === 0) return html``;
    return html`<h4>${title}</h4><dl>${here.map(({ name, required, description, schema }) =>
      fieldOf(String(name), isObject(schema) ? schema : {}, required === true, description),
    )}</dl>`;
  })}`;
}

function bodyOf({ requestBody }: JsonObject, document: JsonObject): Html | undefined {
  const content = isObject(requestBody) && isObject(requestBody.content) ? requestBody.content['application/json'] : undefined;
  const schema = isObject(content) && isObject(content.schema) ? resolved(content.schema, document) : undefined;
  const properties = schema && isObject(schema.properties) ? Object.entries(schema.properties) : [];
  if (schema === undefined || properties.length === 0) return undefined;
  const required = Array.isArray(schema.required) ? schema.required : [];
  return html`<h4>In the body</h4><dl>${properties.map(([name, field]) => {
    const described = isObject(field) ? field : {};
    return fieldOf(name, described, required.includes(name), described.description);
  })}</dl>`;
}

function fieldOf(name: string, schema: JsonObject, required: boolean, description: Json | undefined): Html {
  const hint = [kindOf(schema), boundsOf(schema)].filter((part) => part !== '').join(', ');
  const byDefault =
    schema.default === undefined ? undefined : html`<span>default <code>${JSON.stringify(schema.default)}</code></span>`;
  const text = typeof description === 'string' ? description : undefined;
  return html`<div><dt><code>${name}</code><span>${hint}</span>${required && html`<span class="must">required</span>`}${byDefault}</dt>${text !== undefined && html`<dd>${marked(text)}</dd>`}</div>`;
}

function kindOf({ type, anyOf, enum: choices, const: only, items, format, $ref }: JsonObject): string {
  if (Array.isArray(choices)) return choices.join(' | ');
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(anyOf)) return anyOf.filter(isObject).map(kindOf).join(' or ');
  if (typeof $ref === 'string') return $ref.split('/').at(-1) ?? '';
  if (type === 'array') return `list of ${isObject(items) ? kindOf(items) : 'anything'}`;
  if (format === 'date-time') return 'time (ISO 8601)';
  return { integer: 'whole number', string: 'text', boolean: 'true or false' }[String(type)] ?? String(type ?? 'anything');
}

function boundsOf({ minimum, maximum, minLength, maxLength, type }: JsonObject): string {
  // The least there is says nothing to anybody.
  if (minimum === -Number.MAX_SAFE_INTEGER) return `at most ${maximum}`;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `from ${minimum}`;
  if (type === 'string' && maxLength !== undefined) return `${minLength ?? 0} to ${maxLength} characters`;
  return '';
}

function answersOf({ responses }: JsonObject): Html {
  const successes = Object.entries(isObject(responses) ? responses : {}).filter(([status]) => Number(status) < 400);
  return html`${successes.map(([status, response]) => {
    const answer = isObject(response) ? response : {};
    const [type, content] = Object.entries(isObject(answer.content) ? answer.content : {})[0] ?? [];
    const example = isObject(content) ? content.example : undefined;
    const title = html`<b>${status}</b> ${String(answer.description)} ${type !== undefined && type !== 'application/json' && html`<code>${type}</code>`}`;
    if (example === undefined) return html`<p class="none">${title}</p>`;
    return html`<details open><summary>${title}</summary><div class="block"><pre>${JSON.stringify(example, null, 2)}</pre></div></details>`;
  })}`;
}

function failuresOf(row: RouteRow): Html {
  const codes = errorsOf(row).sort((a, b) => ERRORS[a].status - ERRORS[b].status);
  return html`<details><summary>Errors: ${row.errors.length === 0 ? 'those of every route' : row.errors.join(', ')}</summary><dl>${codes.map(
    (code) => html`<div><dt><code>${code}</code><span>${ERRORS[code].status}</span></dt><dd>${ERRORS[code].meaning}</dd></div>`,
  )}</dl></details>`;
}

function resolved(schema: JsonObject, document: JsonObject): JsonObject {
  if (typeof schema.$ref !== 'string') return schema;
  let at: Json = document;
  for (const part of schema.$ref.slice(2).split('/')) at = isObject(at) ? (at[part] ?? {}) : {};
  return isObject(at) ? at : {};
}

/** The part that does not say where it is mounted. */
function shortPath(path: string): string {
  return path.replace('/api/telegram-gateway', '');
}

function wordsOf({ method, path, summary, scope, errors }: RouteRow): string {
  return [method, path, summary, scope, ...errors].join(' ').toLowerCase();
}
