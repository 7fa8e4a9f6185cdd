import { ERRORS, type ErrorCode } from '../../errors.ts';
import type { JsonObject } from '../../ports.ts';
import type { RouteRow } from '../route-table.ts';
import { type CurlOptions, curlOf, listOf, socketCommand } from './curl.ts';
import { exampleError } from './error-examples.ts';
import { placeholderIn } from './example.ts';
import { answerFields, answerWords, bodyFields, requestFields } from './field-list.ts';
import { type Html, html, marked } from './html.ts';
import { isObject } from './json-schema.ts';
import { errorsOf } from './openapi-errors.ts';
import { operationIdOf, templateOf } from './route-names.ts';

/** Routes that tell events. */
const EVENTS = /\/telegram-gateway\/(events|ws)$/;

/** @returns all that there is to know of one route, with a command to copy */
export function articleOf(row: RouteRow, document: JsonObject, options: CurlOptions): Html {
  const path = templateOf(row);
  const operation = operationOf(row, document);
  const id = operationIdOf(row);
  const placeholder = placeholderIn(row.path);
  const command = row.config.upgrades ? socketCommand(path, options) : curlOf(row.method, path, operation, options);
  return html`<article id="${id}" data-words="${wordsOf(row, operation, document)}">
<header><span class="verb ${row.method}">${row.method}</span><h3><a href="#${id}">${path}</a></h3><span class="scope">${row.scope === 'public' ? 'no token' : row.scope}</span></header>
<p>${row.summary}</p>${row.config.notes !== undefined && html`<p class="notes">${marked(row.config.notes)}</p>`}${EVENTS.test(row.path) && html`<p class="notes"><a href="#events">What there is to hear</a>, and how it looks.</p>`}
<div class="parts"><div>${parametersOf(operation)}${bodyOf(operation, document)}${failuresOf(row)}</div>
<div><div class="block"><pre class="command">${command}</pre></div>${placeholder !== undefined && html`<p class="notes">${marked(placeholder)}</p>`}${answersOf(operation, document)}${refusalsOf(row)}</div></div>
</article>
`;
}

function operationOf(row: RouteRow, { paths }: JsonObject): JsonObject {
  const item = isObject(paths) ? paths[templateOf(row)] : undefined;
  const found = isObject(item) ? item[row.method.toLowerCase()] : undefined;
  return isObject(found) ? found : {};
}

function parametersOf(operation: JsonObject): Html {
  const titles: Readonly<Record<string, string>> = { path: 'In the path', query: 'In the query', header: 'In the headers' };
  const parameters = listOf(operation.parameters);
  return html`${Object.entries(titles).map(([place, title]) => {
    const here = parameters.filter((one) => one.in === place);
    if (here.length === 0) return html``;
    const fields = here.map(({ name, required, description, schema }) => ({
      name: String(name),
      schema: isObject(schema) ? schema : {},
      required: required === true,
      description,
    }));
    return html`<h4>${title}</h4>${requestFields(fields)}`;
  })}`;
}

function bodyFieldsOf({ requestBody }: JsonObject, document: JsonObject) {
  const content = isObject(requestBody) && isObject(requestBody.content) ? requestBody.content['application/json'] : undefined;
  return isObject(content) && isObject(content.schema) ? bodyFields(content.schema, document) : [];
}

function bodyOf(operation: JsonObject, document: JsonObject): Html | undefined {
  const fields = bodyFieldsOf(operation, document);
  return fields.length === 0 ? undefined : html`<h4>In the body</h4>${requestFields(fields)}`;
}

/** An answer that a route describes itself. */
interface Described {
  readonly status: string;
  readonly description: string;
  /** Media type, schema and example; absent where there is no body. */
  readonly type?: string;
  readonly schema?: JsonObject;
  readonly example?: JsonObject[string];
}

