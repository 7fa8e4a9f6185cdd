import type { RouteRow } from '../route-table.ts';
import { type CurlOptions, curlOf } from './curl.ts';
import { type Html, html } from './html.ts';

/** What holds for all routes: one card each, with the words by which somebody would look for it. */
interface Fact {
  readonly title: string;
  readonly words: string;
  readonly text: Html;
  /** Whether it holds for what is here: a worker's listener has no jobs. */
  readonly holds: boolean;
}

/** @returns the first command, and what holds for all routes that are there */
export function startFacts(rows: readonly RouteRow[], options: CurlOptions): Html {
  const first = curlOf('GET', '/health', {}, { ...options, needsToken: false });
  return html`<div class="block"><pre class="command">${first}</pre></div>
<div class="facts">${factsOf(rows, options)
    .filter(({ holds }) => holds)
    .map(
      ({ title, words, text }) => html`
<div data-words="${`${title} ${words} ${text.text.replaceAll(/<[^>]*>/g, ' ')}`.toLowerCase()}"><h3>${title}</h3><p>${text}</p></div>`,
    )}
</div>`;
}

function factsOf(rows: readonly RouteRow[], { needsToken }: CurlOptions): Fact[] {
  const hasJobs = rows.some(({ path }) => path.endsWith('/jobs/:id'));
  const token = needsToken
    ? html`Send a token as <code>X-Gateway-Token</code> or <code>Authorization: Bearer</code>. The commands below take it from the variable <code>GATEWAY_TOKEN</code>. Its scope is <code>read</code>, <code>write</code> or <code>admin</code>; each includes the ones before.`
    : html`None is needed: this listens on its own machine only. Off it, every request but those for health and these pages needs one.`;
  return [
    { title: 'Tokens', words: 'token auth authentication jwt login scope header', text: token, holds: true },
    {
      title: 'Errors',
      words: 'error code message field request id',
      text: html`<code>{"error": {"code", "message", "field"?}}</code>. Codes are stable: <a href="#errors">all of them</a>. Every answer has an <code>X-Request-Id</code>, under which the log knows it.`,
      holds: true,
    },
    {
      title: 'Jobs',
      words: 'asynchronous async poll 202',
      text: html`What takes time is answered 202 with a <code>jobId</code>, whatever state Telegram is in. Ask for the job, or listen to the <a href="#events">events</a>.`,
      holds: hasJobs,
    },
    {
      title: 'Pages',
      words: 'paging pagination cursor page next limit',
      text: html`Follow <code>next</code>, or the header <code>Link</code> with <code>rel="next"</code>, until it is null.`,
      holds: true,
    },
    {
      title: 'Limits',
      words: 'rate limit ratelimit throttling 429',
      text: html`<code>RateLimit-Remaining</code> says what is left. With 429 and 503, <code>Retry-After</code> says in how many seconds to come back.`,
      holds: true,
    },
    {
      title: 'Again',
      words: 'etag cache conditional 304',
      text: html`Reads carry an <code>ETag</code>: send it as <code>If-None-Match</code>, and what has not changed is 304.`,
      holds: true,
    },
    {
      title: 'Once',
      words: 'idempotency idempotent idempotency-key twice retry',
      text: html`An <code>Idempotency-Key</code> makes a request that is sent twice one job, for 24 hours.`,
      holds: hasJobs,
    },
  ];
}
