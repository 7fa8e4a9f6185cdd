import { createHash } from 'node:crypto';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { entityTag } from '../answer-once.ts';
import { API_BASE } from '../api-base.ts';
import type { RouteRow } from '../route-table.ts';
import { type CurlOptions, inQuotes } from './curl.ts';
import { eventsArticle } from './events-article.ts';
import { Html, html } from './html.ts';
import { openApiDocument } from './openapi.ts';
import { errorsOf } from './openapi-errors.ts';
import { SCRIPT } from './page-script.ts';
import { STYLE } from './page-style.ts';
import { articleOf } from './route-article.ts';
import { operationIdOf, tagsOf } from './route-names.ts';
import { startFacts } from './start-facts.ts';

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

/** Stands in the made page where the gateway is named after `http` and `ws` alike; in no text of ours. */
const PLACE = '\uE000';

/** A page that was made once, for whatever place the gateway is asked at. */
export interface DocsPage {
  /** @param origin where the gateway is, e.g. `http://127.0.0.1:4010`: text, whatever a client took for one */
  at(origin: string): { readonly text: string; readonly tag: string };
}

/** @returns a page that tells people all that the OpenAPI document tells programs, with commands to copy */
export function docsPage(rows: readonly RouteRow[], needsToken: boolean): DocsPage {
  const made = pageText(rows, { base: `http${PLACE}`, needsToken });
  const parts = made.split(PLACE);
  const ownTag = entityTag(made);
  return {
    at(origin) {
      // The place always stands in a quoted word of a command.
      const place = html`${inQuotes(origin.slice('http'.length))}`.text;
      return { text: parts.join(place), tag: entityTag(`${ownTag} ${place}`) };
    },
  };
}

function pageText(rows: readonly RouteRow[], options: CurlOptions): string {
  const document = openApiDocument(rows);
  const groups = tagsOf(rows);
  const hasEvents = rows.some(({ path }) => path === `${API_BASE}/events`);
  const isGateway = rows.some(({ path }) => path.startsWith(API_BASE));
  const lead = isGateway
    ? 'An always-on gateway to Telegram user accounts.'
    : "A worker's own listener, for those who run it: health, figures, and the actors as they are. Everything else is asked of a gateway.";
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
  ({ name, routes }) =>
    html`<div data-group><h2>${name}</h2><ul>${routes.map(
      (row) =>
        html`<li><a href="#${operationIdOf(row)}" title="${row.summary}"><span class="verb ${row.method}">${row.method}</span><span><bdi>${row.path.replace(API_BASE, '')}</bdi></span></a></li>`,
    )}</ul></div>`,
)}
</nav>
<main>
<div id="start" data-group>
<h1>What there is to ask</h1>
<p class="lead">${lead} The same for programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
${startFacts(rows, options)}
</div>
<p id="empty" class="none" role="status" hidden>Nothing fits the search.</p>
${groups.map(
  ({ name, description, routes }) => html`<section class="tag" data-group><h2>${name}</h2><p>${description}</p>
${routes.map((row) => articleOf(row, document, options))}${hasEvents && name === 'Events' && eventsArticle()}</section>`,
)}
<section class="tag" data-group><h2 id="errors">Errors</h2><p>Every code there is. A program looks at the code; the text is for people.</p>
<article class="wide"><dl>
${codesOf(rows, isGateway).map((code) => {
  const { status, meaning } = ERRORS[code];
  const words = `${code} ${status} ${meaning}`.toLowerCase();
  return html`<div id="${code}" data-words="${words}"><dt><code>${code}</code><span>${status}</span></dt><dd>${meaning}</dd></div>`;
})}
</dl></article></section>
</main>
</div>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

/** A gateway shows the errors of jobs too, which may be any; other listeners answer those of their routes. */
function codesOf(rows: readonly RouteRow[], isGateway: boolean): ErrorCode[] {
  const answered = new Set(rows.flatMap(errorsOf));
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => isGateway || answered.has(code));
}