/** What is a success, and what tells of a bad state with a body of its own. */
function describedAnswers({ responses }: JsonObject): Described[] {
  return Object.entries(isObject(responses) ? responses : {}).flatMap(([status, response]) => {
    if (!isObject(response) || response.$ref !== undefined) return [];
    const [type, content] = Object.entries(isObject(response.content) ? response.content : {})[0] ?? [];
    const { schema, example } = isObject(content) ? content : {};
    const body = {
      ...(type !== undefined && { type }),
      ...(isObject(schema) && { schema }),
      ...(example !== undefined && { example }),
    };
    return [{ status, description: String(response.description), ...body }];
  });
}

function answersOf(operation: JsonObject, document: JsonObject): Html {
  const answers = describedAnswers(operation);
  const shown = answers.map(({ status, description, type, example }) => {
    const title = html`<b>${status}</b> ${marked(description)} ${type !== undefined && type !== 'application/json' && html`<code>${type}</code>`}`;
    if (example === undefined) return html`<p class="none">${title}</p>`;
    const body = html`<summary>${title}</summary><div class="block"><pre tabindex="0">${JSON.stringify(example, null, 2)}</pre></div>`;
    return Number(status) < 300 ? html`<details open>${body}</details>` : html`<details>${body}</details>`;
  });
  return html`${shown}${fieldTables(answers, document)}`;
}

/** Statuses whose answers have the same fields share a table. */
function fieldTables(answers: readonly Described[], document: JsonObject): Html[] {
  const tables = new Map<string, { readonly statuses: string[]; readonly fields: Html }>();
  for (const { status, schema } of answers) {
    const fields = schema && answerFields(schema, document);
    if (fields === undefined) continue;
    const same = tables.get(fields.text);
    if (same) same.statuses.push(status);
    else tables.set(fields.text, { statuses: [status], fields });
  }
  return [...tables.values()].map(
    ({ statuses, fields }) =>
      html`<details class="fields"><summary>What its fields mean${tables.size > 1 && ` (${statuses.join(', ')})`}</summary>${fields}</details>`,
  );
}

/** One answer for each status of the route's own errors, where programs have to tell what to do. */
function refusalsOf({ errors }: RouteRow): Html {
  const shown = new Map<number, ErrorCode>();
  for (const code of errors) if (!shown.has(ERRORS[code].status)) shown.set(ERRORS[code].status, code);
  return html`${[...shown].map(
    ([status, code]) =>
      html`<details><summary><b>${status}</b> ${code}${status === 503 && ', with Retry-After'}</summary><div class="block"><pre tabindex="0">${JSON.stringify(exampleError(code), null, 2)}</pre></div></details>`,
  )}`;
}

function failuresOf(row: RouteRow): Html {
  const codes = errorsOf(row).sort((a, b) => ERRORS[a].status - ERRORS[b].status);
  return html`<details><summary>Errors: ${row.errors.length === 0 ? 'those of every route' : row.errors.join(', ')}</summary><dl>${codes.map(
    (code) => html`<div><dt><code>${code}</code><span>${ERRORS[code].status}</span></dt><dd>${ERRORS[code].meaning}</dd></div>`,
  )}</dl></details>`;
}

/** What the search finds a route by: all that is said of what it takes and answers. */
function wordsOf(row: RouteRow, operation: JsonObject, document: JsonObject): string {
  const asked = [
    ...listOf(operation.parameters).flatMap(({ name, description }) => [String(name), String(description ?? '')]),
    ...bodyFieldsOf(operation, document).flatMap(({ name, description }) => [name, String(description ?? '')]),
  ];
  const answered = describedAnswers(operation).flatMap(({ schema }) => (schema ? answerWords(schema, document) : []));
  const { method, path, summary, scope, errors, config } = row;
  const all = [method, path, summary, scope, ...errors, config.notes ?? '', ...asked, ...answered].join(' ').toLowerCase();
  return [...new Set(all.split(/\s+/))].join(' ');
}
